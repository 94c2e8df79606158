"""What a retrain says before it does anything, and that it then does what it said."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from curation import Chunk, Corpus, Decision, DedupSettings, FormerChunk, Home
from serving import LINEAGE_FILE, ReleaseStore
from tests.training import rounds
from tests.training.material import accepted_triplets, conversation, judged_chunk, make_chunks, triplet
from training.ledger.rows import LedgerRow, negatives_of, of, section_of, tally
from training.ledger.selection import Selection
from training.ledger.store import history_of, read_ledger
from training.prepare.split import is_holdout
from training.report.text import Preview, RetrainSummary, render_preview
from training.retrain import RetrainOptions, preview, retrain_from_annotations
from training.runs.run import RunStore
from training.settings import TestSetSettings, TrainingSettings

CHUNKS = make_chunks()
MANY = rounds.make_corpus()
NEAR = DedupSettings(semantic=False, threshold=0.95)
LENIENT = rounds.training(margin=1.0, min_queries=5).gate
HELD = [chunk for chunk in CHUNKS if is_holdout(section_of(chunk), 0.2)]


class Bot:
    """A home that serves the tiny model, and its documents."""

    def __init__(self, home: Home, model: Path, chunks: Sequence[Chunk]) -> None:
        self.home, self.model = home, model
        self.corpus = Corpus(documents=[], chunks=list(chunks))
        self.store = ReleaseStore(home)

    def edit(self, now: Mapping[str, Chunk | None]) -> None:
        """Other chunks take the place of some (by id), or nothing does."""
        before = self.corpus.chunks
        former = {
            chunk.id: FormerChunk(chunk=chunk, replaced_by=new.id if (new := now[chunk.id]) else "")
            for chunk in before
            if chunk.id in now
        }
        chunks = [one for chunk in before if (one := now.get(chunk.id, chunk))]
        self.corpus = Corpus(documents=[], chunks=chunks, former=former)

    def preview(
        self,
        decisions: Sequence[Decision],
        settings: TrainingSettings | None = None,
        selection: Selection | None = None,
    ) -> Preview:
        return preview(
            self.home,
            self.corpus,
            settings or rounds.training(),
            rounds.serving(self.model),
            lambda: list(decisions),
            RetrainOptions(selection=selection or Selection()),
        )

    def retrain(
        self, decisions: Sequence[Decision], settings: TrainingSettings | None = None
    ) -> RetrainSummary:
        return retrain_from_annotations(
            self.home,
            self.corpus,
            settings or rounds.training(),
            rounds.serving(self.model),
            lambda: list(decisions),
        )

    @property
    def ledger(self) -> list[LedgerRow]:
        """The served release's."""
        return read_ledger(self.store.folder(self.store.current().id) / LINEAGE_FILE)


@pytest.fixture
def small(bootstrapped: Home, tiny_model: Path, tmp_path: Path) -> Bot:
    return Bot(rounds.copied(bootstrapped, tmp_path / "small"), tiny_model, CHUNKS)


@pytest.fixture
def large(untrained: Home, tiny_model: Path, tmp_path: Path) -> Bot:
    return Bot(rounds.copied(untrained, tmp_path / "large"), tiny_model, MANY)


def test_it_says_what_would_come_and_leaves_nothing(small: Bot) -> None:
    by_ada = [triplet(chunk, f"What did Ada want of {chunk.id}?", annotator="ada") for chunk in CHUNKS[:6]]
    decisions = [
        *accepted_triplets(CHUNKS),
        *by_ada,
        judged_chunk(CHUNKS[-1], "rejected", annotator="ada"),
        triplet(CHUNKS[3], "Nonsense", "rejected"),
    ]
    settings = rounds.training(min_queries=5)
    before = _files(small.home)
    plan = small.preview(decisions, settings)
    assert plan.would_train
    assert plan.verdict == "Would train."
    assert sum(plan.fates.values()) == len(plan.rows) == len(decisions) == plan.new
    assert plan.fates["train"] > 0 < plan.fates["holdout"]
    assert plan.chunks == len(CHUNKS) - 1
    text = render_preview(plan)
    assert f" {plan.fates['train']}  to be trained on\n" in text
    assert f"Held out    {plan.holdout_questions} questions" in text
    selection = Selection(without_annotators=("ada",), without_records=("typo",))
    restricted = small.preview(decisions, settings, selection)
    assert restricted.fates["left-out"] == len(by_ada) + 1
    assert restricted.reasons["left-out"] == {"answered only by ada": len(by_ada) + 1}
    assert any("typo" in note for note in restricted.notes)
    assert restricted.chunks == len(CHUNKS)
    assert "without annotator ada" in render_preview(restricted)
    assert Preview.model_validate_json(json.dumps(plan.model_dump(mode="json"))) == plan
    assert small.preview([], settings).verdict.startswith("Would not train: Nothing new to learn")
    few = small.preview(decisions[:6], settings)
    assert (few.would_train, "are needed" in few.verdict) == (False, True)
    assert _files(small.home) == before


