"""Releases on an object store (S3, Google's, Azure's, or what speaks S3), which several machines share.

URL/releases/<id>/…   a release's files, which never change
URL/current           the pointer to the served release: replaced only if it is what this machine saw last

What stands there is served everywhere; each machine's own folder is a copy to serve from. Credentials and the
address of the server come from the environment, as for all tools (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from curation import BusyError, SettingsError, StateError, first_line, read_record, without_login, write_json
from serving.releases.record import RELEASE_FILE

FILE = "shared.json"
_POINTER = "current"
_AT_ONCE = 8  # files
_SCHEMES = ("s3://", "s3a://", "gs://", "az://", "abfs://", "abfss://")
_PATIENCE = timedelta(seconds=60)  # for which a request that failed is repeated
_SILENCE = timedelta(seconds=20)  # after which a request has failed
_CHECK = "Check the network and the credentials; it may be tried again at any time."


Version = dict[str, str]


class Pointer(BaseModel):
    """What URL/current holds. ``by`` is who promoted (see promotions.py). ``id`` tells two writings of the
    same release apart."""

    model_config = ConfigDict(frozen=True)

    release: str
    by: str
    id: str


class Seen(BaseModel):
    """The content of releases/shared.json: where the releases are shared, and which version of the pointer
    this machine has seen last."""

    url: str
    version: Version | None = None


class PointerMovedError(BusyError):
    """Another machine promoted meanwhile. ``served`` is what is served now."""

    def __init__(self, url: str, served: str) -> None:
        super().__init__(
            f"Not promoted: another machine promoted {served} at {url}.",
            "`clayloop releases pull` brings it here; promote again if this one is to take its place.",
        )
        self.served = served


class SharedReleases:
    """Where the releases of the folder ``root`` are shared, if they are."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE

    @property
    def url(self) -> str | None:
        """None where they are not shared. Raises StateError for a damaged shared.json."""
        seen = self._seen()
        return without_login(seen.url) if seen else None

    def set(self, url: str | None) -> None:
        """Share them at ``url`` from now on; None: no longer. Raises SettingsError for no such store, and
        StateError when it does not answer."""
        if url is None:
            self._path.unlink(missing_ok=True)
            return
        if not url.startswith(_SCHEMES):
            raise SettingsError(
                f"{url!r} is no object store.", f"It starts with one of {', '.join(_SCHEMES)}."
            )
        self._read(url)
        write_json(self._path, Seen(url=url).model_dump(mode="json"))

    def pointer(self) -> tuple[Pointer, Version] | None:
        """The pointer and its version; None where nothing is served yet, or releases are not shared. Raises
        StateError when the store does not answer."""
        seen = self._seen()
        return self._read(seen.url) if seen else None

    def saw(self, version: Version) -> None:
        """This machine serves what that version of the pointer names."""
        seen = self._seen()
        if seen is not None and seen.version != version:
            write_json(self._path, Seen(url=seen.url, version=version).model_dump(mode="json"))

    def promote(self, release_id: str, folder: Path, files: Iterable[str], by: str) -> None:
        """Upload a release and point at it; nothing happens where releases are not shared.

        Raises PointerMovedError when the pointer is not what this machine saw last, StateError when the store
        does not answer: the pointer is as it was, or the new one.
        """
        seen = self._seen()
        if seen is None:
            return
        self._refuse_if_moved(seen)  # before much is uploaded
        store = _open(seen.url)

        def upload(name: str) -> None:
            with (folder / name).open("rb") as file:
                store.put(f"releases/{release_id}/{name}", file)

        with _told(seen.url):
            pages = store.list(f"releases/{release_id}/")
            there = {one["path"].removeprefix(f"releases/{release_id}/") for page in pages for one in page}
            _at_once(upload, [name for name in files if name not in there])
            upload(RELEASE_FILE)
        self._point(store, seen, Pointer(release=release_id, by=by, id=uuid4().hex))

    def fetch(self, release_id: str, folder: Path, names: Iterable[str]) -> None:
        """Fetch a release's files into ``folder``, unchecked; the caller has checked that their names stay in
        there. Raises StateError."""
        seen = self._seen()
        assert seen is not None  # noqa: S101 - somebody has read the pointer
        store = _open(seen.url)

        def fetch(name: str) -> None:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                for block in store.get(f"releases/{release_id}/{name}"):
                    file.write(block)

        with _told(seen.url):
            _at_once(fetch, names)

    def _refuse_if_moved(self, seen: Seen) -> None:
        found = self._read(seen.url)
        if (found[1] if found else None) != seen.version:
            raise PointerMovedError(without_login(seen.url), found[0].release if found else "nothing")

    def _point(self, store: Any, seen: Seen, pointer: Pointer) -> None:
        import obstore.exceptions as wrong

        body = pointer.model_dump_json().encode()
        try:
            with _told(seen.url, but=(wrong.AlreadyExistsError, wrong.PreconditionError)):
                mode = seen.version or "create"
                version = _version(store.put(_POINTER, body, mode=mode, use_multipart=False))
        except (wrong.AlreadyExistsError, wrong.PreconditionError) as error:
            # An answer that was lost on its way: the second try finds the pointer of the first.
            found = self._read(seen.url)
            if found is None or found[0] != pointer:
                served = found[0].release if found else "nothing"
                raise PointerMovedError(without_login(seen.url), served) from error
            version = found[1]
        self.saw(version)

    def _read(self, url: str) -> tuple[Pointer, Version] | None:
        store = _open(url)
        try:
            with _told(url, but=(FileNotFoundError,)):
                found = store.get(_POINTER)
                body, meta = bytes(found.bytes()), found.meta
        except FileNotFoundError:
            return None
        try:
            pointer = Pointer.model_validate_json(body)
        except ValidationError as error:
            raise StateError(
                f"{without_login(url)}/{_POINTER} holds no release's id.", "Is that clayloop's? Remove it."
            ) from error
        return pointer, _version(meta)

    def _seen(self) -> Seen | None:
        try:
            return read_record(self._path, Seen)
        except FileNotFoundError:
            return None
        except StateError as error:
            raise StateError(
                f"{self._path} is damaged.", "Name the store again: `clayloop releases share URL`."
            ) from error


def _version(told: Any) -> Version:
    """What the store needs to tell this version from others."""
    return {name: told[name] for name in ("e_tag", "version") if told.get(name)}


def _open(url: str) -> Any:
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise SettingsError(
            "Releases on an object store need the package obstore.", "pip install 'clayloop[cloud]'"
        ) from error
    with _told(url):
        return from_url(
            url,
            client_options={
                "allow_http": True,  # where AWS_ENDPOINT_URL says http, that is meant
                "connect_timeout": timedelta(seconds=5),
                "read_timeout": _SILENCE,
            },
            retry_config={"retry_timeout": _PATIENCE},
        )


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
        raise StateError(f"{without_login(url)} does not answer: {first_line(error)}", _CHECK) from error
