"""How the loop stands: what was decided since the last release, what visitors asked, and what comes next."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from heapq import nlargest
from typing import TYPE_CHECKING

from curation import MOST_NAMED, SILENT, SIMULATED_ANNOTATOR, Corpus, Decision, Home, RecordLinks
from dashboards.data.decided import Decided
from dashboards.wording import plural
from serving import ReleaseStore, list_answers

if TYPE_CHECKING:
    import argilla as rg

    from curation import Agreement, DayTraffic, DecisionReader, Progress
    from dashboards.handover import Handover
    from training import Choice

WEEK = 7  # days
_ALL_SECONDS = 60.0
_NEVER = datetime.min.replace(tzinfo=timezone.utc)
_DOES = {"skip": "Nothing yet.", "new": "Retrain.", "resume": "Go on with the run that was interrupted."}


@dataclass(frozen=True)
class Day:
    """What visitors asked on ``day``; ``wrong`` are the answers of that day that people judged wrong."""

    day: date
    asked: int = 0
    refused: int = 0
    wrong: int = 0


@dataclass(frozen=True)
class Next:
    """What a maintainer should do next: ``words``, and the ``address`` where that is done, if it is a page.
    ``retrain``: the button is the one for that."""

    words: str
    address: str = ""
    label: str = ""
    retrain: bool = False


@dataclass(frozen=True)
class Standing:
    """``people`` and ``simulated``: decisions that the served release does not have. ``days`` are the last
    two weeks, oldest first. ``would`` says what the watcher would do now, and why. ``links`` lead to
    records."""

    people: Sequence[Decision]
    simulated: Sequence[Decision]
    days: Sequence[Day]
    next: Next
    would: str = ""
    agreement: Agreement | None = None
    links: RecordLinks = field(default_factory=RecordLinks)
    decided: Decided = field(default_factory=Decided)

    def week(self, kind: str, back: int = 0) -> int:
        """The sum of ``kind`` (asked, refused or wrong) over the last 7 days, or the 7 that lie ``back``
        weeks before."""
        end = len(self.days) - back * WEEK
        return sum(getattr(day, kind) for day in self.days[max(0, end - WEEK) : end])

    def opened(self, decisions: Iterable[Decision], dataset: str) -> str:
        """Where those of ``decisions`` that are about ``dataset`` can be opened, the last answered of them
        where there are many; "" where that is nowhere."""
        found = {one.record_id: one for one in decisions if one.dataset == dataset}  # each once
        newest = nlargest(MOST_NAMED, found.values(), key=lambda one: one.last_answer or _NEVER)
        return self.links.records(dataset, (one.record_id for one in newest))


def links_of(standing: Standing | None) -> RecordLinks:
    """Where records can be opened; nowhere before Argilla has answered."""
    return standing.links if standing else RecordLinks()


class StandingReader:
    """Asks Argilla and looks at the state folder. Decisions are kept, and only what changed is read again;
    what follows from them is worked out again when they, a release or a run have changed."""

    def __init__(self, handover: Handover, progress: Progress = SILENT) -> None:
        self._given, self._progress = handover, progress
        self._reader: DecisionReader | None = None
        self._client: rg.Argilla | None = None
        self._agreed: tuple[Sequence[Decision], Agreement] | None = None
        self._last: tuple[object, Standing] | None = None
        self._links = RecordLinks()
        self._traffic: list[DayTraffic] = []
        self._all_at = 0.0  # by time.monotonic: when everything is asked again

    def __call__(self) -> list[Standing]:
        """One standing, in a list as every feed gives. Raises ArgillaError when Argilla does not answer, and
        StateError or ReleaseError for damaged files."""
        from curation import DecisionReader, connect_to_argilla

        given = self._given
        self._reader = self._reader or DecisionReader(
            given.argilla, is_called_never=True, progress=self._progress
        )
        client = self._client or connect_to_argilla(given.argilla, given.home, make_workspace=False)
        self._client = None  # after an error we connect anew
        links, traffic = self._ask(client, datetime.now(timezone.utc).date())
        decisions = self._reader.read(client) if links.addresses else []  # else nothing was pushed yet
        self._client = client
        seen = decisions, links, _state(given.home)
        if self._last is None or self._last[0] != seen:
            standing = standing_of(given, decisions, traffic, links)
            self._last = seen, replace(standing, agreement=self._agreement(decisions))
        return [replace(self._last[1], days=days_of(decisions, traffic))]

    def _ask(self, client: rg.Argilla, today: date) -> tuple[RecordLinks, list[DayTraffic]]:
        """Where records are, and what was asked. Days before yesterday hardly change: all of them are asked
        for once a minute, as everything that says where records are."""
        from curation import read_links, read_traffic

        argilla = self._given.argilla
        is_due = time.monotonic() >= self._all_at or not self._links.addresses
        if is_due or not self._traffic or self._traffic[-1].day != today:
            self._links = read_links(client, argilla)
            self._traffic = read_traffic(client, argilla, today, 2 * WEEK)
            self._all_at = time.monotonic() + _ALL_SECONDS
        else:
            self._traffic[-2:] = read_traffic(client, argilla, today, 2)
        return self._links, self._traffic

    def _agreement(self, decisions: Sequence[Decision]) -> Agreement:
        """How far people agree. The intervals take a while, so they are kept until somebody answers."""
        from curation import agreement_of, label_questions

        if self._agreed is None or self._agreed[0] != decisions:
            self._agreed = decisions, agreement_of(decisions, label_questions())
        return self._agreed[1]


def _state(home: Home) -> list[int]:
    """Changes with what the page works out from the state folder, decisions apart."""
    runs = sorted(home.runs.glob("*/run.json"))[-2:]
    releases = home.releases
    watched = [home.chunks, home.answers_off, home.runs, releases, releases / "current", *runs]
    return [path.stat().st_mtime_ns if path.exists() else 0 for path in watched]


def days_of(decisions: Sequence[Decision], traffic: Sequence[DayTraffic]) -> list[Day]:
    """Each day of ``traffic``, with what people judged wrong."""
    wrong = _wrong_by_day(decisions)
    return [Day(one.day, one.asked, one.refused, wrong.get(one.day, 0)) for one in traffic]


def standing_of(
    given: Handover, decisions: Sequence[Decision], traffic: Sequence[DayTraffic], links: RecordLinks
) -> Standing:
    """From what was read. Raises StateError or ReleaseError for damaged files."""
    from training import Due, answers, changed_keys, is_due, situation_now

    store, days = ReleaseStore(given.home), days_of(decisions, traffic)
    if store.current_id() is None or not given.home.chunks.exists():
        first = Next(first_step(given.home) or "`clayloop ingest SOURCE`: the documents are missing.")
        return Standing(decisions, (), days, first, links=links, decided=Decided(decisions))
    loop = given.loop
    found = situation_now(given.home, Corpus.load(given.home), loop.training, loop.serving, decisions)
    new = set(changed_keys(answers(found.rows), answers(found.served_rows)))
    mine = [one for one in decisions if (one.dataset, one.record_id) in new]
    people = [one for one in mine if set(one.annotators) != {SIMULATED_ANNOTATOR}]
    choice = is_due(found, Due(loop.min_accepted, loop.every_hours))
    return Standing(
        people=people,
        simulated=[one for one in mine if set(one.annotators) == {SIMULATED_ANNOTATOR}],
        days=days,
        next=next_step(given.home, decisions, choice, loop.min_accepted, links),
        would=f"{_DOES[choice.what]} {_sentence(choice.why)}",
        links=links,
        decided=Decided(decisions),
    )


def first_step(home: Home) -> str:
    """What to do while nothing is served; "" from the first release on."""
    if ReleaseStore(home).current_id() is not None:
        return ""
    if not home.chunks.exists():
        return "`clayloop ingest SOURCE` reads documents, then `clayloop bootstrap` makes a first release."
    return "`clayloop bootstrap` makes the first release from the documents."


def next_step(
    home: Home, decisions: Sequence[Decision], choice: Choice, wanted: int, links: RecordLinks
) -> Next:
    """What brings the bot on most: what is decided already first, then what people ask, then more of it."""
    waiting = links.pending("conversations")
    if choice.what != "skip":
        return Next(f"{_sentence(choice.why)} A retrain is due.", retrain=True)
    stale = [one.record_id for one in list_answers(ReleaseStore(home), home) if one.stale]
    if stale:
        are = "curated answer is" if len(stale) == 1 else "curated answers are"
        place = links.records("conversations", stale) or links.pending(
            "conversations", {"answer_state": "stale"}
        )
        return Next(f"{len(stale)} {are} older than their source.", place, opening(len(stale), "them"))
    unsourced = [one.record_id for one in decisions if waits_for_source(one)]
    if unsourced:
        words = f"{plural(len(unsourced), 'wrong answer')} without a source or a correction."
        place = links.records("conversations", unsourced) or waiting
        return Next(words, place, opening(len(unsourced), "them"))
    missing = max(wanted - choice.fresh, 1)
    words = f"{plural(missing, 'more accepted decision')} on triplets or conversations make a retrain due."
    return Next(words, links.pending("triplets") or waiting, "Open triplets")


def opening(count: int, what: str) -> str:
    """What stands on a link to so many records."""
    return f"Open {what}" if count <= MOST_NAMED else f"Open {MOST_NAMED} of {what}"


def _sentence(why: str) -> str:
    text = why.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def waits_for_source(decision: Decision) -> bool:
    """Whether an answer is wrong and nobody has said what would be right."""
    return (
        decision.dataset == "conversations"
        and decision.verdict == "rejected"
        and decision.values.get("out_of_guardrails") != "yes"
        and decision.named_source is None
        and decision.correction is None
    )


def _wrong_by_day(decisions: Sequence[Decision]) -> dict[date, int]:
    """Answers that people judged wrong, by the day on which they were given."""
    found: dict[date, int] = {}
    for one in decisions:
        if one.dataset == "conversations" and one.verdict == "rejected":
            try:
                day = date.fromisoformat(str(one.metadata.get("day", "")))
            except ValueError:
                continue
            found[day] = found.get(day, 0) + 1
    return found
