"""What takes a model or minutes is asked of the command line, in another process: this one stays small."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from curation import ClayloopError
from dashboards.handover import Handover
from serving import Gap
from training import Preview

_PATIENCE = 600.0  # seconds
_GAPS = TypeAdapter(list[Gap])


def read_topics(handover: Handover) -> list[Gap]:
    """Topics without good answers in the served release, the largest first. Raises ClayloopError."""
    return _GAPS.validate_python(run_clayloop(handover.clayloop, "gaps", "--json", "--most", "100"))


def dry_run(handover: Handover) -> list[Preview]:
    """What a retrain would do, without its many rows; one, in a list as every feed gives. Raises
    ClayloopError."""
    found = run_clayloop(handover.clayloop, "retrain", "--dry-run", "--json", "-")
    return [Preview.model_validate({**found, "rows": []})]


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
