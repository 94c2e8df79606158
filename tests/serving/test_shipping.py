"""Releases that come from elsewhere: what was published arrives, what was tampered with does not."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from curation import ClayloopError, Home, HubRepo, ReleaseError, StateError
from serving.releases.answering import Answering, release_with
from serving.releases.record import (
    RELEASE_FILE,
    AnsweringInfo,
    EmbeddingInfo,
    IndexInfo,
    Release,
    ReleaseDraft,
    RetrievalInfo,
    digest,
)
from serving.releases.shipping import INDEX_ARCHIVE, fetch_release, publish_release
from serving.releases.store import ReleaseStore
from tests.stand_in_hub import GOOD, StandInHub

REPO = HubRepo("me/bot", "model", token=GOOD)
FILES = {
    "model/modules.json": '[{"type": "sentence_transformers.models.Transformer"}]',
    "model/model.safetensors": "weights",
    "index/chunks.lance/data": "rows" * 1000,
    "index/chunks.arrow": "rows",
    "answering/model.gguf": "weights of a language model",
    "answers.json": "[]",
    "answering.json": '{"anna": "accepted this"}',
    "evaluation.json": '{"who": "anna"}',
    "lineage.parquet": "anna said no",
    "README.md": "# old",
}
Files = dict[str, bytes]


@pytest.fixture
def store(home: Home) -> ReleaseStore:
    """A release that is whole, though nothing in it could be loaded."""
    made = ReleaseStore(home)
    folder = made.staging("x")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    draft = ReleaseDraft(
        base_model="some",
        embedding=EmbeddingInfo(name="some", dimension=2, max_tokens=8),
        index=IndexInfo(rows=1, dimension=2),
        retrieval=RetrievalInfo(top_k=3, min_score=0.2),
        answering=AnsweringInfo(name="tuned"),
    )
    made.promote(made.publish(folder, draft).id)
    return made


@pytest.fixture
def elsewhere(tmp_path: Path) -> ReleaseStore:
    return ReleaseStore(Home(tmp_path / "elsewhere"))


def test_it_arrives_whole_without_who_taught_it_and_is_not_served(
    store: ReleaseStore, elsewhere: ReleaseStore, hub: StandInHub
) -> None:
    shipped, address = publish_release(store, None, REPO)
    repo = hub.repos["model", "me/bot"]
    assert (repo.private, address) == (True, f"{hub.url}/me/bot")
    assert "anna" not in str({name: data for name, data in repo.files.items() if name != INDEX_ARCHIVE})
    assert {"README.md", RELEASE_FILE, INDEX_ARCHIVE, "model/model.safetensors"} <= set(repo.files)
    for _ in range(2):  # the second finds it there
        release = fetch_release(elsewhere, REPO)
    assert (release, elsewhere.ids(), elsewhere.current_id()) == (shipped, [shipped.id], None)
    original = store.current()
    assert release.number == original.number and release.retrieval == original.retrieval
    assert release.answering == original.answering
    for name in sorted(FILES.keys() & release.files.keys() - {"README.md"}):
        assert release.files[name] == original.files[name]
    assert not list(elsewhere.root.glob(".staging-*")) and not list(store.root.glob(".staging-*"))
    elsewhere.promote(release.id)
    publish_release(store, None, REPO)
    assert fetch_release(store, REPO).id == shipped.id, "beside the original"


def test_no_answers_of_a_model_elsewhere_are_shipped_or_fetched(
    store: ReleaseStore, elsewhere: ReleaseStore, hub: StandInHub
) -> None:
    """Its address is nobody's business, and visitors' questions would go there."""
    told = AnsweringInfo(name="big", base_url="http://10.0.0.5:8000/v1")
    own = release_with(store, store.current(), Answering(told), "{}")
    assert own.answering == told and "answering/model.gguf" not in own.files
    shipped, _ = publish_release(store, own.id, REPO)
    assert shipped.answering is None
    files = hub.repos["model", "me/bot"].files
    assert "10.0.0.5" not in str({name: data for name, data in files.items() if name != INDEX_ARCHIVE})
    record = json.loads(files[RELEASE_FILE]) | {"answering": told.model_dump()}
    files |= renamed({RELEASE_FILE: json.dumps(record).encode()})
    with pytest.raises(ReleaseError, match="a language model elsewhere"):
        fetch_release(elsewhere, REPO)


def archive_with(member: tarfile.TarInfo, data: bytes = b"x") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        member.size = len(data) if member.isreg() else 0
        archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


def link(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


def renamed(files: Files, **changes: str) -> Files:
    """With other files in the record, whose id is right again."""
    record = json.loads(files[RELEASE_FILE])
    record["files"] |= changes
    record["id"] = f"{record['id'].partition('-')[0]}-{digest(record)}"
    return files | {RELEASE_FILE: json.dumps(record).encode()}


def foreign(files: Files) -> Files:
    from hashlib import sha256

    data = b'[{"type": "os.system"}]'
    changed = renamed(files, **{"model/modules.json": sha256(data).hexdigest()})
    return changed | {"model/modules.json": data}


TAMPERED: dict[str, tuple[Callable[[Files], Files], str]] = {
    "weights": (lambda files: files | {"model/model.safetensors": b"other"}, "is corrupt"),
    "one more": (lambda files: files | {"model/model.bin": b"pickle"}, "does not belong"),
    "one less": (lambda files: {key: files[key] for key in files if "modules" not in key}, "is missing"),
    "record": (
        lambda files: files | {RELEASE_FILE: files[RELEASE_FILE].replace(b'"top_k": 3', b'"top_k": 9')},
        "was changed after",
    ),
    "no record": (lambda files: {key: files[key] for key in files if key != RELEASE_FILE}, "no release"),
    "no json": (lambda files: files | {RELEASE_FILE: b"{"}, "can't be read"),
    "way out": (lambda files: renamed(files, **{"../../evil": "0" * 64}), "outside of itself"),
    "ledger": (lambda files: renamed(files, **{"lineage.parquet": "0" * 64}), "no shipped release has"),
    "archive leads out": (
        lambda files: files | {INDEX_ARCHIVE: archive_with(tarfile.TarInfo("index/../../evil"))},
        "which is not its",
    ),
    "archive with a link": (
        lambda files: files | {INDEX_ARCHIVE: archive_with(link("index/chunks.arrow"))},
        "which is not its",
    ),
    "archive is none": (lambda files: files | {INDEX_ARCHIVE: b"\x1f\x8b half"}, "can't be unpacked"),
    "no archive": (lambda files: {key: files[key] for key in files if key != INDEX_ARCHIVE}, "There is no"),
    "foreign class": (foreign, "foreign class 'os.system'"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_tampered_with_is_refused_and_leaves_nothing(
    how: str, store: ReleaseStore, elsewhere: ReleaseStore, hub: StandInHub, tmp_path: Path
) -> None:
    publish_release(store, None, REPO)
    repo = hub.repos["model", "me/bot"]
    change, words = TAMPERED[how]
    repo.files = change(dict(repo.files))
    repo.commits += 1
    with pytest.raises(ReleaseError, match=words):
        fetch_release(elsewhere, REPO)
    assert elsewhere.ids() == []
    left = {path.name for path in tmp_path.rglob("*") if "evil" in path.name or "staging" in path.name}
    assert not left


def test_what_cannot_be_had_is_said(elsewhere: ReleaseStore, store: ReleaseStore, hub: StandInHub) -> None:
    with pytest.raises(StateError, match="'me/bot' could not be fetched"):
        fetch_release(elsewhere, REPO)
    publish_release(store, None, REPO)
    with pytest.raises(StateError, match="could not be fetched"):
        fetch_release(elsewhere, HubRepo("me/bot", "model", token="hf_wrong"))
    hub.refuses_commits = True
    with pytest.raises(StateError, match="Nothing was uploaded"):
        publish_release(store, None, REPO)
    with pytest.raises(ClayloopError):
        publish_release(store, "r0009-00000000", REPO)
    assert isinstance(store.current(), Release)
