"""What gate.json of a run says: how sure the verdict was, and which guards held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from curation import ClayloopError, read_record

_GATE = Path("judge") / "gate.json"
_REPORT = "report.html"


@dataclass(frozen=True)
class GuardRow:
    """One condition beside the verdict."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class VerdictRow:
    """``word`` is superior, non-inferior, inconclusive, inferior or not-enough; ``change`` the mean
    difference of the deciding metric with its interval (``low`` to ``high``), empty when there is none."""

    word: str
    change: str = ""
    low: float | None = None
    high: float | None = None
    guards: Sequence[GuardRow] = ()


def read_verdict(folder: Path) -> VerdictRow | None:
    """The verdict in a run's folder; None where no gate has judged yet, or what it wrote can't be read."""
    path = folder / _GATE
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (ClayloopError, OSError):
        return None


def sure_change(gate: VerdictRow | None) -> str:
    """Whether the change is surely one: "better", "worse", or ""."""
    if gate is None or gate.low is None or gate.high is None:
        return ""
    return "better" if gate.low > 0 else "worse" if gate.high < 0 else ""


def report_path(folder: Path) -> Path | None:
    """The run's page for a browser, where it is there."""
    path = folder / _REPORT
    return path if path.is_file() else None


# A verdict never changes, so it is not parsed again at each refresh.
@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> VerdictRow:
    found = read_record(path, _File)
    interval = found.interval
    change = (
        "" if interval is None else f"{interval.estimate:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"
    )
    guards = tuple(GuardRow(one.name, one.passed, one.detail) for one in found.guards)
    low, high = (interval.low, interval.high) if interval else (None, None)
    return VerdictRow(found.verdict, change, low, high, guards)


class _Record(BaseModel):
    """The part of a verdict that is shown."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class _Interval(_Record):
    estimate: float
    low: float
    high: float


class _Guard(_Record):
    name: str
    passed: bool
    detail: str


class _File(_Record):
    verdict: str = ""
    interval: _Interval | None = None
    guards: list[_Guard] = []
