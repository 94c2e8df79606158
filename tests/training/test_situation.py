"""What the runs and releases on disk say about whether to retrain."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest

from curation import SILENT, Corpus, Decision, Home, StateError
from serving import LINEAGE_FILE, ReleaseDraft, ReleaseStore, reindex
from tests.training import rounds
from tests.training.material import accepted_triplets, judged_chunk, make_chunks, settings, triplet
from training.decide import Choice, Due, decide, is_due
from training.ledger.rows import LedgerRow
from training.ledger.selection import EVERYTHING, Selection, select
from training.ledger.store import LedgerOrigin, write_ledger
from training.prepare.prepared import Prepared, RunContext
from training.runs.record import run_inputs
from training.runs.run import RunStore
from training.runs.situation import read_situation, rows_of
from training.settings import FINE_TUNED

CHUNKS = make_chunks()
CORPUS = Corpus(documents=[], chunks=CHUNKS)
FEWER = Corpus(documents=[], chunks=CHUNKS[:-1])
DECISIONS = accepted_triplets(CHUNKS)
NOBODY = 2**22 + 1  # no process has this id


@pytest.fixture
def home(bootstrapped: Home, tmp_path: Path) -> Home:
    return rounds.copied(bootstrapped, tmp_path / "home")


@pytest.fixture
def world(home: Home, tiny_model: Path) -> World:
    return World(home, tiny_model)


class World:
    """A home, and what happens in it."""

    def __init__(self, home: Home, model: Path) -> None:
        self.home, self.store, self.runs = home, ReleaseStore(home), RunStore(home)
        self.serving = rounds.serving(model)

    def context(self, corpus: Corpus = CORPUS) -> RunContext:
        served = self.store.current()
        return RunContext(self.home, corpus, settings(), self.serving, self.store, served, SILENT)

    def due(
        self,
        decisions: Sequence[Decision],
        corpus: Corpus = CORPUS,
        every_hours: float = 0,
        selection: Selection = EVERYTHING,
    ) -> Choice:
        """What the watcher would do, a thousand hours from now if ``every_hours`` are set."""
        now = datetime.now(timezone.utc) + timedelta(hours=1000 if every_hours else 0)
        found = read_situation(self.context(corpus), select(decisions, selection), now)
        return is_due(found, Due(20, every_hours))

    def finished(self, decisions: Sequence[Decision], promoted: bool = False) -> None:
        """A run looked at the decisions, and made a release or did not."""
        run = self.runs.create(run_inputs(self.context(), decisions, EVERYTHING), self.store.current_id())
        rows = rows_of(select(decisions, EVERYTHING))
        run.step("prepare", partial(_prepared, rows), SILENT)
        if promoted:
            run.finish("promoted", "It was better.", self.promoted(run.id, rows))
        else:
            run.finish("rejected", "It was worse.", None)

    def promoted(self, by: str = "", rows: Sequence[LedgerRow] = ()) -> str:
        """A copy of the served release under an id of its own, promoted."""
        folder = self.store.staging("another")
        shutil.copytree(self.store.folder(self.store.current().id), folder, dirs_exist_ok=True)
        if rows:
            write_ledger(folder / LINEAGE_FILE, rows)
        values = self.store.current().model_dump(exclude={"id", "created_at", "files"})
        draft = ReleaseDraft.model_validate({**values, "run_id": by or None})
        release = self.store.publish(folder, draft).id
        return self.store.promote(release, **({"by": by} if by else {})).id


def _prepared(rows: list[LedgerRow], folder: Path) -> str:
    Prepared(ledger=rows).write(folder, LedgerOrigin())
    return ""


def _new(choice: Choice) -> str:
    """Why to train anew. The index does not wait (test_decide.py)."""
    return choice.why if (choice.what, choice.rung) == ("new", FINE_TUNED) else ""


def test_what_a_run_has_looked_at_is_not_new(world: World) -> None:
    world.finished(DECISIONS[:40])
    assert not _new(world.due(DECISIONS[:40]))
    assert not _new(world.due(DECISIONS[:50]))
    assert "20 accepted" in _new(world.due(DECISIONS[:60]))
    changed = [
        one.model_copy(update={"votes": tuple(vote.model_copy(update={"value": "no"}) for vote in one.votes)})
        for one in DECISIONS[:20]
    ]
    assert "20 accepted" in _new(world.due([*changed, *DECISIONS[20:40]])), "changed answers are new ones"


def test_a_rollback_stays_until_somebody_decides_something_new(world: World) -> None:
    before = world.store.current().id
    world.finished(DECISIONS[:40], promoted=True)
    world.finished(DECISIONS[:50])
    world.store.promote(before)
    assert not _new(world.due(DECISIONS[:50]))
    assert not _new(world.due(DECISIONS[:50], every_hours=6))
    assert not _new(world.due(DECISIONS[:60]))
    assert "10 decisions are new" in _new(world.due(DECISIONS[:60], every_hours=6))
    assert "20 accepted decisions wait to be trained on" in _new(world.due(DECISIONS[:70]))


def test_so_does_a_base_model_that_was_made_anew(world: World) -> None:
    world.finished(DECISIONS[:40], promoted=True)
    world.promoted()  # as `clayloop bootstrap --force` does
    assert not _new(world.due(DECISIONS[:40], every_hours=6))
    assert _new(world.due(DECISIONS[:60]))


def test_a_rollback_stays_when_old_runs_are_deleted(world: World) -> None:
    before = world.store.current().id
    world.finished(DECISIONS[:40], promoted=True)
    world.store.promote(before)
    for _ in range(2):
        assert not _new(world.due(DECISIONS[:40], every_hours=6, corpus=FEWER))
        shutil.rmtree(world.home.runs, ignore_errors=True)
    assert "1 decisions are new" in _new(world.due(DECISIONS[:41], every_hours=6, corpus=FEWER))


def test_a_release_that_was_rolled_back_to_and_indexed_anew_is_still_a_persons_choice(world: World) -> None:
    before = world.store.current().id
    world.finished(DECISIONS[:40], promoted=True)
    world.store.promote(before)
    assert reindex(world.home, FEWER, world.serving) is not None
    assert not _new(world.due(DECISIONS[:40], corpus=FEWER, every_hours=6))


def test_what_a_run_read_in_vain_is_new_again(world: World) -> None:
    world.finished(DECISIONS[:10], promoted=True)
    run = world.runs.create(run_inputs(world.context(), DECISIONS[:50], EVERYTHING), world.store.current_id())
    run.step("prepare", partial(_prepared, rows_of(select(DECISIONS[:50], EVERYTHING))), SILENT)
    assert reindex(world.home, FEWER, world.serving) is not None
    run.record.overtaken = True
    run.finish("rejected", "Not promoted: somebody was quicker.", None)
    assert "40 accepted decisions wait to be trained on" in _new(world.due(DECISIONS[:50], corpus=FEWER))
    assert "5 decisions are new" in _new(world.due(DECISIONS[:15], corpus=FEWER, every_hours=6))


def test_a_run_that_promoted_what_was_taken_back_has_looked_at_it_though_it_is_not_closed(
    world: World,
) -> None:
    before = world.store.current().id
    run = world.runs.create(run_inputs(world.context(), DECISIONS[:40], EVERYTHING), before)
    rows = rows_of(select(DECISIONS[:40], EVERYTHING))
    run.step("prepare", partial(_prepared, rows), SILENT)
    run.record.process = NOBODY
    run.save()
    assert world.due(DECISIONS[:40]).what == "resume"
    world.promoted(run.id, rows)
    assert world.due(DECISIONS[:40]).what == "resume", "only to be closed"
    world.store.promote(before)
    assert world.due(DECISIONS[:40], every_hours=6).what == "skip"


def test_an_interrupted_run_is_found_unless_it_is_somebodys_own_or_at_work(world: World) -> None:
    served = world.store.current().id
    mine = world.runs.create(run_inputs(world.context(), [], EVERYTHING), served)
    mine.step("prepare", partial(_prepared, []), SILENT)
    assert world.due([]).what == "skip", "this process is at it"
    mine.record.process = NOBODY
    mine.save()
    assert world.due([]).run == mine.record
    world.promoted()
    assert world.due([]).what == "skip", "somebody promoted another release since"
    world.store.promote(served)
    assert world.due([]).run == mine.record
    mine.abandon("test")
    own = Selection(max_records=3)
    theirs = world.runs.create(run_inputs(world.context(), [], own), served, own)
    theirs.step("prepare", partial(_prepared, []), SILENT)
    theirs.record.process = NOBODY
    theirs.save()
    assert world.due([]).what == "skip"


def test_annotators_left_out_do_not_count(world: World) -> None:
    by_ada = [triplet(chunk, "Ada?", annotator="ada") for chunk in CHUNKS[:30]]
    assert _new(world.due(by_ada))
    assert not _new(world.due(by_ada, selection=Selection(without_annotators=("ada",))))


def test_to_forget_somebody_is_worth_a_run_by_itself(world: World) -> None:
    by_ada = [triplet(chunk, "Ada?", annotator="ada") for chunk in CHUNKS[:2]]
    rows = [
        LedgerRow(dataset=one.dataset, record_id=one.record_id, votes=one.votes, fate="train")
        for one in by_ada
    ]
    world.promoted(rows=rows)
    for selection, forgets in ((EVERYTHING, False), (Selection(without_annotators=("ada",)), True)):
        found = read_situation(world.context(), select(by_ada, selection), datetime.now(timezone.utc))
        assert found.must_forget == forgets
    assert decide(found).what == "new"


def test_new_documents_are_counted_as_the_served_release_would_index_them(world: World) -> None:
    first = CHUNKS[0].id
    rejected = LedgerRow(
        dataset="chunks", record_id=first, teaches="chunk", verdict="rejected", fate="removed"
    )
    world.promoted(rows=[rejected])
    found = read_situation(world.context(), select([], EVERYTHING), datetime.now(timezone.utc))
    assert found.indexable == len(CHUNKS) - 1


def test_a_damaged_ledger_of_a_run_counts_as_none_and_that_of_the_served_release_is_named(
    world: World,
) -> None:
    world.finished(DECISIONS[:40])
    ledger = world.runs.folder(world.runs.list()[0].id) / "prepare" / "ledger.parquet"
    ledger.write_bytes(b"damaged")
    assert world.due(DECISIONS[:50]).what == "new"
    world.promoted(rows=rows_of(select(DECISIONS, EVERYTHING)))
    (world.store.folder(world.store.current().id) / LINEAGE_FILE).write_bytes(b"damaged")
    with pytest.raises(StateError, match="cannot be read"):
        world.due(DECISIONS)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"damaged"), Path.unlink])
def test_who_goes_back_from_a_release_with_a_damaged_ledger_can_retrain(
    world: World, damage: Callable[[Path], object]
) -> None:
    """That is what the error about it tells them to do."""
    first = world.store.current().id
    world.promoted(rows=rows_of(select(DECISIONS, EVERYTHING)))
    damage(world.store.folder(world.store.current().id) / LINEAGE_FILE)
    with pytest.raises(StateError, match=r"cannot be read|is missing"):
        world.due(DECISIONS)
    world.store.promote(first)
    assert world.due(DECISIONS).what == "new"


def test_the_index_forgets_too_and_so_does_who_has_left_argilla(world: World) -> None:
    vote = judged_chunk(CHUNKS[0], "rejected", annotator="ada").votes
    removed = LedgerRow(dataset="chunks", record_id=CHUNKS[0].id, votes=vote, fate="removed")
    world.promoted(rows=[removed])
    selection = Selection(without_annotators=("ada",))
    for decisions in ([judged_chunk(CHUNKS[0], "rejected", annotator="ada")], []):
        found = read_situation(world.context(), select(decisions, selection), datetime.now(timezone.utc))
        assert found.must_forget
    nobody = read_situation(
        world.context(), select([], Selection(without_annotators=("eve",))), datetime.now(timezone.utc)
    )
    assert not nobody.must_forget
