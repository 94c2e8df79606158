"""Whether to retrain, decided from values alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import pytest
from hypothesis import given, strategies as st

from curation import Verdict
from serving import Release
from training.decide import Choice, Due, Situation, answers, decide, find_news, is_due
from training.ledger.rows import LedgerRow
from training.ledger.selection import EVERYTHING, Selection
from training.runs.record import RunInputs, RunRecord, StepRecord
from training.runs.situation import Ending, Unfinished
from training.settings import FINE_TUNED, INDEX_ONLY

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
INPUTS = RunInputs(decisions="d", corpus="c", settings="s", release="r0001-00000000", model="m")
CHUNKS = 10


def _release(release_id: str = INPUTS.release) -> Release:
    """Only what the decision looks at."""
    from serving import EmbeddingInfo, IndexInfo

    index = IndexInfo.model_construct(rows=CHUNKS)
    return Release.model_construct(
        id=release_id, created_at=NOW, index=index, embedding=EmbeddingInfo.model_construct()
    )


def _row(number: int, verdict: Verdict = "accepted", said: str = "", fate: Any = "open") -> LedgerRow:
    return LedgerRow(
        dataset="triplets",
        record_id=f"t{number}",
        fingerprint=f"{number} {said or verdict}",
        verdict=verdict,
        fate=fate,
    )


def _rows(count: int, verdict: Verdict = "accepted") -> list[LedgerRow]:
    return [_row(number, verdict) for number in range(count)]


def _situation(rows: Sequence[LedgerRow] = (), served: Sequence[LedgerRow] = (), **more: Any) -> Situation:
    """The served model was trained from the ledger of its release."""
    more = {"fitted_rows": served, "tried_to_fit": more.get("tried", ()), **more}
    found = Situation(
        now=NOW,
        inputs=INPUTS,
        selection=EVERYTHING,
        served=_release(),
        rows=rows,
        served_rows=served,
        indexable=CHUNKS,
    )
    return replace(found, **more)


def _run(
    number: int = 1,
    status: Literal["running", "failed", "finished"] = "running",
    steps: Sequence[str] = ("prepare",),
    age: timedelta = timedelta(hours=1),
    selection: Selection = EVERYTHING,
    **inputs: str,
) -> RunRecord:
    began = NOW - age
    return RunRecord(
        id=f"20260501-00000{number}-abcdef",
        status=status,
        created_at=began,
        inputs=INPUTS.model_copy(update={"selection": selection.digest, **inputs}),
        selection=selection,
        steps=[StepRecord(name=name, status="finished", started=began) for name in steps],
    )


def _overruled(record: RunRecord) -> Unfinished:
    return Unfinished(
        record, ending=Ending("rejected", "Promoted as r0002, but somebody has promoted r0001 since.")
    )


def test_without_news_nothing_is_done_and_new_documents_are_pointed_at() -> None:
    rows = _rows(3)
    same = decide(_situation(rows, rows))
    assert (same.what, same.why) == (
        "skip",
        "Nothing new to learn: no decision has been added or changed since r0001-00000000.",
    )
    more = decide(_situation(rows, rows, indexable=CHUNKS + 2))
    assert "It indexes 10 chunks and the documents have 12 now: `clayloop reindex`" in more.why
    assert decide(_situation(rows, rows), force=True).what == "new"


def test_what_is_new_is_trained_on_and_so_is_forgetting() -> None:
    found = _situation(_rows(5), _rows(5))
    assert decide(replace(found, rows=_rows(6))).rung == FINE_TUNED
    assert decide(replace(found, must_forget=True)).rung == FINE_TUNED, "to forget somebody is worth training"


def test_withdrawn_and_left_out_decisions_are_news() -> None:
    found = decide(_situation([_row(0), _row(1, fate="left-out", said="-")], _rows(3)))
    assert (found.what, found.news.new, found.news.withdrawn) == ("new", 0, 2)


def test_undecided_records_are_news_only_if_they_were_decided() -> None:
    assert decide(_situation(_rows(3, "undecided"))).what == "skip"
    assert decide(_situation(_rows(3, "undecided"), _rows(1))).news.new == 1


def test_the_same_is_not_tried_again_unless_asked_for() -> None:
    tried = _run(status="finished").model_copy(update={"verdict": "It was worse."})
    found = _situation(_rows(3), finished=[tried])
    assert decide(found).what == "skip"
    assert decide(found).why.startswith(f"Nothing new to learn since run {tried.id} tried exactly these")
    assert "It was worse. (--force tries again.)" in decide(found).why
    assert decide(found, force=True).what == "new"
    for changed in ("decisions", "corpus", "settings", "release", "model", "testsets", "selection"):
        other = tried.model_copy(update={"inputs": INPUTS.model_copy(update={changed: "other"})})
        assert decide(replace(found, finished=[other])).what == "new", changed


def test_an_interrupted_run_goes_on_whatever_was_answered_since() -> None:
    record = _run(decisions="before")
    choice = decide(_situation(_rows(3), unfinished=[Unfinished(record)]))
    assert (choice.what, choice.run) == ("resume", record)
    assert choice.why == f"Going on with run {record.id}, which was interrupted"


def test_who_wants_the_index_only_is_not_given_a_run_that_has_to_train() -> None:
    record = _run()
    choice = decide(_situation(_rows(3), unfinished=[Unfinished(record)]), highest=INDEX_ONLY)
    assert (choice.what, choice.rung) == ("new", INDEX_ONLY)
    assert "nothing is to be trained" in choice.given_up[record.id]
    no_training = record.model_copy(update={"inputs": record.inputs.model_copy(update={"rung": INDEX_ONLY})})
    found = _situation(_rows(3), unfinished=[Unfinished(no_training)])
    assert decide(found, highest=INDEX_ONLY).run == no_training


def test_one_that_failed_goes_on_only_with_what_it_had_read() -> None:
    same, other = _run(status="failed"), _run(status="failed", decisions="before")
    assert decide(_situation(unfinished=[Unfinished(same)])).run == same
    choice = decide(_situation(_rows(3), unfinished=[Unfinished(other)]))
    assert choice.what == "new"
    assert choice.given_up == {other.id: "it had failed, and the annotations have changed since"}
    promoted = Unfinished(other, ending=Ending("promoted", "", "r0002-00000000"), release="r0002-00000000")
    at_its_end = replace(_situation(unfinished=[promoted]), served=_release("r0002-00000000"))
    assert decide(at_its_end).run == other


@pytest.mark.parametrize(
    ("unfinished", "words"),
    [
        (
            Unfinished(_run(corpus="x", model="y")),
            "the documents, the base model, or how it is computed with",
        ),
        (Unfinished(_run(release="r0009-00000000")), "the served release"),
        (Unfinished(_run(steps=())), "it was interrupted before it was prepared"),
        (Unfinished(_run(), damage="prepare/ledger.parquet is missing or damaged"), "is missing or damaged"),
        (_overruled(_run()), "somebody has promoted r0001 since"),
        (
            Unfinished(_run(release="r0000-00000000"), release=INPUTS.release, has_base=False),
            "the release that it compared with, r0000-00000000, is gone",
        ),
    ],
)
def test_one_that_cannot_be_finished_is_given_up(unfinished: Unfinished, words: str) -> None:
    choice = decide(_situation(_rows(3), unfinished=[unfinished]))
    assert choice.run is None
    assert words in choice.given_up[unfinished.record.id]


def test_the_newest_of_several_goes_on() -> None:
    newest, older = _run(2), _run(1)
    choice = decide(_situation(unfinished=[Unfinished(newest), Unfinished(older)]))
    assert (choice.run, choice.given_up) == (newest, {older.id: "a newer run took its place"})


def test_a_run_with_another_selection_is_left_alone_for_a_week() -> None:
    theirs = _run(selection=Selection(max_records=3))
    choice = decide(_situation(_rows(3), unfinished=[Unfinished(theirs)]))
    assert (choice.what, choice.given_up) == ("new", {})
    assert "it was made the newest 3 records, and this one is with everything" in choice.left_alone[theirs.id]
    old = _run(selection=Selection(max_records=3), age=timedelta(days=8))
    assert old.id in decide(_situation(_rows(3), unfinished=[Unfinished(old)])).given_up


def test_a_rollback_is_not_undone_by_the_same_decisions() -> None:
    overruled = _overruled(_run())
    choice = decide(_situation(_rows(3), unfinished=[overruled]))
    assert (choice.what, list(choice.given_up)) == ("skip", [overruled.record.id])
    assert "somebody has promoted r0001 since" in choice.why


# the watcher


def _trains(choice: Choice) -> bool:
    return (choice.what, choice.rung) == ("new", FINE_TUNED)


def test_enough_accepted_decisions_make_a_retrain_due() -> None:
    due = Due(min_accepted=20)
    rejected = [_row(100 + number, "rejected") for number in range(50)]
    fewer = is_due(_situation([*_rows(19), *rejected]), due)
    assert (fewer.what, fewer.rung) == ("new", INDEX_ONLY), "the index does not wait"
    assert "20 accepted decisions wait to be trained on" in is_due(_situation(_rows(20)), due).why


def test_what_was_looked_at_is_not_new_and_what_was_flipped_back_is() -> None:
    due = Due(min_accepted=20)
    tried = _situation(_rows(50), tried=[_rows(40)])
    assert not _trains(is_due(tried, due))
    assert _trains(is_due(_situation(_rows(60), tried=[_rows(40)]), due))
    flipped = _rows(40, "rejected")
    # Learned as accepted, looked at as rejected, and accepted again: something else has made it worth a run.
    back = _situation([*_rows(40), _row(99)], _rows(40), tried=[flipped])
    assert "41 accepted decisions wait to be trained on" in is_due(back, due).why


def test_what_a_selection_left_out_was_not_looked_at() -> None:
    partly = [_row(number, fate="open" if number < 5 else "left-out") for number in range(40)]
    assert "35 accepted" in is_due(_situation(_rows(40), tried=[partly]), Due(20)).why
    assert not _trains(is_due(_situation([*_rows(40), _row(99)], _rows(40), tried=[partly]), Due(20)))


def test_the_schedule_wants_something_new_and_time_that_has_passed() -> None:
    one, later = [_row(0, "rejected")], NOW + timedelta(hours=7)
    assert not _trains(is_due(_situation(one, now=later), Due(20))), "there is no schedule unless one is set"
    assert not _trains(is_due(_situation(one, now=NOW + timedelta(hours=5)), Due(20, every_hours=6)))
    due = is_due(_situation(one, now=later), Due(20, every_hours=6))
    assert (due.what, due.why) == ("new", "1 decisions are new after 6 hours")
    assert is_due(_situation(one, one, now=later), Due(20, every_hours=6)).what == "skip"
    tried = _run(status="finished")
    assert is_due(_situation(one, now=later, finished=[tried]), Due(20, every_hours=6)).what == "skip"


def test_a_release_that_a_person_chose_stays_until_something_is_decided() -> None:
    later, due = NOW + timedelta(hours=1000), Due(20, every_hours=6)
    rolled_back = _situation(_rows(40), now=later, chosen_by_hand=True, tried=[_rows(40)])
    assert is_due(rolled_back, due).what == "skip"
    more = is_due(replace(rolled_back, rows=_rows(42)), due)
    assert more.why == "2 decisions are new after 6 hours"


def test_the_watcher_leaves_a_run_at_work_alone() -> None:
    record = _run()
    assert is_due(_situation(unfinished=[Unfinished(record)]), Due(20)).what == "resume"
    assert is_due(_situation(unfinished=[Unfinished(record, at_work=True)]), Due(20)).what == "skip"


# comparing ledgers

LEDGER = st.dictionaries(
    st.integers(0, 8),
    st.tuples(st.sampled_from(["accepted", "rejected", "undecided"]), st.sampled_from("ab")),
    max_size=8,
)


def _ledger(said: dict[int, tuple[Verdict, str]]) -> list[LedgerRow]:
    return [_row(number, verdict, word) for number, (verdict, word) in said.items()]


@given(now=LEDGER, before=LEDGER)
def test_news_are_what_differs(
    now: dict[int, tuple[Verdict, str]], before: dict[int, tuple[Verdict, str]]
) -> None:
    found = find_news(answers(_ledger(now)), answers(_ledger(before)))
    decided = {number for number, (verdict, _) in before.items() if verdict != "undecided"}
    changed = [
        number
        for number, said in now.items()
        if said != before.get(number) and (said[0] != "undecided" or number in decided)
    ]
    assert (found.new, found.withdrawn) == (len(changed), len(decided - set(now)))
    assert found.accepted == sum(now[number][0] == "accepted" for number in changed)
    assert find_news(answers(_ledger(now)), answers(_ledger(now))).total == 0


def test_who_forces_a_retrain_is_not_given_one_that_had_failed() -> None:
    """It would fail again: what it reads has not changed."""
    failed = _run(1, "failed")
    found = _situation(_rows(3), unfinished=[Unfinished(failed)])
    assert decide(found).what == "resume"
    forced = decide(found, force=True)
    assert (forced.what, list(forced.given_up)) == ("new", [failed.id])


def test_the_watcher_forgets_whoever_is_to_be_forgotten() -> None:
    found = replace(_situation(_rows(1)), must_forget=True)
    assert _trains(is_due(found, Due(min_accepted=100)))


def test_a_time_that_is_still_to_come_holds_nothing_up() -> None:
    """The clock was ahead when a run or the served release was made, and has been set back."""
    ahead = _run(1, "finished", age=timedelta(days=-300), decisions="others")
    at = Due(min_accepted=100, every_hours=1)
    served = _release().model_copy(update={"created_at": NOW - timedelta(hours=2)})
    assert is_due(replace(_situation(_rows(1), finished=[ahead]), served=served), at).rung == FINE_TUNED
    later = served.model_copy(update={"created_at": NOW + timedelta(days=300)})
    assert is_due(replace(_situation(_rows(1), finished=[ahead]), served=later), at).rung == FINE_TUNED
    lately = _run(2, "finished", age=timedelta(minutes=5), decisions="others")
    assert (
        is_due(replace(_situation(_rows(1), finished=[ahead, lately]), served=served), at).rung == INDEX_ONLY
    )


def test_an_answer_that_was_switched_or_confirmed_wants_the_index_and_nothing_more() -> None:
    rows = _rows(3)
    found = _situation(rows, rows)
    assert decide(found).what == "skip"
    switched = replace(found, inputs=INPUTS.model_copy(update={"curated": ("r1 off",)}))
    for choice in (decide(switched), is_due(switched, Due(min_accepted=10))):
        assert (choice.what, choice.rung) == ("new", INDEX_ONLY)
        assert "1 curated answers switched or confirmed" in choice.why
    tried = _run(status="finished").model_copy(
        update={"inputs": switched.inputs, "outcome": "rejected", "verdict": "Rejected."}
    )
    assert is_due(replace(switched, finished=[tried]), Due(min_accepted=10)).what == "skip"


def test_a_switched_answer_undoes_no_persons_choice_of_a_release() -> None:
    rows, due = _rows(3), Due(min_accepted=10)
    inputs = INPUTS.model_copy(update={"curated": ("r1 off",)})
    # Somebody went back two releases: the run that took the answer out began at another one.
    run = _run(status="finished", release="r0003-00000000")
    run = run.model_copy(update={"inputs": run.inputs.model_copy(update={"curated": ("r1 off",)})})
    found = _situation(rows, rows[:2], inputs=inputs, finished=[run], tried=[rows], chosen_by_hand=True)
    assert is_due(found, due).what == "skip"
    assert is_due(replace(found, chosen_by_hand=False), due).rung == INDEX_ONLY, "on, and off again"
    more = replace(found, inputs=INPUTS.model_copy(update={"curated": ("r1 off", "r2 off")}))
    assert is_due(more, due).rung == INDEX_ONLY
