"""Where a source's pages are published: given in the settings, told by its tree, or not known."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from curation.documents.corpus import Corpus
from curation.documents.ingest import ingest
from curation.documents.links import Site
from curation.documents.sites import folder_links, package_links
from curation.home import Home
from curation.settings import ChunkSettings, PagesSettings
from tests.curation.counting import minilm

READ_THE_DOCS = {
    "project-url": ["Documentation, https://kiln.readthedocs.io/", "Source, https://github.com/o/kiln"]
}
PYMDOWNX = "markdown_extensions: [toc: {slugify: pymdownx.slugs.uslugify}]\n"
MKDOCS = "site_name: Kiln\nsite_url: https://kiln.example.org/\nx: !!python/name:material.emoji.twemoji\n"


def package(files: dict[str, str], metadata: dict[str, list[str]], *paths: str) -> list[str]:
    links = package_links(files.get, metadata)
    return [f"{found.url} {found.anchors}" for found in map(links, paths)]


def urls(site: Site, *paths: str) -> list[str]:
    return [address.url if address else "" for address in map(site.address, paths)]


def test_a_template_makes_the_addresses_of_pages() -> None:
    html = Site("https://e.org/en/{path}.html", "sphinx", root="docs")
    assert urls(html, "docs/a b/index.rst", "README.rst") == ["https://e.org/en/a%20b/index.html", ""]
    folders = Site("https://e.org/{path}/", "mkdocs")
    assert urls(folders, "index.md", "a/README.md", "a/b.md") == [
        "https://e.org/",
        "https://e.org/a/",
        "https://e.org/a/b/",
    ]
    assert urls(Site("https://e.org/tree/{file}", "github"), "a/b.md") == ["https://e.org/tree/a/b.md"]
    numbered = Site("https://e.org/docs/{path}", "docusaurus")
    assert urls(numbered, "01-intro.md", "02-api/api.md", "2024-01-01.md") == [
        "https://e.org/docs/intro",
        "https://e.org/docs/api/",
        "https://e.org/docs/2024-01-01",
    ]


def test_sphinx_on_read_the_docs_and_a_readme_beside_it() -> None:
    tree = {"docs/source/conf.py": "project = 'kiln'\n"}
    assert package(tree, READ_THE_DOCS, "docs/source/use/a.rst", "README.md", "docs/old.txt") == [
        "https://kiln.readthedocs.io/page/use/a.html sphinx",
        "https://github.com/o/kiln/blob/HEAD/README.md github",
        "https://github.com/o/kiln/blob/HEAD/docs/old.txt lines",
    ]


@pytest.mark.parametrize(
    ("tree", "documentation", "wanted"),
    [
        ({"docs/conf.py": "html_baseurl = 'https://k.org/doc/'"}, "", "https://k.org/doc/a.html sphinx"),
        ({"docs/conf.py": "html_baseurl = f(x)"}, "https://k.org/en/", "https://k.org/en/a.html sphinx"),
        (
            {"docs/conf.py": "", ".readthedocs.yaml": "sphinx:\n  builder: dirhtml\n"},
            "https://docs.k.org",
            "https://docs.k.org/page/a/ sphinx",
        ),
        # a host alone may keep its pages anywhere: the repository is sure
        ({"docs/conf.py": ""}, "https://docs.k.org", "https://github.com/o/k/blob/HEAD/docs/a.md github"),
        ({"mkdocs.yml": MKDOCS}, "", "https://kiln.example.org/a/ mkdocs"),
        (
            {"mkdocs.yml": MKDOCS + "use_directory_urls: false\n" + PYMDOWNX},
            "",
            "https://kiln.example.org/a.html pymdownx",
        ),
        (
            {"mkdocs.yml": MKDOCS + "extra: {version: {provider: mike, default: stable}}"},
            "",
            "https://kiln.example.org/stable/a/ mkdocs",
        ),
        ({"mkdocs.yml": MKDOCS + "markdown_extensions: true\n"}, "", "https://kiln.example.org/a/ mkdocs"),
        ({"mkdocs.yml": "site_url: [\n"}, "", "https://github.com/o/k/blob/HEAD/docs/a.md github"),
        (
            {"docusaurus.config.ts": "const c = {\n  url: 'https://k.dev',\n  baseUrl: '/k/',\n}"},
            "",
            "https://k.dev/k/docs/a docusaurus",
        ),
        ({}, "", "https://github.com/o/k/blob/HEAD/docs/a.md github"),
    ],
)  # fmt: skip
def test_what_a_tree_tells_of_its_site(tree: dict[str, str], documentation: str, wanted: str) -> None:
    named = ["Source, https://github.com/o/k", f"Documentation, {documentation}"]
    assert package(tree, {"project-url": named}, "docs/a.md") == [wanted]


def test_a_folder_is_told_by_what_lies_above_it_in_its_checkout(tmp_path: Path) -> None:
    docs = tmp_path / "kiln" / "docs"
    (docs / "guide").mkdir(parents=True)
    (docs.parent / ".git").mkdir()
    (docs.parent / "mkdocs.yml").write_text(MKDOCS)
    assert folder_links(docs)("a.md").url == "https://kiln.example.org/a/"
    assert folder_links(docs / "guide")("a.md").url == "https://kiln.example.org/guide/a/"
    assert folder_links(docs.parent)("docs/a.md").url == "https://kiln.example.org/a/"
    (tmp_path / "mkdocs.yml").write_text(MKDOCS.replace("kiln.", "other."))
    (docs.parent / "mkdocs.yml").write_text("docs_dir: elsewhere\n" + MKDOCS)
    assert folder_links(docs)("a.md").url == ""  # another folder is published, and above .git nothing counts
    (docs / "conf.py").write_text("")
    (docs.parent / "pyproject.toml").write_text('[project.urls]\nDocumentation = "https://k.org/en/"\n')
    assert folder_links(docs)("a.md").url == "https://k.org/en/a.html"


def test_each_chunk_has_the_address_of_its_section(tmp_path: Path) -> None:
    docs, home = tmp_path / "docs", Home(tmp_path / "state")
    docs.mkdir()
    filler = "Fire it slowly and let it cool for a whole night before you open the door. " * 8
    (docs / "kiln.md").write_text(f"# Kiln\n\n{filler}\n\n## Use\n\n{filler}\n\n## Use\n\n{filler * 5}\n")
    pages = PagesSettings(url="https://e.org/{path}/", anchors="mkdocs")
    ingest([str(docs)], home, ChunkSettings(pages={str(docs): pages}), minilm())
    chunks = Corpus.load(home).chunks
    assert [chunk.url.removeprefix("https://e.org/kiln/") for chunk in chunks[:3]] == ["", "#use", "#use_1"]
    assert {chunk.url for chunk in chunks[2:]} == {"https://e.org/kiln/#use_1"}
    assert [chunk.line for chunk in chunks[:3]] == [1, 5, 9]

    report = ingest([str(docs)], home, ChunkSettings(), minilm())
    assert (report.added, report.removed, report.read[0].pages) == (0, 0, "file and line")
    assert Corpus.load(home).chunks[1].address == "kiln.md:5"


@pytest.mark.parametrize("url", ["javascript:alert({path})", "https://e.org/", "https://e.org/{path} x", ""])
def test_a_template_that_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match=r"http\(s\) address with"):
        PagesSettings(url=url)