def test_what_is_said_is_what_is_done(large: Bot) -> None:
    """Preview, summary, report, release and ledger say the same."""
    first = rounds.first_round(MANY)
    second = [*first, *rounds.second_round(MANY, 1)]
    second += [triplet(chunk, f"Who won cup {row}?", "rejected") for row, chunk in enumerate(MANY[::2])]
    held = [chunk for chunk in MANY if is_holdout(section_of(chunk), 0.2)]
    free = [chunk for chunk in MANY if not is_holdout(section_of(chunk), 0.2)]
    # Learned from, though the first source is passed over and that teaches nothing: it is held out.
    talks = [
        conversation(held[row], f"May one {word} it at night?", "rejected", [free[row]], "2")
        for row, word in enumerate(("sing to", "bury", "eat", "paint", "forget"))
    ]
    second += talks
    large.retrain(first)
    plan = large.preview(second)
    done = large.retrain(second)
    assert done.release_after, done.verdict
    assert done.run
    rows = large.ledger
    assert plan.rows == rows
    counted = tally(rows)
    assert plan.fates == done.fates == counted.fates
    assert plan.reasons == done.reasons == counted.reasons
    assert plan.holdout_questions == done.holdout_questions
    assert (plan.new, plan.withdrawn) == (done.decisions["new"], done.decisions["withdrawn"])
    assert {row.fate for row in of(rows, "example") if row.dataset == "conversations"} == {"train"}
    assert not [reason for reason in done.reasons["unused"] if "another source was named" in reason]
    trained, unused = counted.fates["train"], counted.fates["unused"]
    release = large.store.get(done.release_after)
    assert done.examples["train"] == release.trained_on["examples"] == trained
    report = (RunStore(large.home).folder(done.run) / "report.html").read_text()
    assert re.search(rf"trained on</span>.*?<b>{trained}</b>", report, re.S)
    assert re.search(rf"unused</span>.*?<b>{unused}</b>", report, re.S)
    assert sum(done.reasons["unused"].values()) == unused
    negatives = [row for row in rows if row.fate == "negative"]
    assert len(negatives) > 20
    assert len([one for one in negatives_of(rows) if one.source == "refused"]) == len(negatives)
    assert {one.example for one in negatives_of(rows)} <= {row.key for row in rows if row.fate == "train"}
    lost = [row for row in rows if row.teaches == "refusal" and row.fate == "unused"]
    assert lost
    assert all(row.reason for row in lost)
    assert large.preview(second).verdict.startswith("Would not train: Nothing new to learn")


def test_an_unfinished_run_comes_first(small: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    decisions = accepted_triplets(CHUNKS)
    settings = rounds.training(min_queries=5)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("training.runs.steps.Steps.fit", stop)
        small.retrain(decisions, settings)
    (run,) = RunStore(small.home).list()
    plan = small.preview(decisions, settings)
    assert not plan.would_train
    assert plan.verdict == f"Would finish run {run.id}, which is unfinished, before anything else."
    done = small.retrain(decisions, settings)
    assert (done.run, done.resumed) == (run.id, True)


def test_questions_are_compared_by_meaning_with_the_tests_of_ones_own(large: Bot, tmp_path: Path) -> None:
    """The tiny model does not see the order of words; the wording is another one."""
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "1", "text": "best way to mend a couch"}\n{"_id": "2", "text": "best way to wash a lamp"}\n'
    )
    (tmp_path / "qrels.tsv").write_text("1\tsofa.md\t1\n2\tlamp.md\t1\n")
    own = TestSetSettings(queries=str(tmp_path / "queries.jsonl"), qrels=str(tmp_path / "qrels.tsv"))
    free = next(chunk for chunk in MANY if not is_holdout(section_of(chunk), 0.2))
    said = [
        triplet(free, "where is the door"),
        triplet(free, "a couch: way to mend best"),
        triplet(free, "a lamp: way to wash best", "rejected"),
    ]
    plan = large.preview(said, rounds.training().model_copy(update={"testsets": [own]}))
    assert [row.fate for row in plan.rows] == ["train", "duplicate", "unused"]
    assert plan.rows[1].reason == "in other words the same question as in a test set"
    assert plan.rows[1].other.endswith(": 1")
    assert "held out" in plan.rows[2].reason


