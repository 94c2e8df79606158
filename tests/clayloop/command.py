"""Runs the command line in this process, exactly as the installed script would."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clayloop.cli.app import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """Calls `clayloop` on one state folder."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def __call__(self, *arguments: str) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["clayloop", "--home", str(self.home), *arguments])
        self._capfd.readouterr()
        code: int | str | None = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        text = self._capfd.readouterr()
        return Ended(code if isinstance(code, int) else 0 if code is None else 1, text.out, text.err)

    def well(self, *arguments: str) -> Ended:
        """The same for a command that must succeed."""
        ended = self(*arguments)
        assert ended.code == 0, f"{arguments}: exit code {ended.code}\n{ended.out}\n{ended.err}"
        return ended
