"""The order for a retrain, which waits for it with everything loaded, and how it is handed over.

Importing torch, sentence-transformers and LanceDB takes 5 s on a quiet machine, and more than the rest of a
retrain that fits nothing. So the watcher starts the process of its next retrain ahead.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from clayloop.context import Context
from curation import Decision, StateError, write_text
from training import INDEX_ONLY, Rung

log = logging.getLogger(__name__)

_DECISIONS = TypeAdapter(list[Decision])


class Order(BaseModel):
    """Where to write the summary, and where the decisions are that the watcher has read. Without them the
    retrain reads Argilla itself. ``highest`` is the rung that it tries at most."""

    model_config = ConfigDict(frozen=True)

    summary: Path
    highest: Rung
    decisions: Path | None = None

    @property
    def stays(self) -> bool:
        """Whether who carries it out waits for another one: what a training took is given back by ending."""
        return self.highest == INDEX_ONLY

    @property
    def is_done(self) -> bool:
        """Whether it is carried out, by a process that stays. The summary is the last thing to be written."""
        return self.stays and self.summary.exists()


def write_order(folder: Path, highest: Rung, decisions: Sequence[Decision] | None) -> Order:
    """Put what an order needs into ``folder``. Raises StateError when the disk is full."""
    path = None
    if decisions is not None:
        path = folder / "decisions.json"
        write_text(path, _DECISIONS.dump_json(list(decisions)).decode())
    return Order(summary=folder / "summary.json", highest=highest, decisions=path)


def wait_for_order() -> Order | None:
    """The order on standard input; None when the watcher has ended without one."""
    line = sys.stdin.readline()
    return Order.model_validate_json(line) if line.strip() else None


def decisions_of(order: Order) -> list[Decision] | None:
    """The decisions that came with an order. Raises StateError when they cannot be read."""
    if order.decisions is None:
        return None
    try:
        return _DECISIONS.validate_json(order.decisions.read_bytes())
    except (OSError, ValidationError) as error:
        raise StateError(
            f"The decisions that the watcher read cannot be read from {order.decisions}: "
            f"{type(error).__name__}.",
            "It tries again by itself. Is the disk of temporary files full?",
        ) from error


def warm_up(context: Context) -> None:
    """Load what a retrain needs, and embed what it asks anyway.

    Whatever goes wrong here is for the retrain to find, when it is wanted.
    """
    try:
        from training import load_ahead

        settings = context.settings
        load_ahead(context.home, context.corpus(), settings.training, settings.serving)
    except Exception as error:
        log.info("not all could be loaded ahead: %s", error)
