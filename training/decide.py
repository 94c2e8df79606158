"""Whether to retrain: go on with an interrupted run, leave it, or start a new one, and how far it is to go.

A run is needed for the index when the decisions differ from those that the served release has, and for a
fine-tuned model when they differ from those that the served model was trained from.

Nothing here reads a disk or a clock. ``training.runs.situation`` collects what the answer depends on; the
command, its preview and the watcher all ask here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation import Verdict
from training.ledger.rows import LedgerRow, RecordKey
from training.ledger.selection import Selection
from training.runs.record import RunRecord
from training.runs.situation import Situation, Unfinished
from training.settings import FINE_TUNED, INDEX_ONLY, Rung

# A run that somebody started with a selection of their own is theirs to finish for so long.
LEFT_ALONE = timedelta(days=7)

# Fields of RunInputs that must not have changed for a run to go on, and what people call them.
_MUST_NOT_CHANGE = {
    "corpus": "the documents",
    "settings": "the settings",
    "testsets": "what is in the test sets",
    "model": "the base model, or how it is computed with",
}

# What was answered to a record (its fingerprint), and what follows from it.
_Answer = tuple[str, Verdict]


class News(BaseModel):
    """How many decisions differ between two ledgers.

    ``new`` ones are there for the first time or were changed, ``accepted`` counts those of them that are
    accepted, and ``withdrawn`` ones are gone.
    """

    model_config = ConfigDict(frozen=True)

    new: int = 0
    withdrawn: int = 0
    accepted: int = 0

    @property
    def total(self) -> int:
        return self.new + self.withdrawn


@dataclass(frozen=True)
class Choice:
    """The answer, and ``why`` in a sentence for people.

    ``fresh`` counts the accepted decisions that no run has tried to learn from yet; only ``is_due`` counts
    them. ``rung`` is the highest that a new run tries. ``run`` is the run to resume. ``given_up`` says why
    each other unfinished run has to be closed (run id → reason), ``left_alone`` what to tell about each
    that stays as it is. ``news`` is since the served release.
    """

    what: Literal["resume", "skip", "new"]
    why: str
    news: News
    rung: Rung = FINE_TUNED
    run: RunRecord | None = None
    given_up: Mapping[str, str] = field(default_factory=dict)
    left_alone: Mapping[str, str] = field(default_factory=dict)
    fresh: int = 0


@dataclass(frozen=True)
class Due:
    """When to train without being asked: once ``min_accepted`` new decisions are accepted, or
    ``every_hours`` after the last time if anything is new (0: never so)."""

    min_accepted: int
    every_hours: float = 0.0


def decide(found: Situation, force: bool = False, highest: Rung = FINE_TUNED) -> Choice:
    """What a retrain would do now, up to the rung ``highest``. ``force``: start a run even if nothing is new
    or the same was tried before."""
    news = find_news(answers(found.rows), answers(found.served_rows))
    resumed: RunRecord | None = None
    given_up: dict[str, str] = {}
    left_alone: dict[str, str] = {}
    for one in found.unfinished:
        record = one.record
        if force and record.status == "failed" and one.ending is None:
            given_up[record.id] = "it had failed, and a new run was asked for"
        elif _is_somebodys_own(record, found):
            left_alone[record.id] = (
                f"Leaving run {record.id} alone, which was interrupted: it was made {_how(record.selection)},"
                f" and this one is {_how(found.selection)}. A retrain with its selection finishes it; after"
                f" {LEFT_ALONE.days} days it is given up."
            )
        elif obstacle := "a newer run took its place" if resumed else _obstacle(one, found, highest):
            given_up[record.id] = obstacle
        else:
            resumed = record
    why = f"{news.new} new or changed decisions, {news.withdrawn} withdrawn since {found.served.id}"
    if found.inputs.curated:
        why += f"; {len(found.inputs.curated)} curated answers switched or confirmed"
    choice = Choice("new", why, news, highest, resumed, given_up, left_alone)
    if resumed is not None:
        how = "had failed" if resumed.status == "failed" else "was interrupted"
        return replace(choice, what="resume", why=f"Going on with run {resumed.id}, which {how}")
    if force:
        return choice
    reason = _nothing_to_index(found, news)
    if highest == FINE_TUNED:
        to_fit = find_news(answers(found.rows), answers(found.fitted_rows))
        if not (unfit := _nothing_to_learn(found, to_fit)):
            return choice
        reason = reason and unfit
    return replace(choice, what="skip", why=reason) if reason else replace(choice, rung=INDEX_ONLY)


def is_due(found: Situation, due: Due) -> Choice:
    """What to do without being asked.

    Like ``decide``, but a run that trains wants as much news as ``due`` says, and what was tried since the
    served release is no news: a release that a person went back to stays until somebody decides something
    else. Any news is enough for the index. A run that a living process works on is left to it.
    """
    choice = decide(found)
    if choice.run is not None and any(one.at_work for one in found.unfinished if one.record is choice.run):
        return replace(choice, what="skip", why=f"Run {choice.run.id} is at work.")
    fresh = fresh_news(found, found.fitted_rows, found.tried_to_fit)
    waiting = f"{fresh.accepted} accepted decisions wait to be trained on"
    choice = replace(choice, fresh=fresh.accepted)
    if choice.what != "new":
        return choice
    if choice.rung == FINE_TUNED:
        since = fresh.total
        if not found.chosen_by_hand:
            since = find_news(answers(found.rows), answers(found.fitted_rows)).total
        if found.must_forget:
            return replace(choice, why="the served model learned from answers that are to be left out")
        if fresh.accepted >= due.min_accepted:
            return replace(choice, why=f"{waiting} (watch.min_accepted: {due.min_accepted})")
        if since and _is_time(found, due.every_hours):
            return replace(choice, why=f"{since} decisions are new after {due.every_hours:g} hours")
    now = fresh_news(found, found.served_rows, found.tried).total
    known = {one for run in found.finished if found.chosen_by_hand for one in run.inputs.curated}
    if (now or {*found.inputs.curated} - known) and not _nothing_to_index(found, choice.news):
        are = "decision is" if now == 1 else "decisions are"
        why = f"{now} {are} new, withdrawn or changed; to be brought into the index"
        return replace(choice, rung=INDEX_ONLY, why=why if now else choice.why)
    return replace(choice, what="skip", why=f"{waiting}, and watch.min_accepted is {due.min_accepted}.")


def answers(rows: Sequence[LedgerRow]) -> dict[RecordKey, _Answer]:
    """What was answered to each record of a ledger, except those that its selection left out."""
    return {row.key: (row.fingerprint, row.verdict) for row in rows if row.fate != "left-out"}


def find_news(now: Mapping[RecordKey, _Answer], before: Mapping[RecordKey, _Answer]) -> News:
    """What is new. An undecided record (a tie, or no answer that counts) is no news unless it was decided
    before."""
    changed = changed_keys(now, before)
    return News(
        new=len(changed),
        withdrawn=sum(_is_decided(answer) and key not in now for key, answer in before.items()),
        accepted=sum(now[key][1] == "accepted" for key in changed),
    )


def changed_keys(now: Mapping[RecordKey, _Answer], before: Mapping[RecordKey, _Answer]) -> list[RecordKey]:
    """The records that ``find_news`` counts as new."""
    return [
        key
        for key, answer in now.items()
        if answer != before.get(key) and (_is_decided(answer) or _is_decided(before.get(key)))
    ]


def _is_decided(answer: _Answer | None) -> bool:
    return answer is not None and answer[1] != "undecided"


def fresh_news(found: Situation, served: Sequence[LedgerRow], tried: Sequence[Sequence[LedgerRow]]) -> News:
    """What is new to a ledger that is ``served``, and to everything that was ``tried`` since."""
    known = answers(served)
    for rows in tried:
        left_out = {row.key for row in rows if row.fate == "left-out"}
        known = {key: answer for key, answer in known.items() if key in left_out} | answers(rows)
    return find_news(answers(found.rows), known)


def _is_somebodys_own(record: RunRecord, found: Situation) -> bool:
    return record.inputs.selection != found.inputs.selection and found.now - record.last_sign < LEFT_ALONE


def _obstacle(one: Unfinished, found: Situation, highest: Rung) -> str:
    """Why the run cannot be finished, or nothing."""
    record, inputs = one.record, one.record.inputs
    if inputs.selection != found.inputs.selection:
        return (
            f"it was made {_how(record.selection)} more than {LEFT_ALONE.days} days ago, and this one is "
            f"{_how(found.selection)}"
        )
    if one.ending is not None and one.ending.release is None:
        return one.ending.verdict
    has_to_train = inputs.rung == FINE_TUNED and one.ending is None and not record.has_finished("fit")
    if has_to_train and highest == INDEX_ONLY:
        return "it trains a model, and this time nothing is to be trained"
    changed = [
        words
        for name, words in _MUST_NOT_CHANGE.items()
        if getattr(inputs, name) != getattr(found.inputs, name)
    ]
    if found.served.id not in (inputs.release, one.release):
        changed.append("the served release")
    if changed:
        return f"changed since it was interrupted: {', '.join(changed)}"
    if not one.has_base:
        return f"the release that it compared with, {inputs.release}, is gone"
    if not record.has_finished("prepare"):
        return "it was interrupted before it was prepared"
    if one.damage:
        return one.damage
    # What failed may have failed because of what it had read; what was killed had no fault.
    if record.status == "failed" and one.ending is None and inputs.decisions != found.inputs.decisions:
        return "it had failed, and the annotations have changed since"
    return ""


def _nothing_to_index(found: Situation, news: News) -> str:
    """Why no run is needed for the index, or nothing."""
    if not news.total and not found.inputs.curated:
        return f"Nothing new to index: no decision has been added or changed since {found.served.id}."
    return _tried(found, INDEX_ONLY)


def _nothing_to_learn(found: Situation, news: News) -> str:
    """Why no run is needed for a fine-tuned model, or nothing. ``news`` is since the model was trained."""
    if not news.total and not found.must_forget:
        reason = f"Nothing new to learn: no decision has been added or changed since {found.served.id}."
        indexed = found.served.index.rows
        if indexed != found.indexable:
            reason += (
                f" It indexes {indexed} chunks and the documents have {found.indexable} now: "
                "`clayloop reindex` brings them to the bot."
            )
        return reason
    return _tried(found, FINE_TUNED)


def _tried(found: Situation, rung: Rung) -> str:
    """What came of the newest run with the same inputs that came to its end and went as high as ``rung``:
    another one would come to the same. Nothing where there is none."""
    ended = [
        (one.record, one.release, one.ending.verdict)
        for one in found.unfinished
        if one.ending is not None and not one.ending.overtaken
    ]
    ended += [(one, one.release_after, one.verdict) for one in found.finished]
    for record, made, verdict in ended:
        inputs = record.inputs
        # What it made may be what is served now.
        release = inputs.release if made == found.served.id else found.inputs.release
        same = found.inputs.model_copy(update={"rung": inputs.rung, "release": release})
        if rung in (inputs.rung, INDEX_ONLY) and inputs == same:
            return (
                f"Nothing new to learn since run {record.id} tried exactly these annotations: {verdict} "
                "(--force tries again.)"
            )
    return ""


def _is_time(found: Situation, every_hours: float) -> bool:
    times = [found.served.created_at, *(one.created_at for one in found.finished)]
    past = [time for time in times if time <= found.now]  # the clock may have been set back
    return bool(every_hours) and (not past or found.now - max(past) >= timedelta(hours=every_hours))


def _how(selection: Selection) -> str:
    return ", ".join(selection.describe()) or "with everything"