@pytest.mark.parametrize("kind", ["triplets", "conversations"])
def test_an_edit_of_every_chunk_costs_nothing(small: Bot, kind: str) -> None:
    make = triplet if kind == "triplets" else conversation
    said = [make(chunk, f"q number {number * 7919}") for number, chunk in enumerate(CHUNKS)]
    settings = rounds.training().model_copy(update={"dedup": NEAR})
    before = small.preview(said, settings)
    small.edit({chunk.id: _with(chunk, chunk.text + " Then wait for a day.") for chunk in CHUNKS})
    after = small.preview(said, settings)
    assert _fates(after) == _fates(before)
    assert set(_fates(before).values()) == {"train", "holdout"}
    assert after.holdout_questions == before.holdout_questions == len(HELD)


def test_what_was_held_out_is_not_trained_on_when_its_chunk_is_written_anew_or_removed(large: Bot) -> None:
    """Nothing in the text tells any more what it was: what ingest wrote down does."""
    decisions = rounds.first_round(MANY)
    settings = rounds.training().model_copy(update={"gate": LENIENT})
    assert large.retrain(decisions, settings).outcome == "promoted"
    held = [row for row in large.ledger if row.fate == "holdout"]
    gone = sorted(row.chunk_id for row in held)[::2]
    lost = {row.record_id for row in held if row.chunk_id in gone}
    by_id = {chunk.id: chunk for chunk in MANY}
    large.edit(
        {
            key: _with(by_id[key], f"Something else {key}", section=("New", key[:6])) if number % 2 else None
            for number, key in enumerate(gone)
        }
    )
    written = {row.record_id for row in held if row.chunk_id in gone[1::2]}
    plan = large.preview(decisions, settings)
    assert {_fates(plan)[record] for record in lost - written} == {"unused"}
    assert {_fates(plan)[record] for record in written} == {"holdout"}
    second = large.retrain(decisions[:-1], settings)
    assert second.outcome == "promoted", second.verdict
    fates = {row.record_id: row.fate for row in large.ledger}
    assert "train" not in {fates.get(record) for record in lost}


def test_a_raised_share_asks_nothing_that_the_served_release_learned(large: Bot) -> None:
    said = rounds.first_round(MANY)
    settings = rounds.training().model_copy(update={"gate": LENIENT})
    assert large.retrain(said, settings).outcome == "promoted"
    before = {row.record_id: row for row in large.ledger}
    learned = {key for key, row in before.items() if row.fate == "train"}
    about = {before[key].chunk_id for key in learned}
    new = [triplet(chunk, f"Number {chunk.id}, please?") for chunk in MANY]
    raised = settings.model_copy(update={"gate": LENIENT.model_copy(update={"holdout_share": 0.5})})
    fates = _fates(large.preview([*said, *new], raised))
    held = {chunk.id for chunk in MANY if is_holdout(section_of(chunk), 0.5)}
    assert any(before[key].chunk_id in held for key in learned)
    assert "holdout" not in {fates[key] for key in learned}
    assert {fates[one.record_id] for one in new if one.chunk_id in held & about} == {"unused"}
    assert {fates[one.record_id] for one in new if one.chunk_id in held - about} == {"holdout"}
    assert {fates[key] for key, row in before.items() if row.fate == "holdout"} == {"holdout"}
    seen = history_of(large.store, large.store.current().id)
    assert {key.record_id for key in seen.trained} == learned
    assert learned <= {key.record_id for key in seen.learned}


def _fates(plan: Preview) -> dict[str, str]:
    return {row.record_id: row.fate for row in plan.rows}


def _with(chunk: Chunk, text: str, section: tuple[str, ...] = ()) -> Chunk:
    section = section or chunk.section
    changed = {"id": Chunk.make_id(chunk.path, section, text), "text": text, "section": section}
    return chunk.model_copy(update=changed)


def _files(home: Home) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(home.root.rglob("*"))}
