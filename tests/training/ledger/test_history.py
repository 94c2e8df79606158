"""What the served release was made from, and the releases before it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import get_args

from hypothesis import given, strategies as st

from curation import Home
from serving import LINEAGE_FILE, ReleaseDraft, ReleaseStore
from tests.training.ledger.made_up import ROWS
from training.ledger.explain import chain, explain_record, explain_release
from training.ledger.rows import Fate, LedgerRow, by_decision
from training.ledger.selection import Selection
from training.ledger.store import History, LedgerOrigin, history_of, taught_triplets, write_ledger

PAIR = LedgerRow(
    dataset="conversations",
    record_id="talk",
    verdict="rejected",
    fingerprint="said",
    teaches="example",
    chunk_id="right",
    place="a.md\tRight",
)
PASSED = PAIR.model_copy(update={"teaches": "refusal", "chunk_id": "wrong", "place": "a.md\tWrong"})


def release(home: Home, rows: Sequence[LedgerRow], origin: LedgerOrigin | None = None) -> str:
    """A copy of the served release with that ledger, promoted."""
    store = ReleaseStore(home)
    folder = store.staging("next")
    served = store.current()
    shutil.copytree(store.folder(served.id), folder, dirs_exist_ok=True)
    write_ledger(folder / LINEAGE_FILE, rows, origin)
    told = served.model_dump(exclude={"id", "created_at", "files"})
    draft = ReleaseDraft.model_validate({**told, "parent": served.id, "run_id": origin.run if origin else ""})
    return store.promote(store.publish(folder, draft).id).id


@given(st.lists(ROWS, max_size=12))
def test_nothing_that_was_left_out_is_known_and_nothing_is_asked_that_was_learned(
    rows: list[LedgerRow],
) -> None:
    found = History.of(rows)
    left_out = [row for row in rows if row.fate == "left-out"]
    others = [row for row in rows if row.fate != "left-out"]
    assert History.of(others) == found
    assert History.of(left_out) == History()
    assert found.trained <= found.learned
    by_key = {row.key: row.fate for row in by_decision(others)}
    assert {key for key, fate in by_key.items() if fate in ("train", "negative")} == found.learned
    assert all(row.chunk_id in found.trained_about for row in others if row.fate == "train" and row.chunk_id)
    assert "" not in found.trained_about


def test_a_conversation_that_is_held_out_and_whose_first_source_is_a_negative_was_not_learned() -> None:
    asked = History.of([PAIR.settled("holdout"), PASSED.settled("negative")])
    assert asked.asked == {PAIR.key}
    assert not asked.learned
    dropped = History.of([PAIR.settled("duplicate"), PASSED.settled("negative")])
    assert dropped.learned == {PAIR.key}
    assert not dropped.trained
    trained = History.of([PAIR.settled("train"), PASSED.settled("negative")])
    assert trained.trained_about == {"right", "a.md\tRight"}


def test_the_history_is_read_from_the_release(served_home: Home) -> None:
    store = ReleaseStore(served_home)
    first = store.current().id
    assert history_of(store, first) == History()
    rows = [PAIR.settled("train"), PASSED.settled("negative")]
    rows += [LedgerRow(dataset="chunks", record_id="c", verdict="rejected", teaches="chunk", fate="removed")]
    second = release(served_home, rows, LedgerOrigin(run="run-1"))
    assert history_of(store, second) == History.of(rows)
    assert history_of(store, second).chunk_verdicts == (("c", "rejected"),)


def test_what_a_language_model_is_shown_judges_no_release(served_home: Home) -> None:
    store = ReleaseStore(served_home)
    assert taught_triplets(store, store.current().id) == frozenset()
    triplet = LedgerRow(dataset="triplets", record_id="", verdict="accepted", teaches="example")
    rows = [triplet.model_copy(update={"record_id": fate}).settled(fate) for fate in get_args(Fate)]
    rows += [PAIR.settled("train"), triplet.model_copy(update={"record_id": "no", "teaches": "refusal"})]
    assert taught_triplets(store, release(served_home, rows)) == {"train", "waiting"}


def test_the_chain_counts_decisions_and_says_how_each_release_was_made(served_home: Home) -> None:
    store = ReleaseStore(served_home)
    first = store.current().id
    rows = [PAIR.settled("train"), PASSED.settled("negative")]
    left = [LedgerRow(dataset="triplets", record_id="gone", fate="left-out", reason="answered only by ada")]
    selection = Selection(without_annotators=("ada",))
    second = release(served_home, [*rows, *left], LedgerOrigin(run="run-1", selection=selection))
    newest, oldest = chain(store, second)
    assert (newest.id, newest.made, newest.run) == (second, "retrain", "run-1")
    assert (newest.decisions, newest.learned) == (1, 1)
    assert newest.selection == ["without annotator ada"]
    assert (oldest.id, oldest.made, oldest.decisions) == (first, "bootstrap", 0)


def test_a_release_that_cannot_be_read_ends_the_chain(served_home: Home) -> None:
    store = ReleaseStore(served_home)
    first = store.current().id
    second = release(served_home, [PAIR.settled("train")])
    shutil.rmtree(store.folder(first))
    newest, oldest = chain(store, second)
    assert not newest.problem
    assert (oldest.id, oldest.made) == (first, "unknown")
    assert first in oldest.problem and "There is no release" in oldest.problem


def test_releases_that_were_pruned_do_not_end_the_chain(served_home: Home) -> None:
    store = ReleaseStore(served_home)
    first = store.current().id
    made = [release(served_home, [PAIR.settled("train")]) for _ in range(3)]
    for gone in made[:2]:
        shutil.rmtree(store.folder(gone))
    assert [(one.id, one.problem) for one in chain(store, made[2])] == [(made[2], ""), (first, "")]


def test_a_damaged_log_of_promotions_leads_in_no_circle(served_home: Home) -> None:
    """Of each of two releases only the line is left in which somebody went back to it from the other."""
    store = ReleaseStore(served_home)
    one, other, last = (release(served_home, [PAIR.settled("train")]) for _ in range(3))
    line = store.promotions.lines()[-1]
    back = [
        line.model_copy(update={"release": to, "before": before})
        for to, before in [(one, other), (other, one)]
    ]
    store.promotions.path.write_text("".join(f"{kept.model_dump_json()}\n" for kept in back))
    for gone in (one, other):
        shutil.rmtree(store.folder(gone))
    assert [found.id for found in chain(store, last)] == [last]


def test_a_record_is_explained_with_what_it_was_before(served_home: Home) -> None:
    store = ReleaseStore(served_home)
    release(served_home, [PAIR.settled("holdout").model_copy(update={"fingerprint": "other"})])
    second = release(served_home, [PAIR.settled("train"), PASSED.settled("negative")])
    (found,) = explain_record(store, second, "talk")
    assert [row.fate for row in found.rows] == ["train", "negative"]
    (before,) = found.before
    assert (before.fate, before.same_answers) == ("holdout", False)
    told = explain_release(store, second)
    assert (told.decisions, told.fates) == (1, {"train": 1})
    assert told.datasets == {"conversations": {"train": 1}}
