"""What a person sees in the terminal: progress bars on stderr, results on stdout."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress as Bars,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from curation import Advance, ClayloopError, SettingsError, StateError, write_text

# Control characters except line ends and tabs, characters that change the direction of text, and lone
# surrogates, which cannot be written.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# JSON escapes the lower control characters by itself.
_CONTROLS_IN_JSON = re.compile(r"[\x7f-\x9f\ud800-\udfff]")

_IDS = ("release", "parent", "dataset")  # columns of what somebody may want to copy
_BRIEF_SECONDS = 1.0  # a task that takes less is worth no line
_TELL_SECONDS = 15.0  # between two lines about the same task where no bar can be drawn


def harmless(text: str) -> str:
    """``text`` with control characters written out (``\\x1b``). Visitors' questions are printed, and a
    terminal must show them instead of obeying them."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class _Console(Console):
    """A console that makes every text harmless before it is printed."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(harmless(text), **how)


out = _Console(highlight=False, emoji=False)
err = _Console(stderr=True, highlight=False, emoji=False)


class _Rate(ProgressColumn):
    """Units per second, or nothing while it is unknown."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        unit = task.fields.get("unit") or "it"
        return Text(f"{speed:,.1f} {unit}/s" if speed else "", style="progress.data.speed")


class TerminalProgress:
    """Draws one bar per task on a terminal; elsewhere (a log, CI) prints a line when a task ends that took a
    second or longer, and every now and then until it does."""

    _bars: Bars | None = None

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Advance]:
        """See curation.progress.Progress.task."""
        if not err.is_terminal:
            yield from self._plain(description, total, unit)
            return
        outermost = self._bars is None
        bars = self._bars or Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=err,
        )
        self._bars = bars
        if outermost:
            bars.start()
        identifier = bars.add_task(escape(harmless(description)), total=total, unit=unit)
        try:
            yield lambda done: bars.advance(identifier, done)
        finally:
            bars.stop_task(identifier)
            if outermost:
                bars.stop()
                self._bars = None

    def say(self, line: str) -> None:
        """See curation.progress.Progress.say."""
        err.print(escape(line), soft_wrap=True)

    def _plain(self, description: str, total: int | None, unit: str) -> Iterator[Advance]:
        started, count, ended = time.monotonic(), 0, threading.Event()

        def advance(done: int) -> None:
            nonlocal count
            count += done

        def line(of: str) -> str:
            return f"{description}: {count:,} {of}{unit}".rstrip() if count or of else description

        def tell(text: str) -> None:
            err.print(escape(text), soft_wrap=True)

        def tell_on() -> None:
            while not ended.wait(_TELL_SECONDS):
                seconds = time.monotonic() - started
                undeterred(tell)(f"{line(f'of {total:,} ' if total else '')} after {seconds:.0f} s")

        threading.Thread(target=tell_on, name="progress", daemon=True).start()
        try:
            yield advance
        finally:
            ended.set()
        seconds = time.monotonic() - started
        if seconds >= _BRIEF_SECONDS:
            rate = f", {count / seconds:,.1f} {unit or 'it'}/s" if count else ""
            tell(f"{line('')} in {seconds:.1f} s{rate}")


def print_json(value: Any) -> None:
    """``value``, which may hold pydantic models, as indented JSON on stdout, and nothing else."""
    text = _as_json(value)
    sys.stdout.write(_CONTROLS_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def undeterred(say: Callable[[str], None]) -> Callable[[str], None]:
    """``say`` without its errors: a line that cannot be written (full disk, closed stream) is dropped."""

    def attempt(line: str) -> None:
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            say(line)

    return attempt


def check_json_target(target: Path) -> None:
    """Check before the work that ``write_json_to`` can write there.

    Raises SettingsError for a folder, StateError where no file can be made.
    """
    if str(target) == "-":
        return
    if target.is_dir():
        raise SettingsError(
            f"{target} is a folder, and --json wants a file.", f"Try {target / 'summary.json'}."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise StateError(
            f"Cannot write {target} (--json): {error.strerror or error}.",
            "Check the free space (df) and the permissions of the folder. Nothing was done yet.",
        ) from error


def write_json_to(target: Path, value: Any) -> None:
    """Write ``value`` as JSON into the file ``target``; ``-`` means stdout."""
    if str(target) == "-":
        print_json(value)
    else:
        write_text(target, _as_json(value))


def _as_json(value: Any) -> str:
    def plain(one: Any) -> Any:
        return one.model_dump(mode="json") if isinstance(one, BaseModel) else str(one)

    return json.dumps(value, indent=2, ensure_ascii=False, default=plain) + "\n"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout. Cells are data: rich markup in them is shown, not interpreted. A column without any
    value is left out."""
    told = [i for i in range(len(columns)) if not rows or any(row[i] not in ("", None) for row in rows)]
    columns, rows = [columns[i] for i in told], [[row[i] for i in told] for row in rows]
    table = Table(title=escape(title) if title else None, title_justify="left", show_header=any(columns))
    numeric = [
        all(isinstance(row[i], (int, float)) for row in rows) and bool(rows) for i in range(len(columns))
    ]
    for column, right in zip(columns, numeric, strict=True):
        # Ids stay on one line: broken over two they cannot be copied.
        table.add_column(
            column, justify="right" if right else "left", overflow="fold", no_wrap=column in _IDS
        )
    for row in rows:
        table.add_row(*(escape(_cell(cell)) for cell in row))
    out.print(table)


def print_error(error: ClayloopError) -> None:
    """Print what is wrong and what to do on stderr. Raises nothing when stderr cannot be written."""
    try:
        err.print(f"[bold red]Error:[/] {escape(error.message)}", soft_wrap=True)
        if error.hint:
            err.print(f"[dim]{escape(error.hint)}[/]", soft_wrap=True)
    except OSError:  # else Python could not flush it at the end either: exit code 120
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for the rest of the process


def shortened(text: str, longest: int) -> str:
    """``text`` on one line, of at most ``longest`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)
