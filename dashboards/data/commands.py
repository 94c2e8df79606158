"""What takes a model or minutes is asked of the command line, in another process: this one stays small."""

from __future__ import annotations

import json
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from tempfile import TemporaryFile
from threading import Timer
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


def dry_run(handover: Handover, say: Callable[[str], None] = lambda line: None) -> list[Preview]:
    """What a retrain would do, without its many rows; one, in a list as every feed gives. ``say`` is told how
    far it is. Raises ClayloopError."""
    found = run_clayloop(handover.clayloop, "retrain", "--dry-run", "--json", "-", say=say)
    return [Preview.model_validate({**found, "rows": []})]


def run_clayloop(
    command: Sequence[str], *arguments: str, say: Callable[[str], None] = lambda line: None
) -> Any:
    """The JSON that ``clayloop ARGUMENTS`` prints; ``say`` is told what else it says. Raises ClayloopError
    with that where it fails."""
    said: deque[str] = deque(maxlen=2)
    call = [*command, *arguments]
    try:
        with (
            TemporaryFile("w+", encoding="utf-8") as written,
            subprocess.Popen(call, stdout=written, stderr=subprocess.PIPE, text=True) as process,
        ):
            timer = Timer(_PATIENCE, process.kill)
            timer.start()
            try:
                for line in filter(None, map(str.strip, process.stderr or ())):
                    said.append(line)
                    say(line)
                code = process.wait()
            finally:
                timer.cancel()
            written.seek(0)
            if code == 0:
                return json.load(written)
    except (OSError, ValueError) as error:
        raise ClayloopError(
            f"`clayloop {arguments[0]}` gave no answer ({type(error).__name__}).", "Run it in a terminal."
        ) from error
    raise ClayloopError(
        f"`clayloop {arguments[0]}` ended with exit code {code}: {' '.join(said)}", "Run it in a terminal."
    )
