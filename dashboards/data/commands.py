"""What takes a model or minutes is asked of the command line, in another process: this one stays small."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from curation import ClayloopError

_PATIENCE = 600.0  # seconds


def run_clayloop(command: Sequence[str], *arguments: str) -> Any:
    """The JSON that ``clayloop ARGUMENTS`` prints. Raises ClayloopError with what it says where it fails."""
    try:
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        if done.returncode == 0:
            return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ClayloopError(
            f"`clayloop {arguments[0]}` gave no answer ({type(error).__name__}).", "Run it in a terminal."
        ) from error
    said = [line for line in done.stderr.splitlines() if line.strip()][-2:]
    raise ClayloopError(
        f"`clayloop {arguments[0]}` ended with exit code {done.returncode}: {' '.join(said)}",
        "Run it in a terminal.",
    )
