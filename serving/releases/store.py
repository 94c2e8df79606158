"""The releases on disk, and the pointer to the one that is served.

A release gets its final name by one rename, after everything in it is written, hashed and synced: whatever
has a release's name is whole. ``releases/current`` is a file with an id in it, replaced atomically.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock

from curation import (
    BusyError,
    Home,
    Lease,
    Pointer,
    PointerMovedError,
    ReleaseError,
    SharedFolders,
    StateError,
    first_line,
    sha256,
    sweep,
    sync_folder,
    write_json,
    write_text,
)
from serving.releases.canary import Canary
from serving.releases.files import FileState, file_names, what_is_wrong
from serving.releases.marks import MarkFile
from serving.releases.promotions import PERSON, PromotionLog
from serving.releases.record import (
    ANSWERING_FOLDER,
    ANSWERING_MODEL,
    FITTED_FILE,
    INDEX_FOLDER,
    MODEL_FOLDER,
    RELEASE_FILE,
    RELEASE_ID,
    RERANKER_FOLDER,
    NotPromotedError,
    Release,
    ReleaseDraft,
    digest,
    number_of,
)
from serving.releases.staging import Staging

_POINTER = "current"
_GONE = ".gone-"
_KEPT = 10  # releases that differ in their index alone


class ReleaseStore:
    """Reads, publishes and promotes the releases in a state folder."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.root = home.releases
        self.promotions = PromotionLog(self.root / "promotions.jsonl")
        self.marks = MarkFile(self.root)
        self.shared = SharedFolders(home, "releases")
        self._builds = Staging(self.root)

    # reading

    def untrained(self, base_model: str | None = None) -> Release | None:
        """The newest release that nothing was trained for (of this base model), if there is one."""
        found = (one for one in reversed(self.list()) if base_model in (None, one.base_model))
        return next((one for one in found if not one.trained_on), None)

    def ids(self) -> list[str]:
        """The ids of all releases, oldest first."""
        if not self.root.is_dir():
            return []
        names = [
            entry.name for entry in self.root.iterdir() if RELEASE_ID.fullmatch(entry.name) and entry.is_dir()
        ]
        return sorted(names, key=lambda name: (number_of(name), name))

    def list(self) -> list[Release]:
        """All releases whose release.json can be read, oldest first (``verify`` tells about the others)."""
        releases: list[Release] = []
        for release_id in self.ids():
            try:
                releases.append(self.get(release_id))
            except ReleaseError:
                continue
        return releases

    def get(self, release_id: str) -> Release:
        """One release. Raises ReleaseError when there is none or its release.json is damaged."""
        path = self.folder(release_id) / RELEASE_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            release = Release.model_validate(values)
        except FileNotFoundError as error:
            raise ReleaseError(
                f"There is no release {release_id} in {self.root}.",
                "`clayloop releases` lists what there is.",
            ) from error
        except (OSError, ValueError) as error:
            raise ReleaseError(f"{path} can't be read: {first_line(error)}", _RESTORE) from error
        if release.id != release_id or not release_id.endswith("-" + digest(values)):
            raise ReleaseError(f"{path} was changed after the release was made.", _RESTORE)
        return release

    def folder(self, release_id: str) -> Path:
        """Where a release's files are. Raises ReleaseError for what is not a release's id."""
        if not RELEASE_ID.fullmatch(release_id):
            raise ReleaseError(
                f"{release_id!r} is not the id of a release.", "`clayloop releases` lists what there is."
            )
        return self.root / release_id

    def current_id(self) -> str | None:
        """The id of the served release, if there is one. Raises ReleaseError for a damaged pointer."""
        try:
            release_id = (self.root / _POINTER).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ReleaseError(
                f"{self.root / _POINTER} can't be read: {first_line(error)}", _PROMOTE
            ) from error
        if not RELEASE_ID.fullmatch(release_id):
            raise ReleaseError(f"{self.root / _POINTER} does not hold a release's id.", _PROMOTE)
        return release_id

    def served_id(self) -> str | None:
        """As ``current_id``, and None for a damaged pointer: whoever makes or promotes a release mends it."""
        try:
            return self.current_id()
        except ReleaseError:
            return None

    def current(self) -> Release:
        """The served release. Raises StateError when there is none, ReleaseError when it is damaged."""
        release_id = self.current_id()
        if release_id is None:
            raise self.nothing_yet()
        return self.get(release_id)

    def nothing_yet(self) -> StateError:
        """What to raise where a release is wanted and none was made."""
        first = "" if self.home.chunks.exists() else "`clayloop ingest SOURCE`, then "
        return StateError(f"There is no release in {self.root} yet.", f"Run {first}`clayloop bootstrap`.")

    def previous_id(self) -> str:
        """The release to which a rollback leads: the one that was served before the current one and is still
        there. What was taken back does not count. Raises StateError when there is none, or the log of
        promotions can't be read."""
        served, current = self.promotions.served(), self.served_id()
        before = served[: served.index(current)] if current in served else served
        for release_id in reversed(before):
            if release_id != current and (self.root / release_id).is_dir():
                return release_id
        raise StateError(
            f"No release that was served before {current or 'now'} is left.",
            "`clayloop releases` lists what there is; `clayloop releases promote ID` serves one.",
        )

    def of_run(self, run_id: str) -> Release | None:
        """What the training run ``run_id`` published, if it did."""
        return next((release for release in reversed(self.list()) if release.run_id == run_id), None)

    def begin_canary(self, canary: Canary) -> None:
        """Begin a canary, in the place of any other. One that runs already gets its new share, and goes on
        since it began. Raises StateError for the served release, ReleaseError for one that is not whole."""
        if canary.release == self.current().id:
            raise StateError(f"{canary.release} is served to all already.", "A canary is another release.")
        self.verify(canary.release)
        before = self.marks.read().canary
        if before is not None and before.release == canary.release:
            canary = canary.model_copy(update={"since": before.since})
        self.marks.set_canary(canary)

    def binding_canary(self, release_id: str) -> Canary | None:
        """The canary, if it is this release and visitors must not like it less for it to be served to all.
        Damaged marks keep nobody from going back, so they name none."""
        try:
            canary = self.marks.read().canary
        except StateError:
            return None
        return canary if canary and canary.binding and canary.release == release_id else None

    def verify(self, release_id: str, hashed: dict[FileState, str] | None = None) -> Release:
        """Check every file of a release against its hash. Raises ReleaseError naming what is wrong.

        ``hashed``: a file that is as it was when it was hashed for the same dict is not read again.
        """
        release = self.get(release_id)
        parts = (MODEL_FOLDER, INDEX_FOLDER, RERANKER_FOLDER, ANSWERING_FOLDER)
        known = {} if hashed is None else hashed
        wrong = what_is_wrong(self.folder(release_id), release.files, parts, known)
        if wrong:
            more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            raise ReleaseError(f"Release {release_id} is damaged: {'; '.join(wrong[:5])}{more}.", _RESTORE)
        return release

    # writing

    def staging(self, name: str, empty: bool = False) -> Path:
        """The folder in which the build ``name`` puts a release together.

        What a killed build of that name left is still there, unless it is to be ``empty``. This process holds
        the folder until ``publish`` or ``discard``, or until it ends. Raises BusyError when another process
        holds it, StateError when it can't be made or emptied.
        """
        return self._builds.take(name, empty)

    def discard(self, name: str) -> None:
        """Remove the staging folder of ``name``. Nothing happens when there is none or another process holds
        it."""
        self._builds.discard(name)

    def clean(self, keep: Collection[str] = ()) -> tuple[str, ...]:
        """Remove the staging folders and locks that no living process holds, but not those named in ``keep``
        (runs that can still be resumed). Returns the names removed."""
        self._sweep()
        return self._builds.clean(keep)

    def prune(self) -> None:
        """Remove releases that differ from others in their index alone, since every decision may make one.
        The newest ten of them stay, the served one, the newest with each answering model, and whichever a
        person has chosen, pinned or made a canary."""
        chosen = {line.release for line in self.promotions.lines() if line.is_by_hand}
        chosen |= {*self.marks.read().kept, self.served_id() or ""}
        releases = self.list()
        chosen |= set({one.files.get(ANSWERING_MODEL): one.id for one in releases if one.answering}.values())
        passing = [one.id for one in releases if FITTED_FILE in one.files and one.id not in chosen]
        self._sweep()
        for release_id in passing[:-_KEPT]:
            with suppress(BusyError):  # promoted or pinned a moment ago
                self.remove(release_id)

    def remove(self, release_id: str) -> None:
        """Remove a release, in one instant for whoever looks. Raises BusyError when it is served, pinned or a
        canary, ReleaseError for what is no release's id. Nothing happens when it is gone."""
        folder = self.folder(release_id)
        gone = self.root / f"{_GONE}{release_id}"
        with FileLock(self.root / ".promote.lock"):
            if release_id == self.served_id() or release_id in self.marks.read().kept:
                raise BusyError(
                    f"{release_id} is served, pinned or a canary.",
                    "Promote another one, unpin it, or end the canary.",
                )
            if folder.is_dir():
                shutil.rmtree(gone, ignore_errors=True)  # of one of that name that was fetched again
                folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        self.marks.forget(release_id)

    def _sweep(self) -> None:
        """What those left who were killed: writers of the pointer and the marks, and removals."""
        sweep(self.root)
        for left in self.root.glob(f"{_GONE}*"):
            shutil.rmtree(left, ignore_errors=True)

    def publish(self, staging: Path, draft: ReleaseDraft) -> Release:
        """Turn a finished staging folder into a release: hash and sync each file, write release.json last,
        rename.

        Killed at any instant, there is either no new release or a whole one. Raises ReleaseError for a folder
        without model or index, or without a part that ``draft`` names, StateError when the disk is full.
        """
        parts = [MODEL_FOLDER, INDEX_FOLDER, *([RERANKER_FOLDER] if draft.reranker else [])]
        if draft.answering is not None and not draft.answering.base_url:
            parts.append(ANSWERING_MODEL)
        missing = [part for part in parts if not (staging / part).exists()]
        if missing:
            raise ReleaseError(
                f"{staging} lacks {' and '.join(missing)}.", "This is a fault in what built it."
            )
        try:
            (staging / RELEASE_FILE).unlink(missing_ok=True)
            files = {name: sha256(staging / name, sync=True) for name in file_names(staging)}
            for path in sorted(staging.rglob("*"), reverse=True):
                if path.is_dir():
                    sync_folder(path)
            with FileLock(self.root / ".publish.lock"):
                number = max((number_of(name) for name in self.ids()), default=0) + 1
                values = {
                    **draft.model_dump(mode="json"),
                    "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                    "files": files,
                }
                release_id = f"r{number:04d}-{digest(values)}"
                write_json(staging / RELEASE_FILE, {"id": release_id, **values})
                staging.rename(self.root / release_id)
                sync_folder(self.root)
        except OSError as error:
            raise StateError(
                f"The release in {staging} can't be published: {error.strerror or error}",
                "Free some space and start again; no release was changed."
                if error.errno == errno.ENOSPC
                else "Check the permissions of the folder; no release was changed.",
            ) from error
        self._builds.let_go(staging)
        return self.get(release_id)

    def take_in(self, staging: Path, release: Release) -> Release:
        """Put a release that was made elsewhere, and is checked, among the others. Raises StateError when the
        disk is full, and ReleaseError when it is not what it was a moment ago."""
        try:
            for name in file_names(staging):
                sha256(staging / name, sync=True)
            with FileLock(self.root / ".publish.lock"):
                staging.rename(self.root / release.id)
                sync_folder(self.root)
        except OSError as error:
            raise StateError(
                f"The release in {staging} can't be taken in: {error.strerror or error}",
                "Check the free space (df) and the permissions; no release was changed.",
            ) from error
        self._builds.let_go(staging)
        return self.verify(release.id)

    def promote(
        self,
        release_id: str,
        expected: str | None = None,
        by: str = PERSON,
        who: str = "",
        lease: Lease | None = None,
    ) -> Release:
        """Serve ``release_id`` from now on. ``by`` and ``who`` say in the log who promotes (see
        releases/promotions.py). Who works under a ``lease`` promotes nothing after losing it: BusyError is
        raised.

        With ``expected`` it is served only if that release still is (or this one already), is not pinned, and
        nobody promoted another one since ``by`` promoted it; else NotPromotedError is raised. Raises
        ReleaseError, and nothing changes, when anything in it is missing or corrupt.

        Where releases are shared on an object store, it is served there first, and here only then.
        """
        try:
            self._is_served(release_id, expected, by)
            release = self.verify(release_id)
            self._serve_elsewhere(release, expected, by, lease)
            # Everybody who promotes holds the lock, so the pointer stays while it is compared and changed.
            with FileLock(self.root / ".promote.lock"):
                if not self._is_served(release_id, expected, by):
                    if lease is not None:
                        lease.check()
                    # A killed promotion that is repeated finds its line in the log and writes no second one.
                    if expected is None or not self.promotions.ends_with(release_id):
                        self.promotions.append(release_id, expected or self.served_id(), by, who)
                    replace = lease.replace if lease is not None else write_text
                    replace(self.root / _POINTER, release_id + "\n")
            self._end_canary(release_id)
        except OSError as error:
            raise StateError(
                f"{self.root} can't be written: {error.strerror}", "Check space and permissions."
            ) from error
        return release

    def _serve_elsewhere(self, release: Release, expected: str | None, by: str, lease: Lease | None) -> None:
        with FileLock(self.root / ".shared.lock"):
            if self._is_served(release.id, expected, by):
                return
            if lease is not None:
                lease.check()
            try:
                self.share(release, by)
            except PointerMovedError as error:
                served = error.found.name if error.found else "nothing"
                if expected is not None:
                    raise NotPromotedError(release.id, served, expected) from error
                raise BusyError(
                    f"Not promoted: another machine promoted {served} at {self.shared.url}.",
                    "`clayloop releases pull` brings it here; promote again if this one is to take over.",
                ) from error

    def share(self, release: Release, by: str) -> None:
        """Serve a release on the object store, where releases are shared. Raises PointerMovedError when
        another one is served there than this machine has seen, StateError when the store does not answer."""
        files = [*release.files, RELEASE_FILE]
        version = self.shared.put(Pointer(name=release.id, by=by), self.folder(release.id), files)
        if version is not None:
            self.shared.saw(version)

    def follow(self, release_id: str, by: str) -> Release:
        """Serve here what is served on the object store, where ``by`` has promoted it. Raises as
        ``promote``."""
        release = self.verify(release_id)
        with FileLock(self.root / ".promote.lock"):
            self.promotions.append(release_id, self.served_id(), by)
            write_text(self.root / _POINTER, release_id + "\n")
        self._end_canary(release_id)
        return release

    def _end_canary(self, release_id: str) -> None:
        with suppress(StateError):  # damaged marks keep nobody from going back
            self.marks.end_canary(release_id)

    def _is_served(self, release_id: str, expected: str | None, by: str) -> bool:
        """Whether nothing is left to do. Never without ``expected``: a person's promotion always gets its
        line.

        Raises NotPromotedError when another release than ``expected`` is served.
        """
        if expected is None:
            return False
        served = self.current_id()
        if served == release_id:
            return True
        overruled = self.promotions.is_overruled(by, release_id)
        if overruled or served != expected:
            raise NotPromotedError(release_id, served, expected, overruled)
        if served in self.marks.read().pinned:
            raise NotPromotedError(release_id, served, expected, pinned=True)
        return False


_RESTORE = (
    "Promote another release (`clayloop releases`), restore this one from a backup, or build a new one."
)
_PROMOTE = (
    "Promote a release (`clayloop releases` lists them), or make one with `clayloop bootstrap --force`."
)
