"""The corpus on an object store, where several machines share it (see curation/sharing.py).

A machine saves documents, chunks and triplets there first and in its own folder only then; who reads them
fetches what others saved. So a kill or a store that fails leaves the old corpus or the new one, there and
here.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from curation.documents.corpus import Corpus
from curation.errors import BusyError, StateError
from curation.files import read_table, sha256, unwritable
from curation.home import Home
from curation.records.identity import content_id
from curation.records.triplet import TRIPLET_SCHEMA
from curation.sharing import Pointer, PointerMovedError, SharedFolders

_STAGING = ".shared"
_SAVE_AGAIN = "`clayloop ingest` where the documents are whole saves them there again."


def share_corpus(home: Home, url: str | None) -> None:
    """Share the corpus at ``url`` from now on; None: no longer. Where none is there, that of ``home`` goes
    there, and so do triplets; where ``home`` has none, it is fetched when it is first read.

    Raises SettingsError for what is no object store or bucket, StateError when it does not answer, or lacks
    anything that ``home`` has: then it is shared as before.
    """
    shared = SharedFolders(home, "corpus")
    with shared.shared_at(url):
        if url is not None and Corpus.exists(home):
            with held(home):
                fetch(home)
                found = shared.pointer()
                if found is None or (home.triplets.exists() and home.triplets.name not in found[0].files):
                    save_shared(home, lambda _: None)


def pull_corpus(home: Home) -> bool:
    """Fetch what another machine saved; False where nothing is new, or nothing is shared.

    Raises StateError when the store does not answer, or what is there is damaged or was never brought
    together with what is here, and BusyError while somebody here is writing: what is here stays as it is.
    """
    if _unseen(home) is None:
        return False
    with held(home):
        fetch(home)
    return True


def fetch(home: Home) -> None:
    """As ``pull_corpus``, for who holds the corpus."""
    found = _unseen(home)
    if found is None:
        return
    shared, (pointer, version) = SharedFolders(home, "corpus"), found
    with _staging(home) as new:
        places = [new.documents, new.chunks, new.former_chunks, new.triplets]
        if not pointer.files.keys() <= {path.name for path in places}:
            raise StateError(f"At {shared.url} is no corpus.", _SAVE_AGAIN)
        shared.fetch(pointer.name, new.corpus, pointer.files)
        for name, expected in pointer.files.items():
            if sha256(new.corpus / name, sync=True) != expected:
                raise StateError(f"{name} at {shared.url} is not what {pointer.by} saved there.", _SAVE_AGAIN)
        if shared.version is None and (others := _others(home, new)):
            raise StateError(
                f"The {others} shared at {shared.url} are others than those here.",
                f"To take them, move {home.corpus} away and share again; then ingest and synthesize what is "
                "missing.",
            )
        Corpus.load(new).save(home)
        if new.triplets.exists():
            new.triplets.replace(home.triplets)
    shared.saw(version)


def save_shared(home: Home, write: Callable[[Home], None]) -> None:
    """``write`` a part of the corpus into ``home``: where the corpus is shared, for all machines first. The
    caller holds the corpus.

    Raises BusyError when another machine has changed it since this one has looked, StateError when the store
    does not answer: then nothing is changed here.
    """
    shared = SharedFolders(home, "corpus")
    version = None
    if shared.url is not None:
        with _staging(home) as new:
            if home.triplets.exists():
                shutil.copyfile(home.triplets, new.triplets)
            write(new)
            if not Corpus.exists(new):
                Corpus.load(home).save(new)
            files = {path.name: sha256(path) for path in sorted(new.corpus.iterdir())}
            pointer = Pointer(name=content_id(*files.values()), by=platform.node(), files=files)
            try:
                version = shared.put(pointer, new.corpus, files)
            except PointerMovedError as error:
                who = error.found.by if error.found else "another machine"
                raise BusyError(
                    f"Not saved: {who} has changed the documents at {shared.url} meanwhile.",
                    "Run it again: it begins with what is there now.",
                ) from error
    write(home)
    if version is not None:
        shared.saw(version)


@contextmanager
def held(home: Home, wait: bool = False) -> Iterator[None]:
    """Hold the corpus for this process. Raises BusyError when another one has it, but may ``wait`` for it."""
    try:
        home.corpus.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home.corpus / ".lock")
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout as error:
        raise BusyError(
            f"Another ingest is writing to {home.corpus}.",
            "Wait until it has finished, then run this one again.",
        ) from error
    except OSError as error:
        raise unwritable(home.corpus, error) from error
    try:
        yield
    finally:
        lock.release()


def _others(here: Home, there: Home) -> str:
    """What ``there`` differs in, or lacks of what is ``here``; "" for nothing."""
    if Corpus.exists(here):
        ours, theirs = Corpus.load(here), Corpus.load(there)
        if not theirs.holds_the_same(ours):
            return "documents"
        if not ours.former.items() <= theirs.former.items():
            return "former chunks"
    if here.triplets.exists() and there.triplets.exists():
        ids, known = (
            set(read_table(one.triplets, TRIPLET_SCHEMA)["id"].to_pylist()) for one in (here, there)
        )
        return "" if ids <= known else "triplets"
    return ""


def _unseen(home: Home) -> tuple[Pointer, dict[str, str]] | None:
    """The pointer and its version, if it names a corpus that is not here yet."""
    shared = SharedFolders(home, "corpus")
    found = shared.pointer()
    return None if found and found[1] == shared.version and Corpus.exists(home) else found


@contextmanager
def _staging(home: Home) -> Iterator[Home]:
    """An empty folder on the same disk, laid out like ``home``."""
    root = home.corpus / _STAGING
    shutil.rmtree(root, ignore_errors=True)  # what a killed process left
    new = Home(root)
    try:
        new.corpus.mkdir(parents=True)
        yield new
    except OSError as error:
        raise unwritable(root, error) from error
    finally:
        shutil.rmtree(root, ignore_errors=True)
