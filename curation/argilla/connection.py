"""Finding Argilla and logging in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from curation.addresses import without_login
from curation.argilla.api import Api, ArgillaRefusalError, not_argilla
from curation.errors import ArgillaError
from curation.files import read_json
from curation.home import Home
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    import argilla as rg

OLDEST_MAJOR_VERSION = 2


class Credentials(BaseModel):
    """Where Argilla is and who we are there. People use ``username`` and ``password``, clayloop the key."""

    model_config = ConfigDict(extra="ignore")

    url: str
    api_key: SecretStr
    username: str = ""
    password: SecretStr = SecretStr("")
    workspace: str = ""


def read_credentials(settings: ArgillaSettings, home: Home) -> Credentials:
    """From the settings, or as argilla_lite wrote them down in the state folder when no URL is set.

    Raises ArgillaError when there are none or when they cannot be used.
    """
    if settings.url:
        if not settings.api_key.get_secret_value():
            raise ArgillaError(
                f"There is no API key for Argilla at {without_login(settings.url)}.",
                "Set CLAYLOOP_CURATION__ARGILLA__API_KEY to a key from Argilla's page My settings.",
            )
        return Credentials(url=settings.url, api_key=settings.api_key, workspace=settings.workspace)
    path = home.argilla / "credentials.json"
    try:
        found = Credentials.model_validate(read_json(path))
    except FileNotFoundError:
        raise ArgillaError(
            f"No Argilla is configured and none was started in this state folder ({path} is missing).",
            "Start one with `clayloop up`, or set curation.argilla.url and its api_key.",
        ) from None
    except OSError as error:
        raise ArgillaError(
            f"Cannot read {path}: {error.strerror}", "Check who owns the file: only its owner may read it."
        ) from error
    except ValidationError:  # its text would show the key
        raise ArgillaError(
            f"{path} does not hold Argilla's url and api_key.", "Remove it and run `clayloop up` again."
        ) from None
    return found


def connect_to_argilla(settings: ArgillaSettings, home: Home, make_workspace: bool = True) -> rg.Argilla:
    """A logged-in client. The workspace exists afterwards; without ``make_workspace`` nothing is written.

    Raises ArgillaError when there are no credentials, nothing answers, it is no Argilla 2, the key is wrong,
    or the workspace is missing and the user may not make it. No message holds the key.
    """
    credentials = read_credentials(settings, home)
    login = _login(credentials.url)
    url = without_login(credentials.url).rstrip("/")
    key = credentials.api_key.get_secret_value().strip()
    if not key.isascii() or not key.isprintable():
        raise ArgillaError(
            f"The API key for Argilla at {url} holds characters that no key has.",
            "Copy it again from Argilla's page My settings.",
        )
    try:
        client = _log_in(url, key, settings.timeout, login)
    except ArgillaRefusalError as error:
        if error.status == 401 and not settings.url:
            raise ArgillaError(
                f"The Argilla that answers at {url} is not the one of {home.root}: it does not know its key.",
                "Perhaps another clayloop uses this port (clayloop status). Stop that, or set "
                "curation.argilla.port to another one, and run `clayloop up` again.",
            ) from None
        raise
    if make_workspace:
        _ensure_workspace(client, settings.workspace)
    return client


def _login(url: str) -> httpx.BasicAuth | None:
    """The user and password in an address, meant for a proxy before Argilla. They are sent as a header, so
    that no message and no log can show them."""
    try:
        address = httpx.URL(url)
        usable = address.scheme in ("http", "https") and bool(address.host)
        # Without login it must lead to the same server: an @ in the path would cut the host off.
        usable = usable and httpx.URL(without_login(url)).netloc == address.netloc
    except (httpx.InvalidURL, ValueError):
        usable = False
    if not usable:
        raise ArgillaError(
            f"{without_login(url)!r} is not the address of an Argilla server.",
            "Set curation.argilla.url to something like http://127.0.0.1:6900 (an @ in its path is %40).",
        )
    return httpx.BasicAuth(address.username, address.password) if address.userinfo else None


def _log_in(url: str, key: str, timeout: float, login: httpx.BasicAuth | None) -> rg.Argilla:
    import argilla as rg  # takes seconds

    # Asked here first: the SDK has no public names for its errors.
    headers = {"X-Argilla-Api-Key": key}
    with httpx.Client(base_url=url, headers=headers, timeout=timeout, auth=login) as http:
        api = Api(http)
        try:
            api.request("GET", "/api/v1/me", "logging in")
        except ArgillaRefusalError as error:
            if error.status in (404, 405):
                raise not_argilla(url, "it has no Argilla API") from None
            raise
        _check_version(api)
    try:
        return rg.Argilla(api_url=url, api_key=key, timeout=timeout, retries=0, auth=login)
    except Exception:
        # The answer is not the expected JSON. The SDK's validation error would quote the user's key.
        raise not_argilla(url, "its answer to a log-in cannot be read") from None


def _check_version(api: Api) -> None:
    answer = api.request("GET", "/api/v1/version", "asking for its version")
    version = str(answer.get("version", "")) if isinstance(answer, dict) else ""
    major = version.split(".")[0]
    if not major.isdigit() or int(major) < OLDEST_MAJOR_VERSION:
        raise not_argilla(api.url, f"it says that its version is {version or 'unknown'}")


def _ensure_workspace(client: rg.Argilla, name: str) -> None:
    api = Api.of(client)
    if find_workspace(api, name) is not None:
        return
    try:
        api.request("POST", "/api/v1/workspaces", f"making the workspace {name!r}", {"name": name})
    except ArgillaRefusalError as error:
        if error.status == 403:
            raise ArgillaError(
                f"There is no workspace {name!r} that this user may see in Argilla at {api.url}, and only an "
                "owner may make one.",
                "Ask an owner for it, or set curation.argilla.workspace to one of yours.",
            ) from error
        if error.status != 409:  # somebody else was quicker
            raise


def find_workspace(api: Api, name: str) -> str | None:
    """Argilla's id of the workspace, or None when it is not there or not ours to see."""
    workspaces = api.request("GET", "/api/v1/me/workspaces", "listing workspaces")["items"]
    return next((str(workspace["id"]) for workspace in workspaces if workspace["name"] == name), None)


def workspace_id(api: Api, name: str) -> str:
    """Argilla's id of the workspace. Raises ArgillaError when it is not there or not ours to see."""
    found = find_workspace(api, name)
    if found is not None:
        return found
    raise ArgillaError(
        f"There is no workspace {name!r} in Argilla at {api.url}.",
        "Run `clayloop push`, which makes it, or correct curation.argilla.workspace.",
    )
