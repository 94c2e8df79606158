"""Folders on an object store (S3, Google's, Azure's, or what speaks S3), which several machines share.

URL/<kind>/<name>/…   a folder's files, which never change
URL/<kind>/current    the pointer to the folder that counts: replaced only if it is what this machine saw last

There are two kinds: releases, and the corpus. Each machine works with a copy of its own. Credentials and the
address of the server come from the environment, as for all tools (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation.addresses import without_login
from curation.errors import BusyError, SettingsError, StateError, first_line
from curation.files import read_record, unwritable, write_json, write_text
from curation.home import Home

_AT_ONCE = 8  # files
_AWS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION; for a server of your own AWS_ENDPOINT_URL"
_AZURE = "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY"
_SCHEMES = {  # and what the environment has to hold
    "s3": _AWS,
    "s3a": _AWS,
    "gs": "GOOGLE_SERVICE_ACCOUNT",
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
}
_CLOUD_ITSELF = "169.254.169.254"  # a cloud's machines ask there for credentials when nobody gave them any


Version = dict[str, str]


class Pointer(BaseModel):
    """Which folder counts, and who made it so. ``files`` has the SHA-256 of each of its files, where none of
    them tells. ``id`` tells two writings of the same apart."""

    model_config = ConfigDict(frozen=True)

    name: str
    by: str
    files: dict[str, str] = {}
    id: str = Field(default_factory=lambda: uuid4().hex)


class Seen(BaseModel):
    """Where folders are shared, and which version of the pointer this machine has seen last."""

    url: str
    version: Version | None = None


class PointerMovedError(BusyError):
    """Another machine has moved the pointer meanwhile, to ``found``."""

    def __init__(self, url: str, found: Pointer | None) -> None:
        super().__init__(f"Another machine has changed what is shared at {url}.", "Try again.")
        self.found = found


class SharedFolders:
    """Where the folders of a ``kind`` are shared, if they are: known from a file in ``home``."""

    patience = timedelta(seconds=60)  # for which a request that failed is repeated
    silence = timedelta(seconds=20)  # after which a request has failed

    def __init__(self, home: Home, kind: Literal["releases", "corpus"]) -> None:
        self._kind = kind
        self._pointer = f"{kind}/current"
        self._path = home.shared / f"{kind}.json"

    @property
    def url(self) -> str | None:
        """None where they are not shared. Raises StateError for a damaged file."""
        seen = self._seen()
        return without_login(seen.url) if seen else None

    @property
    def version(self) -> Version | None:
        """The version of the pointer that this machine has seen last."""
        seen = self._seen()
        return seen.version if seen else None

    @contextmanager
    def shared_at(self, url: str | None) -> Iterator[None]:
        """Share them at ``url`` from now on (None: no longer), but for what is raised inside: then they are
        shared as before. Raises SettingsError for no such store, StateError when it does not answer."""
        before = self._path.read_text() if self._path.exists() else None
        self._set(url)
        try:
            yield
        except BaseException:
            if before is None:
                self._path.unlink(missing_ok=True)
            else:
                write_text(self._path, before)
            raise

    def _set(self, url: str | None) -> None:
        if url is None:
            self._path.unlink(missing_ok=True)
            return
        schemes = tuple(f"{scheme}://" for scheme in _SCHEMES)
        if not url.startswith(schemes):
            hint = f"It starts with one of {', '.join(schemes)}."
            raise SettingsError(f"{url!r} is no object store.", hint)
        found, seen = self._read(url), self._seen()
        if found is None:
            self._look(url)
        if found is None or seen is None or seen.url != url:
            write_json(self._path, Seen(url=url).model_dump(mode="json"))

    def pointer(self) -> tuple[Pointer, Version] | None:
        """The pointer and its version; None where it points nowhere yet, or nothing is shared. Raises
        StateError when the store does not answer, or the pointer that this machine has seen is gone."""
        seen = self._seen()
        return self._found(seen) if seen else None

    def saw(self, version: Version) -> None:
        """This machine has what that version of the pointer names."""
        seen = self._seen()
        if seen is not None and seen.version != version:
            write_json(self._path, Seen(url=seen.url, version=version).model_dump(mode="json"))

    def put(self, pointer: Pointer, folder: Path, files: Iterable[str]) -> Version | None:
        """Upload the ``files`` of a folder, the last one when all others are there, and point at it. Returns
        the pointer's version; None, and nothing happens, where nothing is shared.

        Raises PointerMovedError when the pointer is not what this machine saw last, StateError when it is
        gone, or the store does not answer: the pointer is as it was, or the new one.
        """
        seen = self._seen()
        if seen is None:
            return None
        self._refuse_if_moved(seen)  # before much is uploaded
        store, place = self._open(seen.url), f"{self._kind}/{pointer.name}/"

        def upload(name: str) -> None:
            with (folder / name).open("rb") as file:
                store.put(place + name, file)

        *others, last = files
        with _told(seen.url):
            there = {one["path"].removeprefix(place) for page in store.list(place) for one in page}
            _at_once(upload, [name for name in others if name not in there])
            upload(last)
        return self._point(store, seen, pointer)

    def fetch(self, name: str, folder: Path, files: Iterable[str]) -> None:
        """Fetch files of the folder ``name`` into ``folder``, unchecked; the caller has checked that their
        names stay in there. Raises StateError."""
        seen = self._seen()
        assert seen is not None  # noqa: S101 - somebody has read the pointer
        store = self._open(seen.url)

        def fetch(file_name: str) -> None:
            target = folder / file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for block in store.get(f"{self._kind}/{name}/{file_name}"):
                    file.write(block)

        try:
            with _told(seen.url):
                _at_once(fetch, files)
        except OSError as error:
            raise unwritable(folder, error) from error

    def _found(self, seen: Seen) -> tuple[Pointer, Version] | None:
        found = self._read(seen.url)
        if found is None and seen.version is not None:
            raise StateError(
                f"What was shared at {without_login(seen.url)} is gone ({self._pointer} is not there).",
                "`clayloop releases share URL` with the same URL puts there what is here.",
            )
        return found

    def _refuse_if_moved(self, seen: Seen) -> None:
        found = self._found(seen)
        if (found[1] if found else None) != seen.version:
            raise PointerMovedError(without_login(seen.url), found[0] if found else None)

    def _point(self, store: Any, seen: Seen, pointer: Pointer) -> Version:
        import obstore.exceptions as wrong

        body = pointer.model_dump_json().encode()
        try:
            with _told(seen.url, but=(wrong.AlreadyExistsError, wrong.PreconditionError)):
                mode = seen.version or "create"
                return _version(store.put(self._pointer, body, mode=mode, use_multipart=False))
        except (wrong.AlreadyExistsError, wrong.PreconditionError) as error:
            # An answer that was lost on its way: the second try finds the pointer of the first.
            found = self._read(seen.url)
            if found is None or found[0] != pointer:
                raise PointerMovedError(without_login(seen.url), found[0] if found else None) from error
            return found[1]

    def _read(self, url: str) -> tuple[Pointer, Version] | None:
        store = self._open(url)
        try:
            with _told(url, but=(FileNotFoundError,)):
                found = store.get(self._pointer)
                body, meta = bytes(found.bytes()), found.meta
        except FileNotFoundError:
            return None
        try:
            pointer = Pointer.model_validate_json(body)
        except ValidationError as error:
            raise StateError(
                f"{without_login(url)}/{self._pointer} is no pointer.", "Is that clayloop's? Remove it."
            ) from error
        return pointer, _version(meta)

    def _look(self, url: str) -> None:
        """Raises SettingsError where there is no bucket: there no pointer is found, either."""
        from obstore.exceptions import BaseError

        try:
            next(self._open(url).list(), None)
        except BaseError as error:
            raise SettingsError(
                f"What is at {without_login(url)} can't be listed: {first_line(error)}",
                "Is there such a bucket? clayloop makes none. Else look at what the credentials may do.",
            ) from error

    def _open(self, url: str) -> Any:
        try:
            from obstore.store import from_url
        except ImportError as error:
            raise SettingsError(
                "An object store needs the package obstore.", "pip install 'clayloop[cloud]'"
            ) from error
        with _told(url):
            return from_url(
                url,
                client_options={
                    "allow_http": True,  # where AWS_ENDPOINT_URL says http, that is meant
                    "connect_timeout": min(timedelta(seconds=5), self.silence),
                    "read_timeout": self.silence,
                },
                retry_config={"retry_timeout": self.patience},
            )

    def _seen(self) -> Seen | None:
        try:
            return read_record(self._path, Seen)
        except FileNotFoundError:
            return None
        except StateError as error:
            raise StateError(
                f"{self._path} is damaged.",
                "Remove it, and name the store again: `clayloop releases share URL`.",
            ) from error


def _version(told: Any) -> Version:
    """What the store needs to tell this version from others."""
    return {name: told[name] for name in ("e_tag", "version") if told.get(name)}


def _at_once(work: Callable[[str], None], names: Iterable[str]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(work, name) for name in names]:
            done.result()


@contextmanager
def _told(url: str, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except but:
        raise
    except (BaseError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # this machine's own files
            raise
        why = "no credentials were found" if _CLOUD_ITSELF in str(error) else first_line(error)
        variables = _SCHEMES.get(url.partition("://")[0], "")
        raise StateError(
            f"{without_login(url)} does not answer: {why}.",
            f"Check the network and the credentials (environment variables: {variables}); it may be tried "
            "again at any time.",
        ) from error
