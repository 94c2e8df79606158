"""Releases on the Hugging Face Hub: packed for others, and taken in after a check of every hash.

What is shipped is what is needed to serve: model, index, reranker, answering model, curated answers, prompt
and settings. The ledgers and the evaluation stay here: they name annotators and hold what each of them said.
So does the address of an answering model that is served elsewhere, and none is taken in: visitors' questions
would go there. So it is a release of its own, with an id over its own files.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

from curation import HubRepo, ReleaseError, fetch_folder, first_line, push_folder, sha256
from serving.releases.answers import ANSWERS_FILE
from serving.releases.card import model_card
from serving.releases.files import file_names, is_inside
from serving.releases.record import (
    ANSWERING_FOLDER,
    ANSWERING_MODEL,
    CARD_FILE,
    INDEX_FOLDER,
    MODEL_FOLDER,
    RELEASE_FILE,
    RELEASE_ID,
    RERANKER_FOLDER,
    Release,
    digest,
)
from serving.releases.store import ReleaseStore
from serving.retrieval.models import check_safe

INDEX_ARCHIVE = "lancedb.tar.gz"  # what the tutorial called it
_SHIP, _FETCH = "ship", "fetch"  # what is put together in a staging folder
_PARTS = (MODEL_FOLDER, INDEX_FOLDER, RERANKER_FOLDER)
_FILES = (ANSWERS_FILE, CARD_FILE, ANSWERING_MODEL)
_MOST_BYTES, _MOST_FILES = 20_000_000_000, 100_000
_OWN_MODULES = "sentence_transformers."  # whose classes a model's modules.json may name
_NOT_OURS = "Name a repository that `clayloop publish release` filled, or publish it again."


def publish_release(store: ReleaseStore, release_id: str | None, repo: HubRepo) -> tuple[Release, str]:
    """Upload a release (None: the served one), and return it as it is there, and its address. Raises
    ReleaseError when it is damaged, StateError when the upload fails: then nothing has changed there."""
    release = store.verify(release_id or store.current().id)
    folder = store.staging(_SHIP, empty=True)
    try:
        shipped = _pack(store.folder(release.id), release, folder)
        old = [f"{part}/*" for part in (MODEL_FOLDER, RERANKER_FOLDER, ANSWERING_FOLDER)]
        return shipped, push_folder(repo, folder, f"Release {shipped.id}", delete=old)
    finally:
        store.discard(_SHIP)


def fetch_release(store: ReleaseStore, repo: HubRepo, revision: str | None = None) -> Release:
    """Download a release and put it among the others: not served, and only if it is what its record says.

    A release that is there already is left as it is. Raises StateError when it cannot be had, ReleaseError
    when it is none or was changed: then nothing has changed here.
    """
    folder = store.staging(_FETCH, empty=True)
    try:
        wanted = [RELEASE_FILE, INDEX_ARCHIVE, *_FILES, f"{MODEL_FOLDER}/*", f"{RERANKER_FOLDER}/*"]
        fetch_folder(repo, folder, wanted, revision)
        release = read_record(folder)
        strange = [name for name in release.files if not _is_shipped(name)]
        if release.answering is not None and release.answering.base_url:
            raise ReleaseError("Its answers would be written by a language model elsewhere.", _NOT_OURS)
        if strange:
            raise ReleaseError(f"It names a file that no shipped release has: {strange[0]!r}.", _NOT_OURS)
        if (store.root / release.id).is_dir():
            return store.verify(release.id)
        _unpack(folder / INDEX_ARCHIVE, folder, release)
        (folder / INDEX_ARCHIVE).unlink()
        check_fetched(folder, release)
        return store.take_in(folder, release)
    finally:
        store.discard(_FETCH)


def _pack(source: Path, release: Release, folder: Path) -> Release:
    """Fill ``folder`` with what is shipped."""
    kept = {name: found for name, found in release.files.items() if _is_shipped(name)}
    if release.answering is not None and release.answering.base_url:
        release = release.model_copy(update={"answering": None})
    card = model_card(release)
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    kept[CARD_FILE] = sha256(folder / CARD_FILE)
    values = {**release.model_dump(mode="json", exclude={"id", "files"}), "files": kept}
    shipped = {"id": f"{release.id.partition('-')[0]}-{digest(values)}", **values}
    (folder / RELEASE_FILE).write_text(json.dumps(shipped, indent=2, ensure_ascii=False), encoding="utf-8")
    with tarfile.open(folder / INDEX_ARCHIVE, "w:gz", compresslevel=1) as archive:
        for name in sorted(kept):
            if name.startswith(f"{INDEX_FOLDER}/"):
                archive.add(source / name, name, filter=_anonymous)
            elif name != CARD_FILE:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, target)
    return Release.model_validate(shipped)


def _is_shipped(name: str) -> bool:
    return name.partition("/")[0] in _PARTS or name in _FILES


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without whose file it was."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def read_record(folder: Path) -> Release:
    """The record of a release from elsewhere, whose files all have their place in ``folder``. Raises
    ReleaseError."""
    try:
        values = json.loads((folder / RELEASE_FILE).read_text(encoding="utf-8"))
        release = Release.model_validate(values)
        is_whole = RELEASE_ID.fullmatch(release.id) and release.id.endswith("-" + digest(values))
    except FileNotFoundError as error:
        raise ReleaseError(f"There is no {RELEASE_FILE} in it: that is no release.", _NOT_OURS) from error
    except (OSError, ValueError) as error:
        raise ReleaseError(f"Its {RELEASE_FILE} can't be read: {first_line(error)}", _NOT_OURS) from error
    if not is_whole:
        raise ReleaseError(f"Its {RELEASE_FILE} was changed after the release was made.", _NOT_OURS)
    strange = [name for name in release.files if not is_inside(folder, name)]
    if strange:
        raise ReleaseError(f"It names a file outside of itself: {strange[0]!r}.", _NOT_OURS)
    return release


def _unpack(archive: Path, folder: Path, release: Release) -> None:
    """The files of the index that ``release`` names, and no other, link or device: whatever the archive
    says, nothing is written anywhere else."""
    size = 0
    try:
        with tarfile.open(archive, "r:gz") as packed:
            for number, member in enumerate(packed):
                size += member.size
                if number >= _MOST_FILES or size > _MOST_BYTES:
                    raise ReleaseError(f"{INDEX_ARCHIVE} unpacks to more than a release may hold.", _NOT_OURS)
                is_named = member.name in release.files and member.name.startswith(f"{INDEX_FOLDER}/")
                if not member.isreg() or not is_named:
                    raise ReleaseError(f"{INDEX_ARCHIVE} holds {member.name!r}, which is not its.", _NOT_OURS)
                target, file = folder / member.name, packed.extractfile(member)
                assert file is not None  # noqa: S101 - a regular file
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    shutil.copyfileobj(file, out)
    except FileNotFoundError as error:
        raise ReleaseError(f"There is no {INDEX_ARCHIVE} in it.", _NOT_OURS) from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ReleaseError(f"{INDEX_ARCHIVE} can't be unpacked: {first_line(error)}", _NOT_OURS) from error


def check_fetched(folder: Path, release: Release) -> None:
    """Every file is there and as it should be, none else, and nothing in it runs when it is loaded. Raises
    ReleaseError."""
    found = set(file_names(folder)) - {RELEASE_FILE}
    wrong = [f"{name} does not belong to it" for name in sorted(found - set(release.files))]
    for name, expected in sorted(release.files.items()):
        if name not in found:
            wrong.append(f"{name} is missing")
        elif sha256(folder / name) != expected:
            wrong.append(f"{name} is corrupt")
    if wrong:
        raise ReleaseError(f"It is damaged: {'; '.join(wrong[:5])}.", _NOT_OURS)
    for part in (MODEL_FOLDER, RERANKER_FOLDER):
        check_safe(folder / part)
        for modules in (folder / part).rglob("modules.json"):
            try:
                kinds = [str(one["type"]) for one in json.loads(modules.read_text(encoding="utf-8"))]
            except (ValueError, TypeError, KeyError) as error:
                raise ReleaseError(f"Its {modules.name} can't be read.", _NOT_OURS) from error
            strange = [kind for kind in kinds if not kind.startswith(_OWN_MODULES)]
            if strange:
                raise ReleaseError(f"Its model asks for the foreign class {strange[0]!r}.", _NOT_OURS)
