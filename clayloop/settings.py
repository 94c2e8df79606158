"""The settings file: one model per room, composed here and passed down.

Later entries win: the defaults, ``clayloop.toml``, environment variables
(``CLAYLOOP_CURATION__ARGILLA__URL``), and what the command line says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from clayloop.watch.settings import WatchSettings
from curation import CurationSettings, Home, SettingsError, without_login
from dashboards import DashboardSettings
from serving import ServingSettings
from training import TrainingSettings

CONFIG_NAME = "clayloop.toml"
# What pydantic says in Python's words → in those of the file.
_IN_TOML = {
    "extra_forbidden": "there is no such key",
    "list_type": 'a list is wanted, such as ["one", "another"]',
    "dict_type": "a table is wanted, such as { key = … }",
    "model_type": "a table with keys is wanted ([section])",
    "string_type": "text is wanted, in quotes",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number is wanted"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number is wanted"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false is wanted"),
}
_SECRET = re.compile(r"key|token|secret|password|://", re.IGNORECASE)


class Settings(BaseSettings):
    """All settings of clayloop."""

    model_config = SettingsConfigDict(
        env_prefix="CLAYLOOP_", env_nested_delimiter="__", extra="forbid", validate_default=True
    )

    home: Path = Field(Path(".clayloop"), description="The state folder; relative to where the command runs.")
    argilla_lite: str = Field(
        "",
        description="The argilla-lite command; empty: .venv-argilla beside this environment, then the PATH.",
    )
    curation: CurationSettings = CurationSettings()
    serving: ServingSettings = ServingSettings()
    training: TrainingSettings = TrainingSettings()
    dashboards: DashboardSettings = DashboardSettings()
    watch: WatchSettings = WatchSettings()

    @property
    def state(self) -> Home:
        """The state folder as an absolute path."""
        return Home(self.home.expanduser().absolute())


def find_config(given: Path | None = None) -> Path | None:
    """The settings file: ``given``, ``CLAYLOOP_CONFIG``, or ``clayloop.toml`` in the working directory.

    Raises SettingsError when one was named and is missing, or when it is a folder.
    """
    named = given or (Path(os.environ["CLAYLOOP_CONFIG"]) if os.environ.get("CLAYLOOP_CONFIG") else None)
    path = named or Path(CONFIG_NAME)
    if path.is_file():
        return path
    if named is not None or path.exists():
        problem = "is not a file" if path.exists() else "does not exist"
        raise SettingsError(f"The settings file {path} {problem}.", "Write one with `clayloop init`.")
    return None


def load_settings(config: Path | None = None, home: Path | None = None) -> Settings:
    """Read the settings. ``home``, when given, wins over all. Raises SettingsError naming file and key."""
    path = find_config(config)

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
            if path is not None:
                sources.append(TomlConfigSettingsSource(settings_cls, toml_file=path))
            return tuple(sources)

    overrides: dict[str, Any] = {"home": home} if home is not None else {}
    where = f"{path} or the environment (CLAYLOOP_…)" if path else "the environment (CLAYLOOP_…)"
    try:
        settings = FromFile(**overrides)
    except ValidationError as error:
        wrong = "; ".join(_wrong(item["loc"], item["type"], item["msg"]) for item in error.errors())
        raise SettingsError(
            f"Settings in {where} are wrong: {wrong}",
            "`clayloop init --print` shows every key with its meaning.",
        ) from None
    except (ValueError, OSError) as error:
        raise _unreadable(error, where, path) from None
    _check_addresses(settings.curation, where)
    _check_folder(settings.state.root)
    return settings


def _wrong(place: Sequence[int | str], kind: str, said: str) -> str:
    """What is wrong with the key at ``place``, and the key that may have been meant."""
    told = said.removeprefix("Value error, ").replace("Input should be", "it should be")
    told = _IN_TOML.get(kind, told)
    if kind == "extra_forbidden" and (meant := get_close_matches(str(place[-1]), _keys(place[:-1]), 1)):
        told += f"; did you mean {meant[0]}?"
    return f"{'.'.join(map(str, place))}: {told}"


def _keys(section: Sequence[int | str]) -> Sequence[str]:
    """The keys of a section; none where it is no section."""
    model: Any = Settings
    for part in section:
        field = getattr(model, "model_fields", {}).get(part)
        model = field.annotation if field else None
    return list(getattr(model, "model_fields", ()))


def _check_folder(root: Path) -> None:
    """Raises SettingsError for a state folder that is none, or that cannot be looked into."""
    try:
        why = "is no folder" if root.exists() and not root.is_dir() else ""
    except OSError as error:
        why = f"cannot be used: {error.strerror or error}"
    if why:
        raise SettingsError(
            f"The state folder {root} {why}.", "Name one with --home, CLAYLOOP_HOME or the key home."
        )


def _unreadable(error: Exception, where: str, path: Path | None) -> SettingsError:
    """What to raise for a file that is no TOML, or a variable that is no JSON: pydantic names the section."""
    if section := re.search(r'field "(\w+)" from source "Env', str(error)):
        start = f"CLAYLOOP_{section[1]}".upper()
        named = ", ".join(sorted(key for key in os.environ if key.upper().startswith(start)))
        return SettingsError(
            f"One of these environment variables stands for a list or a table, and holds no JSON: {named}.",
            """For example '["one", "another"]' or '{"key": 1}'.""",
        )
    return SettingsError(
        f"The settings in {where} cannot be read: {error}{_line(error, path)}",
        "A settings file must be valid TOML in UTF-8.",
    )


def _line(error: Exception, path: Path | None) -> str:
    """The line of the file that an ``error`` names; "" where it names none, or where a secret may stand."""
    place = re.search(r"at line (\d+)", str(error))
    if place is None or path is None:
        return ""
    line = path.read_text(encoding="utf-8").splitlines()[int(place[1]) - 1].strip()
    return "" if _SECRET.search(line) else f": {line}"


def _check_addresses(settings: CurationSettings, where: str) -> None:
    """Raises SettingsError for a server's address that is none: else it is found out when it is needed."""
    for key, url, empty in (
        ("argilla.url", settings.argilla.url, "the argilla_lite that clayloop starts"),
        ("language_model.base_url", settings.language_model.base_url, "the embedded model"),
        ("judge.base_url", settings.judge.base_url, "no judge"),
    ):
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if url and (not is_address or re.search(r"\s", url)):
            raise SettingsError(
                f"curation.{key} is {without_login(url)!r} in {where}, which is no address of a server.",
                f"Write something like http://127.0.0.1:8000, or leave it empty for {empty}.",
            )
