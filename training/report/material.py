"""What a report is made from: everything that a run's steps left, whole or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from curation import Chunk, Decision
from training.gate_settings import GateSettings
from training.judge.comparison import Comparison
from training.judge.gate import GateVerdict
from training.ledger.tally import Tally
from training.prepare.conflicts import Conflict
from training.prepare.examples import Example
from training.prepare.split import Dropped
from training.runs.record import RunRecord


@dataclass(frozen=True)
class Material:
    """``comparison`` and ``verdict`` are None when there was too little to train on. ``verdict_line`` says how the run
    ended."""

    record: RunRecord
    outcome: str
    verdict_line: str
    gate: GateSettings
    release_after: str | None = None
    decisions: Sequence[Decision] = ()
    chunks: Sequence[Chunk] = ()
    examples: Sequence[Example] = ()
    dropped: Sequence[Dropped] = ()
    tally: Tally = field(default_factory=Tally)
    conflicts: Sequence[Conflict] = ()
    negatives: dict[str, int] = field(default_factory=dict)
    comparison: Comparison | None = None
    verdict: GateVerdict | None = None
