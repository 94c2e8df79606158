"""How the command line's settings reach the page, which runs in a process of its own.

A command line and an environment can be read by others (``ps``, ``/proc``), so the settings travel in a file
that only its owner can read. Nothing else in the dashboard knows where settings come from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from curation import ArgillaSettings, Home, SettingsError, write_text
from dashboards.settings import DashboardSettings
from serving import ServingSettings
from training import TrainingSettings

FILE_NAME = "dashboard.json"


class LoopSettings(BaseModel):
    """What decides whether a retrain is due."""

    model_config = ConfigDict(extra="forbid")

    training: TrainingSettings = TrainingSettings()
    serving: ServingSettings = ServingSettings()
    min_accepted: int = 20
    every_hours: float = 0.0


class Handover(BaseModel):
    """What the page is told: where the state is, how to show it, which Argilla to ask, and who may act.
    ``command`` is the command line that runs clayloop with its settings; empty: with the default ones."""

    model_config = ConfigDict(extra="forbid")

    root: Path
    dashboard: DashboardSettings
    argilla: ArgillaSettings
    loop: LoopSettings = LoopSettings()
    command: tuple[str, ...] = ()
    api_key: SecretStr = SecretStr("")
    accounts: dict[str, SecretStr] = {}

    @field_serializer("api_key", when_used="json")
    def _reveal(self, key: SecretStr) -> str:
        return key.get_secret_value()

    @field_serializer("accounts", when_used="json")
    def _reveal_all(self, accounts: dict[str, SecretStr]) -> dict[str, str]:
        return {name: password.get_secret_value() for name, password in accounts.items()}

    @property
    def clayloop(self) -> tuple[str, ...]:
        """The command line that runs clayloop on this state folder; the command's name comes after it."""
        return self.command or (sys.executable, "-m", "clayloop", "--home", str(self.root))

    @property
    def home(self) -> Home:
        return Home(self.root)


def write_handover(
    home: Home,
    dashboard: DashboardSettings,
    argilla: ArgillaSettings,
    loop: LoopSettings | None = None,
    command: Sequence[str] = (),
) -> Path:
    """Write the settings to ``dashboard.json`` in the state folder, mode 0600, and return its path.

    The API key is in it only when the settings hold one; the key of an embedded Argilla stays in that
    Argilla's own credentials file. Raises StateError when the file cannot be written.
    """
    handover = Handover(
        root=home.root.absolute(),
        dashboard=dashboard.model_copy(update={"accounts": {}}),
        argilla=argilla.model_copy(update={"api_key": SecretStr("")}),
        loop=loop or LoopSettings(),
        command=tuple(command),
        api_key=argilla.api_key,
        accounts=dashboard.accounts,
    )
    path = handover.root / FILE_NAME
    write_text(path, handover.model_dump_json(indent=2) + "\n", mode=0o600)
    return path


def read_handover(path: Path) -> Handover:
    """Read what `write_handover` wrote. Raises SettingsError that quotes nothing of the content."""
    try:
        handover = Handover.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        # A validation error quotes the input, which may hold the key: neither shown nor chained.
        raise SettingsError(
            f"{path} cannot be read ({type(error).__name__}).",
            "Start the dashboard with `clayloop dashboard`, which writes it.",
        ) from None
    argilla = handover.argilla.model_copy(update={"api_key": handover.api_key})
    return handover.model_copy(update={"argilla": argilla})
