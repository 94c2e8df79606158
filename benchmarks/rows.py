"""What a benchmark hands back: rows of figures, some with a bar, as a table and as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """One figure: ``ours``, perhaps beside an ``other``, of which it is ``ratio`` times.

    ``bar`` is what ``ratio`` is held against, or ``ours`` where there is no other; ``ok`` says whether it is
    met. None where there is none.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    ours: float | None = None
    other: float | None = None
    ratio: float | None = None
    bar: float | None = None
    ok: bool | None = None


class StageRow(Row):
    """One set's NDCG@10 at one stage of the loop (benchmarks/asked_again.py)."""

    set: str
    kind: Literal["faq", "pages"]
    needs: Literal["annotated", "others", "all"]
    wording: Literal["a", "b"]
    stage: Literal["plain", "first", "headings", "last"]


def figure(what: str, ours: float, other: float | None = None) -> Row:
    """A figure without a bar."""
    return Row(what=what, ours=ours, other=other, ratio=ours / other if other else None)


def at_least(what: str, ours: float, bar: float, other: float | None = None) -> Row:
    """``ours``, or where there is an ``other`` its ratio to it, is to be ``bar`` or more."""
    return _held(figure(what, ours, other), bar, 1)


def at_most(what: str, ours: float, bar: float, other: float | None = None) -> Row:
    """``ours``, or where there is an ``other`` its ratio to it, is to be ``bar`` or less."""
    return _held(figure(what, ours, other), bar, -1)


def _held(row: Row, bar: float, sign: int) -> Row:
    held = row.ours if row.other is None else row.ratio
    is_met = held is not None and sign * held >= sign * bar
    return row.model_copy(update={"bar": bar, "ok": is_met})


def print_rows(rows: Sequence[Row]) -> None:
    """The rows as a table; those of a stage have one of their own (``asked_again`` prints it)."""
    shown = [row for row in rows if not isinstance(row, StageRow)]
    if not shown:
        return
    width = max(len(row.what) for row in shown)
    print(f"\n{'':{width}}{'ours':>12}{'other':>12}{'ratio':>9}{'bar':>9}")
    for row in shown:
        cells = _cell(row.ours, 12) + _cell(row.other, 12) + _cell(row.ratio, 9) + _cell(row.bar, 9)
        print(f"{row.what:{width}}{cells}{ {True: '  ok', False: '  MISSED', None: ''}[row.ok] }")


def _cell(value: float | None, width: int) -> str:
    return f"{'' if value is None else f'{value:,.4g}':>{width}}"


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """A JSON list, one object a row."""
    path.write_text(json.dumps([row.model_dump() for row in rows], indent=1) + "\n", encoding="utf-8")


def read_rows(path: Path) -> list[Row]:
    """What ``write_rows`` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return [(StageRow if "stage" in one else Row).model_validate(one) for one in found]
