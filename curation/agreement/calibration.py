"""What a language model's verdicts on answers are worth beside people's."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from curation.agreement.alpha import Alpha
from curation.files import read_record
from curation.home import Home


class JudgedRelease(BaseModel):
    """Of one release's ``decided`` answers, how many the judge gave a usable rating (``judged``) and how many
    of these it judged as people did. ``too_kind``: it calls good what people judged wrong; ``too_strict``:
    the opposite. ``alpha`` is Krippendorff's, between it and people."""

    model_config = ConfigDict(frozen=True)

    release: str
    decided: int
    judged: int
    same: int
    too_kind: int
    too_strict: int
    alpha: Alpha


class Calibration(BaseModel):
    """What came of asking ``judge``, a release at a time."""

    model_config = ConfigDict(frozen=True)

    judge: str
    at: datetime
    releases: tuple[JudgedRelease, ...]


def read_calibration(home: Home) -> Calibration | None:
    """What was found last; None where nobody has asked. Raises StateError for a damaged file."""
    return read_record(home.calibration, Calibration) if home.calibration.exists() else None
