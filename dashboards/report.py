"""What the dashboard shows, as one HTML file that needs nobody: for a mail, a ticket, or the archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from curation import RecordLinks, read_calibration, read_newest_turns, read_progress, write_text
from dashboards.asking import is_retraining
from dashboards.data.actions import read_actions
from dashboards.data.argilla import ArgillaReader
from dashboards.data.commands import read_topics
from dashboards.data.flow import flow_of
from dashboards.data.frames import (
    annotator_frame,
    dimension_frame,
    guard_frame,
    mean_frame,
    run_frame,
    slice_frame,
    table_of,
)
from dashboards.data.funnel import read_funnel
from dashboards.data.loop_tables import (
    action_table,
    answer_table,
    calibration_table,
    dropped_table,
    release_table,
    topic_table,
    turn_table,
)
from dashboards.data.notice import notice_of
from dashboards.data.people_tables import (
    annotator_table,
    conflict_table,
    least_agreed,
    pair_table,
    question_table,
    suggestion_table,
)
from dashboards.data.quality import read_means, read_quality
from dashboards.data.releases import ReleaseRow, read_releases
from dashboards.data.runs import read_run, read_runs
from dashboards.data.standing import Standing, StandingReader, links_of
from dashboards.flow_picture import flow_picture
from dashboards.handover import Handover
from dashboards.wording import plural
from serving import ReleaseStore, list_answers

_RUNS, _ACTIONS, _TURNS = 20, 50, 50
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Part:
    """A part of the report: sentences and a table, or what stood in its way."""

    title: str
    told: Sequence[str] = ()
    table: pd.DataFrame | None = None

    @property
    def rows(self) -> list[Any]:
        return [] if self.table is None else self.table.to_dict("records")

    @property
    def columns(self) -> list[str]:
        return [] if self.table is None else [*map(str, self.table.columns)]


def write_report(handover: Handover, path: Path) -> list[str]:
    """Write it. Returns what could not be read, which the file says too. Raises StateError when it can't be
    written."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    home, trouble = handover.home, list[str]()
    standing, flow = None, flow_picture(flow_of(home, None, ()))
    parts: list[Part] = []
    try:
        (standing,) = StandingReader(handover)()
        datasets = ArgillaReader(home, handover.argilla, read_progress)()
        turns = ArgillaReader(
            home, handover.argilla, lambda client, own: read_newest_turns(client, own, _TURNS)
        )()
        flow = flow_picture(flow_of(home, standing, datasets))
        parts += [
            Part("Annotation", table=annotator_frame(datasets)),
            Part("Agreement", table=question_table(standing)),
            Part("Two by two", table=pair_table(standing)),
            Part("Annotators", table=annotator_table(standing)),
            Part("Suggestions", table=suggestion_table(standing)),
            Part("Answered differently", table=conflict_table(standing)),
            Part("Questions a day", table=table_of([asdict(day) for day in standing.days])),
            Part("The newest turns", table=turn_table(turns, standing.links)),
        ]
    except Exception as error:  # the rest is still worth reading
        notice = notice_of(error, "What Argilla tells")
        trouble.append(f"{notice.message} {notice.hint}")
    parts = [
        Part("How it stands", _standing_lines(handover, standing)),
        *parts,
        *_of_releases(handover, standing, trouble),
    ]
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html.jinja").render(
        parts=parts, flow=flow, trouble=trouble, at=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    )
    write_text(path, page, mode=0o600)
    return trouble


def _standing_lines(given: Handover, standing: Standing | None) -> list[str]:
    """The first row of the first page, in sentences."""
    lines = []
    if standing is not None:
        lines += [
            f"New decisions since the served release: {len(standing.people):,} by people"
            + (f", {len(standing.simulated):,} by the simulated annotator." if standing.simulated else "."),
            *_agreement_lines(standing),
            *(
                f"Questions {kind} in 7 days: {standing.week(kind):,}, and {standing.week(kind, 1):,} before."
                for kind in ("asked", "refused", "wrong")
            ),
            "A retrain is at work." if is_retraining(given) else f"Next: {standing.next.words}",
        ]
    served = read_releases(given.home).served
    made = read_run(given.home, served.release.run_id) if served else None
    if served is not None:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in served.evaluation.kinds.items())
        change = f"{made.change} on" if made and made.change else "Judged on"
        told = made.verdict if made else served.unjudged
        lines.append(f"Served: {served.id}. {told}{f' {change} {kinds}.' if kinds else ''}")
    return lines


def _agreement_lines(standing: Standing) -> Iterator[str]:
    least = least_agreed(standing)
    if least is None:
        yield "No two people answered the same record."
        return
    alpha = least.alpha
    interval = "" if alpha.low is None else f" ({alpha.low:.2f} to {alpha.high:.2f})"
    yield (
        f"Agreement is least on {least.question}: Krippendorff's alpha {alpha.value:.2f}{interval}, over "
        f"{plural(alpha.records, 'record')} answered twice."
    )


def _of_releases(handover: Handover, standing: Standing | None, trouble: list[str]) -> list[Part]:
    home, links = handover.home, links_of(standing)
    view = read_releases(home)
    rows, store = [*reversed(view.rows)], ReleaseStore(home)
    means = read_means(home, [row.id for row in view.rows], handover.loop.training.gate)
    parts = [
        Part("Releases", [notice.message for notice in view.damaged.values()], release_table(rows)),
        Part("NDCG@10 by kind of question, 95% intervals", table=mean_frame(means, store.served_id() or "")),
        *(_of_served(handover, view.served, links, trouble) if view.served else []),
        Part("Runs", table=run_frame(read_runs(home, _RUNS).rows)),
    ]
    if home.documents.exists():
        funnel = read_funnel(home)
        stages = [f"{name}: {count:,}" for name, count in (*funnel.stages, *funnel.kept)]
        parts.append(Part("Data", stages, dropped_table(funnel.dropped, links)))
    if (found := read_calibration(home)) is not None:
        parts.append(Part(f"{found.judge} beside people", table=calibration_table(found)))
    return [*parts, Part("Who did what", table=action_table(read_actions(home, _ACTIONS)))]


def _of_served(
    handover: Handover, served: ReleaseRow, links: RecordLinks, trouble: list[str]
) -> Iterator[Part]:
    home = handover.home
    made = read_run(home, served.release.run_id)
    guards = made.gate.guards if made and made.gate else ()

    def by_slice() -> pd.DataFrame:
        quality = read_quality(home, served.id, handover.loop.training.gate)
        return slice_frame(quality.slices if quality else ())

    tables: dict[str, Callable[[], pd.DataFrame]] = {
        "Guards of the run that made it": lambda: guard_frame(guards),
        "Per Matryoshka dimension": lambda: dimension_frame(served),
        "Per slice, against the release before": by_slice,
        "Topics without good answers": lambda: topic_table(read_topics(handover), links),
        "Answers that people wrote": lambda: answer_table(list_answers(ReleaseStore(home), home), links),
    }
    for title, make in tables.items():
        try:
            yield Part(title, table=make())
        except Exception as error:  # the rest is still worth reading
            notice = notice_of(error, title)
            trouble.append(f"{notice.message} {notice.hint}")
