"""How the command line's settings reach the page, which runs in a process of its own.

A command line and an environment can be read by others (``ps``, ``/proc``), so the settings travel in a file
that only its owner can read. Nothing else in the dashboard knows where settings come from.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr, field_serializer

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

    @field_serializer("dashboard", "argilla", when_used="json")
    def _with_secrets(self, section: BaseModel) -> Any:
        """With the API key and the passwords, for which pydantic would write stars."""
        return json.loads(json.dumps(section.model_dump(), default=_plain))

    @property
    def clayloop(self) -> tuple[str, ...]:
        """The command line that runs clayloop on this state folder; the command's name comes after it."""
        return self.command or (sys.executable, "-m", "clayloop", "--home", str(self.root))

    @property
    def home(self) -> Home:
        return Home(self.root)


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def write_handover(handover: Handover) -> Path:
    """Write it to ``dashboard.json`` in the state folder, mode 0600, and return its path.

    The API key is in it only when the settings hold one; the key of an embedded Argilla stays in that
    Argilla's own credentials file. Raises StateError when the file cannot be written.
    """
    root = handover.root.absolute()
    text = handover.model_copy(update={"root": root}).model_dump_json(indent=2)
    write_text(root / FILE_NAME, text + "\n", mode=0o600)
    return root / FILE_NAME


def read_handover(path: Path) -> Handover:
    """Read what `write_handover` wrote. Raises SettingsError that quotes nothing of the content."""
    try:
        return Handover.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        # A validation error quotes the input, which may hold the key: neither shown nor chained.
        raise SettingsError(
            f"{path} cannot be read ({type(error).__name__}).",
            "Start the dashboard with `clayloop dashboard`, which writes it.",
        ) from None
