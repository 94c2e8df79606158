"""How the loop stands: what was decided since the last release, what visitors asked, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

from curation import SILENT, ArgillaError, Corpus, Decision, Home
from dashboards.wording import plural

if TYPE_CHECKING:
    import argilla as rg

    from curation import Agreement, DatasetName, DayTraffic, DecisionReader
    from dashboards.handover import Handover
    from training import Choice

WEEK = 7  # days


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
    two weeks, oldest first. ``addresses``: where each dataset is annotated."""

    people: int
    simulated: int
    days: Sequence[Day]
    next: Next
    agreement: Agreement | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)

    def week(self, kind: str, back: int = 0) -> int:
        """The sum of ``kind`` (asked, refused or wrong) over the last 7 days, or the 7 that lie ``back``
        weeks before."""
        end = len(self.days) - back * WEEK
        return sum(getattr(day, kind) for day in self.days[max(0, end - WEEK) : end])


class StandingReader:
    """Asks Argilla and looks at the state folder. Decisions are kept, and only what changed is read again."""

    def __init__(self, handover: Handover) -> None:
        self._given = handover
        self._reader: DecisionReader | None = None
        self._client: rg.Argilla | None = None
        self._agreement: tuple[list[str], Agreement] | None = None

    def __call__(self) -> list[Standing]:
        """One standing, in a list as every feed gives. Raises ArgillaError when Argilla does not answer, and
        StateError or ReleaseError for damaged files."""
        from curation import (
            DecisionReader,
            connect_to_argilla,
            dataset_addresses,
            read_progress,
            read_traffic,
        )

        given = self._given
        self._reader = self._reader or DecisionReader(given.argilla)
        client = self._client or connect_to_argilla(given.argilla, given.home, make_workspace=False)
        self._client = None  # after an error we connect anew
        today = datetime.now(timezone.utc).date()
        try:
            decisions = self._reader.read(client)
            addresses: Mapping[DatasetName, str] = dataset_addresses(client, given.argilla)
        except ArgillaError:
            if any(one.exists for one in read_progress(client, given.argilla)):
                raise
            decisions, addresses = [], {}  # nothing was pushed yet
        traffic = read_traffic(client, given.argilla, today, 2 * WEEK)
        self._client = client
        standing = standing_of(given, decisions, traffic, addresses)
        return [replace(standing, agreement=self._agreed(decisions))]

    def _agreed(self, decisions: Sequence[Decision]) -> Agreement:
        """How far people agree. The intervals take a while, so they are kept until somebody answers."""
        from curation import agreement_of, label_questions

        answered = [one.fingerprint for one in decisions]
        if self._agreement is None or self._agreement[0] != answered:
            self._agreement = answered, agreement_of(decisions, label_questions())
        return self._agreement[1]


def standing_of(
    given: Handover,
    decisions: Sequence[Decision],
    traffic: Sequence[DayTraffic],
    addresses: Mapping[DatasetName, str],
) -> Standing:
    """From what was read. Raises StateError or ReleaseError for damaged files."""
    from curation import SIMULATED_ANNOTATOR
    from serving import ReleaseStore
    from training import Due, RunContext, Selection, answers, changed_keys, is_due, read_situation, select

    store = ReleaseStore(given.home)
    wrong = _wrong_by_day(decisions)
    days = [Day(one.day, one.asked, one.refused, wrong.get(one.day, 0)) for one in traffic]
    places = {str(kind): address for kind, address in addresses.items()}
    if store.current_id() is None or not given.home.chunks.exists():
        first = Next("Nothing is served yet: `clayloop ingest SOURCE`, then `clayloop bootstrap`.")
        return Standing(len(decisions), 0, days, first, addresses=places)
    corpus, loop = Corpus.load(given.home), given.loop
    context = RunContext(given.home, corpus, loop.training, loop.serving, store, store.current(), SILENT)
    selection = Selection(without_annotators=tuple(loop.training.without_annotators))
    found = read_situation(context, select(decisions, selection), datetime.now(timezone.utc))
    new = set(changed_keys(answers(found.rows), answers(found.served_rows)))
    mine = [one for one in decisions if (one.dataset, one.record_id) in new]
    simulated = sum(set(one.annotators) == {SIMULATED_ANNOTATOR} for one in mine)
    choice = is_due(found, Due(loop.min_accepted, loop.every_hours))
    step = next_step(given.home, decisions, choice, loop.min_accepted, addresses)
    return Standing(len(mine) - simulated, simulated, days, step, addresses=places)


def next_step(
    home: Home,
    decisions: Sequence[Decision],
    choice: Choice,
    wanted: int,
    addresses: Mapping[DatasetName, str],
) -> Next:
    """What brings the bot on most: what is decided already first, then what people ask, then more of it."""
    from serving import ReleaseStore, list_answers

    conversations = addresses.get("conversations", "")
    if choice.what != "skip":
        return Next(f"{_sentence(choice.why)} A retrain is due.", retrain=True)
    stale = sum(one.stale for one in list_answers(ReleaseStore(home), home))
    if stale:
        are = "curated answer is" if stale == 1 else "curated answers are"
        words = f"{stale} {are} older than their source: filter conversations by answer_state = stale."
        return Next(words, conversations, "Open conversations")
    waiting = sum(_waits_for_source(one) for one in decisions)
    if waiting:
        words = f"{plural(waiting, 'wrong answer')} without a source or a correction."
        return Next(words, conversations, "Open conversations")
    missing = max(wanted - choice.fresh, 1)
    words = f"{plural(missing, 'more accepted decision')} on triplets or conversations make a retrain due."
    return Next(words, addresses.get("triplets", conversations), "Open triplets")


def _sentence(why: str) -> str:
    text = why.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _waits_for_source(decision: Decision) -> bool:
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
