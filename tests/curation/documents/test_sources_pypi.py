"""Source distributions: from the real registry, and hostile ones made here."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import curation.documents.sources.archives
from curation.documents.markup.page import NotIncludedError
from curation.documents.sources.archives import read_archive
from curation.documents.sources.files import SourceFile
from curation.documents.sources.kinds import open_source
from curation.documents.sources.sdist import PipConfiguration
from curation.errors import SourceError
from curation.settings import ChunkSettings

LIMIT = 10_000
NOWHERE = Path("/nowhere")  # none of these keeps what it fetched
METADATA = (
    b"Metadata-Version: 2.1\nName: tiny\nProject-URL: Source, https://github.com/who/tiny.git\n\nbody\n"
)


def tar(
    path: Path, members: dict[str, bytes], extra: Callable[[tarfile.TarFile], None] | None = None
) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if extra:
            extra(archive)
    return path


def link(name: str, target: str, kind: bytes) -> Callable[[tarfile.TarFile], None]:
    def add(archive: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type = kind
        info.linkname = target
        archive.addfile(info)

    return add


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip is configured to look in, and nowhere else."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_documentation_and_metadata_are_read(tmp_path: Path) -> None:
    members = {
        "tiny-1/PKG-INFO": METADATA,
        "tiny-1/README.md": b"# Tiny",
        "tiny-1/CHANGES.md": b"no",
        "tiny-1/docs/b.rst": b"B",
        "tiny-1/docs/sub/a.md": b"A",
        "tiny-1/docs/big.md": b"x" * (LIMIT + 1),
        "tiny-1/src/vendor/docs/c.md": b"deeper",
        "tiny-1/setup.py": b"raise SystemExit('never run')",
    }
    content = read_archive(tar(tmp_path / "tiny-1.tar.gz", members), LIMIT)
    assert [(file.path, file.data) for file in content.files] == [
        ("README.md", b"# Tiny"),
        ("docs/b.rst", b"B"),
        ("docs/big.md", None),
        ("docs/sub/a.md", b"A"),
    ]
    assert content.metadata["name"] == ["tiny"]


def test_nothing_leads_out_of_an_archive(tmp_path: Path) -> None:
    names = [
        "tiny-1/../../docs/evil.md",
        "/docs/evil.md",
        "../docs/evil.md",
        "tiny-1/docs/../../../evil.md",
        "C:/docs/evil.md",
    ]
    before = set(tmp_path.rglob("*"))
    archive = tar(
        tmp_path / "tiny-1.tar.gz", {**dict.fromkeys(names, b"evil"), "tiny-1/docs/good.md": b"good"}
    )
    assert [file.path for file in read_archive(archive, LIMIT).files] == ["docs/good.md"]
    zipped = tmp_path / "tiny-1.zip"
    with zipfile.ZipFile(zipped, "w") as out:
        for name in [*names, "tiny-1/docs/good.md"]:
            out.writestr(name, b"x")
        info = zipfile.ZipInfo("tiny-1/docs/link.md")
        info.external_attr = 0o120777 << 16
        out.writestr(info, "/etc/passwd")
    assert [file.path for file in read_archive(zipped, LIMIT).files] == ["docs/good.md"]
    assert set(tmp_path.rglob("*")) - before == {archive, zipped}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_ignored(tmp_path: Path, kind: bytes) -> None:
    archive = tar(
        tmp_path / "t-1.tar.gz", {"t-1/docs/a.md": b"a"}, link("t-1/docs/b.md", "/etc/passwd", kind)
    )
    assert [file.path for file in read_archive(archive, LIMIT).files] == ["docs/a.md"]


def test_bombs_and_ruins_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tar(tmp_path / "t-1.tar.gz", {"t-1/docs/a.md": b"a" * 5000, "t-1/other.bin": b"0" * 200_000})
    for number, ruin in enumerate(
        [b"", b"not an archive", whole.read_bytes()[:60], gzip.compress(b"x" * 2000)]
    ):
        broken = tmp_path / f"broken-{number}.tar.gz"
        broken.write_bytes(ruin)
        with pytest.raises(SourceError, match="not a readable archive"):
            read_archive(broken, LIMIT)
    monkeypatch.setattr(curation.documents.sources.archives, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(SourceError, match="unpacks to more than"):
        read_archive(whole, LIMIT)


def test_a_package_is_taken_from_where_pip_looks_and_never_built(wheelhouse: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    setup = f"open({str(ran)!r}, 'w')".encode()
    for version in ("1.0", "1.1"):
        members = {
            f"tiny_docs-{version}/PKG-INFO": METADATA,
            f"tiny_docs-{version}/setup.py": setup,
            f"tiny_docs-{version}/docs/a.md": f"# A {version}".encode(),
        }
        tar(wheelhouse / f"tiny_docs-{version}.tar.gz", members)
    newest = open_source("pypi:Tiny_Docs", ChunkSettings(), NOWHERE)
    assert (newest.name, newest.version) == ("pypi:tiny-docs", "1.1")
    (file,) = newest.read()
    assert isinstance(file, SourceFile)
    assert (file.path, file.text) == ("docs/a.md", "# A 1.1")
    assert file.url == "https://github.com/who/tiny/blob/HEAD/docs/a.md"
    assert open_source("pypi:tiny-docs==1.0", ChunkSettings(), NOWHERE).version == "1.0"
    with pytest.raises(SourceError, match=r"no source distribution of version 2") as caught:
        open_source("pypi:tiny-docs==2", ChunkSettings(), NOWHERE)
    assert "1.1, 1.0" in caught.value.hint
    with pytest.raises(SourceError, match="no package called other"):
        open_source("pypi:other", ChunkSettings(), NOWHERE)
    assert not ran.exists()


def test_a_pre_release_is_taken_only_where_there_is_nothing_else_or_by_name(wheelhouse: Path) -> None:
    for name, version in [("calm", "1.2"), ("calm", "2.0.dev6"), ("young", "0.1a1"), ("young", "0.1a2")]:
        members = {f"{name}-{version}/PKG-INFO": METADATA, f"{name}-{version}/docs/a.md": b"# A\n\ntext"}
        tar(wheelhouse / f"{name}-{version}.tar.gz", members)
    assert open_source("pypi:calm", ChunkSettings(), NOWHERE).version == "1.2"
    assert open_source("pypi:calm==2.0.dev6", ChunkSettings(), NOWHERE).version == "2.0.dev6"
    assert open_source("pypi:young", ChunkSettings(), NOWHERE).version == "0.1a2"


def test_a_package_with_a_readme_only_says_so(wheelhouse: Path) -> None:
    members = {"bare-1/PKG-INFO": METADATA, "bare-1/README.md": b"# Bare", "bare-1/docs/need.txt": b"sphinx"}
    tar(wheelhouse / "bare-1.tar.gz", members)
    remark = open_source("pypi:bare", ChunkSettings(), NOWHERE).remark
    assert "holds a README and no documentation" in remark
    assert remark.endswith("clayloop ingest github:who/tiny")
    tar(
        wheelhouse / "full-1.tar.gz",
        {
            **{f"full-1/{name.split('/', 1)[1]}": data for name, data in members.items()},
            "full-1/docs/a.md": b"# A",
        },
    )
    assert open_source("pypi:full", ChunkSettings(), NOWHERE).remark == ""


def test_pages_include_files_from_all_over_a_distribution(wheelhouse: Path) -> None:
    members = {
        "with-1/docs/a.rst": b"x",
        "with-1/CHANGES.rst": b"changes",
        "with-1/AUTHORS": b"her",
        "with-1/examples/fire.py": b"fire()",
        "with-1/examples/big.py": b"#" * 200_000,
        "with-1/secret.bin": b"no",
    }
    tar(wheelhouse / "with-1.tar.gz", members)
    source = open_source("pypi:with", ChunkSettings(), NOWHERE)
    assert [source.text(name) for name in ("CHANGES.rst", "AUTHORS", "examples/fire.py")] == [
        "changes",
        "her",
        "fire()",
    ]
    for name in ("examples/big.py", "secret.bin", "none.rst", "../with-1/docs/a.rst"):
        with pytest.raises(NotIncludedError):
            source.text(name)


def test_what_a_package_lacks_is_named(wheelhouse: Path) -> None:
    tar(wheelhouse / "bare-1.0.tar.gz", {"bare-1.0/PKG-INFO": METADATA, "bare-1.0/bare.py": b""})
    with pytest.raises(SourceError, match="holds no documentation"):
        open_source("pypi:bare", ChunkSettings(), NOWHERE)
    with zipfile.ZipFile(wheelhouse / "wheely-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("wheely.py", "")
    with pytest.raises(SourceError, match="without a source distribution"):
        open_source("pypi:wheely", ChunkSettings(), NOWHERE)


def test_no_network_is_named_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter2@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "2")
    with pytest.raises(SourceError, match=r"at 127\.0\.0\.1 cannot be reached") as caught:
        open_source("pypi:tiny", ChunkSettings(), NOWHERE)
    assert "hunter2" not in str(caught.value)


def test_pip_configuration_precedence() -> None:
    listing = (
        "global.index-url='https://a/simple'\nglobal.extra-index-url='file:///x/simple\\nfile:///y/simple'\n"
        ":env:.index-url='https://c/simple'\ndownload.index-url='https://b/simple'\nglobal.timeout='60'\n"
        "global.no-index='false'\ninstall.proxy='http://no'\n"
    )
    found = PipConfiguration.parse(listing)
    assert found.index_url == "https://c/simple"
    assert found.extra_index_urls == ["file:///x/simple", "file:///y/simple"]
    assert (found.timeout, found.no_index, found.proxy) == (60.0, False, "")


def test_the_real_registry() -> None:
    """six: a small package with rst documentation in its source distribution."""
    source = open_source("pypi:six==1.16.0", ChunkSettings(), NOWHERE)
    assert (source.name, source.version) == ("pypi:six", "1.16.0")
    paths = [item.path for item in source.read() if isinstance(item, SourceFile)]
    assert paths == ["README.rst", "documentation/index.rst"]


def test_without_pip_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    bare = str(tmp_path / "bare" / "bin" / "python")
    monkeypatch.setattr(sys, "executable", bare)
    with pytest.raises(SourceError) as raised:
        PipConfiguration.read()
    assert raised.value.hint == f"Run: {bare} -m ensurepip"
