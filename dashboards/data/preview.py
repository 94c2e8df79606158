"""What a retrain would do, by `clayloop retrain --dry-run` in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from pydantic import BaseModel, ConfigDict

from dashboards.data.commands import run_clayloop
from dashboards.escaping import one_line
from dashboards.handover import Handover


class DryRun(BaseModel):
    """The part of a preview that is shown. ``fates`` counts decisions by what would become of them,
    ``reasons`` those that nothing would be learned from."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    verdict: str
    new: int = 0
    withdrawn: int = 0
    holdout_questions: int = 0
    chunks: int = 0
    fates: Mapping[str, int] = {}
    reasons: Mapping[str, Mapping[str, int]] = {}

    def table(self) -> pd.DataFrame:
        """One line for each fate, or for each reason of it."""
        table: pd.DataFrame = pd.DataFrame(
            [
                {"Decisions": count, "Would become": fate, "Because": one_line(reason)}
                for fate, total in self.fates.items()
                for reason, count in (self.reasons.get(fate) or {"": total}).items()
            ],
            columns=["Decisions", "Would become", "Because"],
        )
        return table


def dry_run(handover: Handover) -> list[DryRun]:
    """One, in a list as every feed gives. Raises ClayloopError."""
    return [DryRun.model_validate(run_clayloop(handover.clayloop, "retrain", "--dry-run", "--json", "-"))]
