"""What a judge's verdicts are worth beside people's, as `clayloop calibrate` found."""

from __future__ import annotations

import pandas as pd

from curation import Calibration
from dashboards.escaping import one_line


def calibration_frame(found: Calibration) -> pd.DataFrame:
    """One line per release."""
    table: pd.DataFrame = pd.DataFrame(
        [
            {
                "Release": one_line(one.release),
                "Judged": f"{one.judged:,} of {one.decided:,}",
                "As people": f"{one.same / one.judged:.0%}" if one.judged else "–",
                "Too kind": one.too_kind,
                "Too strict": one.too_strict,
                "Alpha": one.alpha.value,
                "From": one.alpha.low,
                "To": one.alpha.high,
            }
            for one in found.releases
        ]
    )
    return table
