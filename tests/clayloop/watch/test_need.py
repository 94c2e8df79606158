"""When a retrain is called for, worked out from decisions, runs and the served release."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, given, strategies as st

from clayloop.watch.need import Findings, interrupted_run, look
from clayloop.watch.settings import WatchSettings
from curation import SILENT, Corpus, Decision, Home, write_json
from serving import LINEAGE_FILE, ReleaseDraft, ReleaseStore, reindex
from tests.training.material import (
    accepted_triplets,
    judged_chunk,
    make_chunks,
    serving,
    settings,
    triplet,
)
from training import RunStore, Selection, run_inputs, trace, write_lineage, write_rows

CHUNKS = make_chunks()
CORPUS = Corpus(documents=[], chunks=CHUNKS)
DECISIONS = accepted_triplets(CHUNKS)


def _look(
    home: Home,
    decisions: Sequence[Decision],
    settled: str = "",
    hours: float = 0,
    corpus: Corpus = CORPUS,
    **watch: float,
) -> Findings:
    chosen = WatchSettings.model_validate(watch)
    now = datetime.now(timezone.utc) + timedelta(hours=hours)
    return look(home, corpus, settings(), serving(), chosen, decisions, settled, now)


def _another_release(home: Home, by: str = "promote") -> str:
    """A copy of the served one under an id of its own, promoted."""
    store = ReleaseStore(home)
    folder = store.staging("another")
    shutil.copytree(store.folder(store.current().id), folder, dirs_exist_ok=True)
    draft = ReleaseDraft.model_validate(store.current().model_dump(exclude={"id", "created_at", "files"}))
    return store.promote(store.publish(folder, draft).id, by=by).id


def _reading(decisions: Sequence[Decision]) -> Callable[[Path], str]:
    def read(folder: Path) -> str:
        write_rows(folder / "decisions.jsonl", decisions)
        return ""

    return read


def _finished(home: Home, decisions: Sequence[Decision], promoted: bool = False) -> None:
    """A run that looked at the decisions, and made a release or did not."""
    served = ReleaseStore(home).current().id
    inputs = run_inputs(decisions, CORPUS, settings(), serving(), served, Selection())
    run = RunStore(home).create(inputs, served)
    run.step("read", _reading(decisions), SILENT)
    if promoted:
        run.finish("promoted", "It was better.", _another_release(home, run.id))
    else:
        run.finish("rejected", "It was worse.", None)


def test_enough_accepted_decisions_call_for_one(served_home: Home) -> None:
    rejected = [triplet(chunk, "No?", "rejected") for chunk in CHUNKS]
    assert not _look(served_home, []).why
    few = _look(served_home, [*DECISIONS[:19], *rejected])
    assert (few.why, few.accepted) == ("", 19)
    assert "20 new decisions were accepted" in _look(served_home, DECISIONS[:20]).why
    assert _look(served_home, DECISIONS[:3], min_accepted=3).why
    enough = _look(served_home, DECISIONS[:20])
    assert not _look(served_home, DECISIONS[:20], settled=enough.digest).why, "tried already"
    assert _look(served_home, DECISIONS[:21], settled=enough.digest).why


def test_what_a_run_has_looked_at_is_not_new(served_home: Home) -> None:
    _finished(served_home, DECISIONS[:40])
    same = _look(served_home, DECISIONS[:40])
    assert (same.why, same.accepted) == ("", 0)
    more = _look(served_home, DECISIONS[:50])
    assert (more.why, more.accepted) == ("", 10)
    assert _look(served_home, DECISIONS[:60]).why
    changed = [
        one.model_copy(update={"votes": tuple(vote.model_copy(update={"value": "no"}) for vote in one.votes)})
        for one in DECISIONS[:20]
    ]
    assert _look(served_home, [*changed, *DECISIONS[20:40]]).why, "changed answers are new ones"
    # An Argilla that was restored from its records gives answers new ids: they are the same people's.
    moved = [
        one.model_copy(
            update={"votes": tuple(vote.model_copy(update={"response_id": "restored"}) for vote in one.votes)}
        )
        for one in DECISIONS[:40]
    ]
    assert _look(served_home, moved).accepted == 0
    shutil.rmtree(served_home.runs)  # as operators may
    assert _look(served_home, DECISIONS[:50]).accepted == 10


def test_the_schedule_wants_something_new_and_time_that_has_passed(served_home: Home) -> None:
    one = [judged_chunk(CHUNKS[0], "rejected")]
    assert not _look(served_home, one, hours=1000).why, "there is no schedule unless one is set"
    assert not _look(served_home, one, hours=5, every_hours=6).why
    assert "after 6 hours" in _look(served_home, one, hours=7, every_hours=6).why
    assert not _look(served_home, [], hours=7, every_hours=6).why
    _finished(served_home, one)
    assert not _look(served_home, one, hours=7, every_hours=6).why, "tried already"


def test_a_rollback_stays_until_somebody_decides_something_new(served_home: Home) -> None:
    store = ReleaseStore(served_home)
    before = store.current().id
    _finished(served_home, DECISIONS[:40], promoted=True)
    _finished(served_home, DECISIONS[:50])
    store.promote(before)
    same = _look(served_home, DECISIONS[:50])
    assert (same.why, same.accepted) == ("", 0)
    assert not _look(served_home, DECISIONS[:50], hours=1000, every_hours=6).why
    more = _look(served_home, DECISIONS[:60])
    assert (more.why, more.accepted) == ("", 10)
    assert "10 decisions are new" in _look(served_home, DECISIONS[:60], hours=7, every_hours=6).why
    assert "20 new decisions were accepted" in _look(served_home, DECISIONS[:70]).why


def test_so_does_a_base_model_that_was_made_anew(served_home: Home) -> None:
    _finished(served_home, DECISIONS[:40], promoted=True)
    _another_release(served_home)  # as `clayloop bootstrap --force` does
    assert not _look(served_home, DECISIONS[:40], hours=1000, every_hours=6).why
    assert _look(served_home, DECISIONS[:60]).why


def test_a_rollback_stays_after_a_run_that_compared_with_it_and_when_old_runs_are_deleted(
    served_home: Home,
) -> None:
    store = ReleaseStore(served_home)
    before = store.current().id
    _finished(served_home, DECISIONS[:40], promoted=True)
    store.promote(before)
    _finished(served_home, DECISIONS[:41])
    fewer = Corpus(documents=[], chunks=CHUNKS[:-1])
    for _ in range(2):
        found = _look(served_home, DECISIONS[:41], hours=1000, every_hours=6, corpus=fewer)
        assert (found.why, found.accepted) == ("", 0)
        shutil.rmtree(served_home.runs, ignore_errors=True)
    assert "1 decisions are new" in _look(served_home, DECISIONS[:42], hours=1000, every_hours=6).why


def test_a_reindex_during_a_run_does_not_lose_what_the_run_read(served_home: Home) -> None:
    store = ReleaseStore(served_home)
    first = store.current().id
    _finished(served_home, DECISIONS[:10], promoted=True)
    learned = store.current().id
    write_lineage(store.folder(learned) / LINEAGE_FILE, trace(DECISIONS[:10], [], [], [], [], set()))
    inputs = run_inputs(DECISIONS[:50], CORPUS, settings(), serving(), learned, Selection())
    run = RunStore(served_home).create(inputs, learned)
    run.step("read", _reading(DECISIONS[:50]), SILENT)
    fewer = Corpus(documents=[], chunks=CHUNKS[:-1])
    reindexed = reindex(served_home, fewer, serving())
    assert reindexed is not None
    told = {"id": None, "kept": "r0009-00000000", "served": reindexed.id}
    write_json(run.folder / "promote" / "promoted.json", told)
    run.finish("rejected", "Not promoted: somebody was quicker.", None)
    assert "40 new decisions were accepted" in _look(served_home, DECISIONS[:50], corpus=fewer).why
    scheduled = _look(served_home, DECISIONS[:15], hours=1000, corpus=fewer, every_hours=6)
    assert "5 decisions are new" in scheduled.why
    # Nor is it tried already when somebody goes back to what it had compared with.
    store.promote(first)
    store.promote(learned)
    assert "40 new decisions were accepted" in _look(served_home, DECISIONS[:50]).why


def test_a_release_that_was_rolled_back_to_and_indexed_anew_is_still_a_persons_choice(
    served_home: Home,
) -> None:
    store = ReleaseStore(served_home)
    before = store.current().id
    _finished(served_home, DECISIONS[:40], promoted=True)
    store.promote(before)
    fewer = Corpus(documents=[], chunks=CHUNKS[:-1])
    assert reindex(served_home, fewer, serving()) is not None
    found = _look(served_home, DECISIONS[:40], hours=1000, corpus=fewer, every_hours=6)
    assert (found.why, found.accepted) == ("", 0)


def test_a_run_that_promoted_what_was_taken_back_has_looked_at_it_though_it_is_not_closed(
    served_home: Home,
) -> None:
    store = ReleaseStore(served_home)
    before = store.current().id
    inputs = run_inputs(DECISIONS[:40], CORPUS, settings(), serving(), before, Selection())
    run = RunStore(served_home).create(inputs, before)
    run.step("read", _reading(DECISIONS[:40]), SILENT)
    run.record.process = 2**22 + 1
    run.save()
    assert interrupted_run(served_home, settings()) is not None
    _another_release(served_home, run.id)
    store.promote(before)
    assert interrupted_run(served_home, settings()) is None
    found = _look(served_home, DECISIONS[:40], hours=1000, every_hours=6)
    assert (found.why, found.accepted) == ("", 0)


def test_runs_are_read_once(served_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        _finished(served_home, DECISIONS[: 10 * number])
    assert _look(served_home, DECISIONS[:30]).accepted == 10
    assert len(served_home.looked_at.read_bytes().splitlines()) == 3
    monkeypatch.setattr("training.ledger.looked_at.each_row", lambda *_: pytest.fail("read again"))
    assert _look(served_home, DECISIONS[:30]).accepted == 10


@given(chances=st.randoms(use_true_random=False))
@hypothesis.settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_any_finished_run_has_looked_at_never_counts_again(
    served_home: Home, chances: random.Random
) -> None:
    shutil.rmtree(served_home.runs, ignore_errors=True)
    served_home.looked_at.unlink(missing_ok=True)
    looked_at = set()
    for _ in range(chances.randrange(4)):
        some = chances.sample(DECISIONS, chances.randrange(40))
        looked_at |= {one.fingerprint for one in some}
        _finished(served_home, some)
        if chances.random() < 0.3:
            _look(served_home, some)
            shutil.rmtree(served_home.runs)
        if served_home.looked_at.exists() and chances.random() < 0.3:  # killed while it was added to
            with served_home.looked_at.open("ab") as file:
                file.write(b'{"run": "20')
    now = chances.sample(DECISIONS, chances.randrange(80))
    found = _look(served_home, now)
    assert found.accepted == len({one.fingerprint for one in now} - looked_at)
    assert not found.why or found.accepted >= 20


def test_annotators_left_out_for_good_do_not_count(served_home: Home) -> None:
    by_ada = [triplet(chunk, "Ada?", annotator="ada") for chunk in CHUNKS[:30]]
    now = datetime.now(timezone.utc)
    training = settings().model_copy(update={"without_annotators": ["ada"]})
    found = look(served_home, CORPUS, training, serving(), WatchSettings(), by_ada, "", now)
    assert (found.why, found.accepted) == ("", 0)


def test_an_interrupted_run_is_found_unless_it_is_somebodys_own_or_at_work(served_home: Home) -> None:
    runs = RunStore(served_home)
    assert interrupted_run(served_home, settings()) is None
    served = ReleaseStore(served_home).current().id
    inputs = run_inputs([], CORPUS, settings(), serving(), served, Selection())
    mine = runs.create(inputs, served)
    assert interrupted_run(served_home, settings()) is None, "this process is at it"
    mine.record.process = 2**22 + 1  # no such process
    mine.save()
    found = interrupted_run(served_home, settings())
    assert found is not None
    assert found.id == mine.id
    other = _another_release(served_home)
    assert interrupted_run(served_home, settings()) is None, "somebody promoted another release since"
    ReleaseStore(served_home).promote(served)
    assert other != served
    assert interrupted_run(served_home, settings()) == found
    runs.abandon(mine.record, "test")
    own = Selection(max_records=3)
    theirs = runs.create(run_inputs([], CORPUS, settings(), serving(), served, own), served, own)
    theirs.record.process = 2**22 + 1
    theirs.save()
    assert interrupted_run(served_home, settings()) is None
