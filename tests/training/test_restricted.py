"""A retrain that leaves somebody out, what a release says about itself, and what a dry run says before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from clayloop import WatchSettings, look
from curation import SILENT, Advance, Corpus, Decision, Home, ReleaseError, SettingsError
from serving import LINEAGE_FILE, ReleaseStore, ServingSettings, reindex
from tests.training import rounds
from tests.training.material import accepted_triplets, judged_chunk, make_chunks, settings, triplet
from training.dry_run import DryRun, preview, render_dry_run
from training.ledger.ancestry import chain, clean_start, remembers
from training.ledger.explain import explain_record, explain_release
from training.ledger.lineage import read_lineage, read_note, write_note
from training.ledger.lineage_record import LINEAGE_NOTE_FILE, LineageNote
from training.ledger.news import run_inputs
from training.prepare.selection import Selection
from training.report.summary import RetrainSummary, render_summary
from training.retrain import retrain_from_annotations
from training.runs.record import STEPS
from training.runs.run import RunStore
from training.settings import TrainingSettings

CHUNKS = make_chunks()
BY_ADA = [
    triplet(chunk, f"What did Ada want of {chunk.section[-1]}?", annotator="ada") for chunk in CHUNKS[:6]
]
REJECTED = judged_chunk(CHUNKS[-1], "rejected", annotator="ada")
DECISIONS = [*accepted_triplets(CHUNKS)[:60], *BY_ADA, REJECTED, triplet(CHUNKS[3], "Nonsense", "rejected")]
WITHOUT_ADA = Selection(without_annotators=("ada",))


def chosen_settings() -> TrainingSettings:
    """Quick, with as few questions held out as these decisions give, and with all that goes by a model switched on."""
    quick = settings(learning_rate=0.02)  # word vectors want a high one
    gate = quick.gate.model_copy(update={"min_queries": 5})
    fit = quick.fit.model_copy(update={"start": "auto", "negatives": 1})
    return quick.model_copy(update={"gate": gate, "fit": fit})


def serving(home: Home) -> ServingSettings:
    """With the base model that the home was made with: a tiny one, which trains in a second."""
    store = ReleaseStore(home)
    return rounds.serving(store.get(store.ids()[0]).base_model)


@pytest.fixture(scope="session")
def first_home(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return rounds.bootstrapped(tmp_path_factory.mktemp("first") / "home", tiny_model, CHUNKS)


def _retrain(
    home: Home,
    corpus: Corpus,
    decisions: Sequence[Decision] = DECISIONS,
    selection: Selection = Selection(),  # noqa: B008 - frozen
    chosen: TrainingSettings | None = None,
) -> RetrainSummary:
    return retrain_from_annotations(
        home, corpus, chosen or chosen_settings(), serving(home), lambda: list(decisions), selection=selection
    )


def _dry(home: Home, corpus: Corpus, selection: Selection = Selection()) -> DryRun:  # noqa: B008 - frozen
    return preview(
        home, corpus, chosen_settings(), serving(home), lambda: list(DECISIONS), selection=selection
    )


@pytest.fixture(scope="session")
def full(first_home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, RetrainSummary]:
    """A home whose served release has learned from everybody, and what its retrain said."""
    root = tmp_path_factory.mktemp("full") / "home"
    shutil.copytree(first_home.root, root)
    summary = _retrain(Home(root), Corpus(documents=[], chunks=CHUNKS))
    assert summary.outcome == "promoted"
    return Home(root), summary


@pytest.fixture
def trained(full: tuple[Home, RetrainSummary], tmp_path: Path) -> Home:
    """A copy of it, to do anything with."""
    shutil.copytree(full[0].root, tmp_path / "trained")
    return Home(tmp_path / "trained")


def test_somebody_is_left_out_of_a_trained_release_and_it_can_be_explained(
    trained: Home, served_home: Home, corpus: Corpus
) -> None:
    store, runs = ReleaseStore(trained), RunStore(trained)
    first, before = store.ids()
    assert _retrain(trained, corpus).outcome == "nothing-new"

    # Nothing was added, but what the release learned from is to go: that is news.
    restricted = _retrain(trained, corpus, selection=WITHOUT_ADA)
    assert restricted.outcome == "promoted"
    assert restricted.selection == ["without annotator ada"]
    assert restricted.decisions["withdrawn"] == restricted.decisions["left out"] == len(BY_ADA) + 1
    assert "without annotator ada" in render_summary(restricted)
    assert any("training.without_annotators" in note for note in restricted.notes)
    after = restricted.release_after or ""
    again = _retrain(trained, corpus, selection=WITHOUT_ADA)
    assert again.outcome == "nothing-new", "the same selection again has nothing to forget"

    # The weights are, to the last bit, those of a bot that never heard of her.
    never = _retrain(served_home, corpus, [one for one in DECISIONS if "ada" not in one.annotators])
    assert _weights(served_home, never) == _weights(trained, restricted) != _weights(trained, None)

    record = runs.get(restricted.run or "")
    assert record.selection == WITHOUT_ADA
    folder = store.folder(after)
    assert "without annotator ada" in (folder / "README.md").read_text()
    note = read_note(folder / LINEAGE_NOTE_FILE)
    assert note == LineageNote(run=record.id, started_from=None, selection=WITHOUT_ADA)
    rows = read_lineage(folder / LINEAGE_FILE)
    assert not any("ada" in row.annotators for row in rows)
    gone = [row for row in rows if row.role == "left-out"]
    assert {row.record_id for row in gone} == {one.record_id for one in [*BY_ADA, REJECTED]}
    assert not any(row.votes or row.examples for row in gone), (
        "what was left out says nothing of what was answered"
    )
    assert store.get(after).index.rows == len(CHUNKS), "the chunk that only Ada rejected is back"

    # Every step says what it took and what it left.
    assert [step.name for step in record.steps] == [name for name in STEPS if record.step(name)]
    for step in record.steps:
        assert step.peak_memory_mb > 1
        assert step.peak_memory_kind in ("VmHWM", "ru_maxrss")
        assert step.outputs or step.note.startswith("off"), step.name
        assert step.name not in step.inputs
    assert record.step("read").outputs.keys() >= {"decisions.jsonl"}  # type: ignore[union-attr]

    told = explain_release(store, before)
    assert told.annotators["ada"] == {"train": _count(store, before, "train"), **_others(store, before)}
    assert told.datasets["chunks"] == {"index-removed": 1}
    assert set(told.origins) >= {"heading", "sentence-pair"}
    assert told.decisions == len(DECISIONS) == sum(told.roles.values())
    latest = explain_release(store, after)
    assert "ada" not in latest.annotators
    assert latest.selection == ["without annotator ada"]
    assert latest.reasons["left-out"] == {"answered only by ada": len(BY_ADA) + 1}
    assert [(one.id, one.made) for one in latest.chain] == [
        (after, "retrain"),
        (before, "retrain"),
        (first, "bootstrap"),
    ]
    learned = next(row for row in rows if row.role == "train")
    (one,) = explain_record(store, after, learned.record_id)
    assert one.record == learned
    assert learned.votes[0].annotator == "simulated"
    assert learned.examples[0].side == "train"
    assert learned.examples[0].query
    assert [(seen.release, seen.same_answers) for seen in one.before] == [(before, True)]
    (left,) = explain_record(store, after, BY_ADA[0].record_id)
    assert left.record.role == "left-out"
    with pytest.raises(SettingsError, match="'no-such-record' is not in the lineage"):
        explain_record(store, after, "no-such-record")
    with pytest.raises(SettingsError, match="is not in the lineage") as raised:
        explain_record(store, first, learned.record_id)
    assert "made without training" in raised.value.hint
    with pytest.raises(ReleaseError, match="There is no release"):
        explain_release(store, "r0009-00000000")

    # A plain retrain learns from her again, and says that this is news.
    assert remembers(store, before, WITHOUT_ADA)
    assert not remembers(store, after, WITHOUT_ADA)
    back = _dry(trained, corpus)
    assert back.would_train
    assert back.new == len(BY_ADA) + 1


def _weights(home: Home, summary: RetrainSummary | None) -> bytes:
    """Those of the release that a retrain made, or of the one before."""
    store = ReleaseStore(home)
    release = summary.release_after if summary else store.ids()[-2]
    paths = sorted((store.folder(release or "") / "model").rglob("*.safetensors"))
    assert paths
    return b"".join(path.read_bytes() for path in paths)


def _ada(store: ReleaseStore, release: str) -> list[str]:
    rows = read_lineage(store.folder(release) / LINEAGE_FILE)
    return [row.role for row in rows if "ada" in row.annotators]


def _count(store: ReleaseStore, release: str, role: str) -> int:
    return _ada(store, release).count(role)


def _others(store: ReleaseStore, release: str) -> dict[str, int]:
    roles = _ada(store, release)
    return {role: roles.count(role) for role in set(roles) - {"train"}}


def test_what_is_to_be_forgotten_is_not_in_the_weights_that_training_starts_from(trained: Home) -> None:
    store = ReleaseStore(trained)
    served = store.current()
    chosen = chosen_settings()
    continuing = chosen.model_copy(update={"fit": chosen.fit.model_copy(update={"start": "current"})})
    clean, said = clean_start(store, served, continuing, WITHOUT_ADA)
    assert clean.fit.start == "base"
    assert served.id in said
    for harmless in (Selection(), Selection(max_records=3), Selection(without_annotators=("nobody",))):
        assert clean_start(store, served, continuing, harmless) == (continuing, "")
    # By way of another release whose weights it went on from, too; and when nobody can tell any more.
    folder = store.folder(served.id)
    first = store.ids()[0]
    assert not remembers(store, first, WITHOUT_ADA)
    write_note(store.folder(first) / LINEAGE_NOTE_FILE, LineageNote(started_from=served.id))
    assert remembers(store, first, WITHOUT_ADA)
    write_note(store.folder(first) / LINEAGE_NOTE_FILE, LineageNote(started_from="r0099-00000000"))
    assert remembers(store, first, WITHOUT_ADA)
    (folder / LINEAGE_NOTE_FILE).unlink()
    assert remembers(store, served.id, Selection(without_annotators=("nobody",)))


def test_a_dry_run_says_what_would_come_and_leaves_nothing(
    served_home: Home, corpus: Corpus, full: tuple[Home, RetrainSummary], trained: Home
) -> None:
    before = _files(served_home)
    plan = _dry(served_home, corpus)
    assert plan.would_train
    assert plan.verdict == "Would train."
    assert sum(plan.roles.values()) == len(plan.rows) == len(DECISIONS)
    assert plan.roles["train"] > 0 < plan.roles["holdout"]
    assert plan.new == len(DECISIONS)
    restricted = _dry(served_home, corpus, Selection(without_annotators=("ada",), without_records=("typo",)))
    assert restricted.roles["left-out"] == len(BY_ADA) + 1
    assert restricted.reasons["left-out: answered only by ada"] == len(BY_ADA) + 1
    assert any("typo" in note for note in restricted.notes)
    text = render_dry_run(restricted)
    assert "without annotator ada" in text
    assert DryRun.model_validate_json(json.dumps(plan.model_dump(mode="json"))) == plan
    assert _files(served_home) == before

    # What is said is what is done.
    _, done = full
    assert done.examples["train"] == sum(
        example.side == "train" for row in plan.rows for example in row.examples
    )
    assert done.holdout_questions == plan.holdout_questions
    assert plan.rows == read_lineage(ReleaseStore(trained).folder(done.release_after or "") / LINEAGE_FILE)
    assert _dry(trained, corpus).verdict.startswith("Would not train: 0 new decisions")


def test_forgetting_waits_for_nothing_new(trained: Home, corpus: Corpus) -> None:
    """min_new holds back a few additions, never that somebody is to be forgotten."""
    chosen = chosen_settings().model_copy(update={"min_new": 50})
    read = lambda: list(DECISIONS)  # noqa: E731 - one line, one name
    plain = preview(trained, corpus, chosen, serving(trained), read)
    assert plain.verdict == "Would not train: 0 new decisions, and a retrain starts from 50."
    assert preview(trained, corpus, chosen, serving(trained), read, force=True).would_train
    plan = preview(trained, corpus, chosen, serving(trained), read, selection=WITHOUT_ADA)
    assert plan.would_train, plan.verdict
    look_at = look(
        trained,
        corpus,
        chosen.model_copy(update={"without_annotators": ["ada"]}),
        serving(trained),
        WatchSettings(every_hours=1),
        DECISIONS,
        "",
        datetime.now(timezone.utc) + timedelta(hours=2),
    )
    assert "decisions are new" in look_at.why
    assert _retrain(trained, corpus, selection=WITHOUT_ADA, chosen=chosen).outcome == "promoted"
    again = _retrain(trained, corpus, selection=WITHOUT_ADA, chosen=chosen)
    assert again.outcome == "nothing-new", "there is nobody left to forget"


def test_an_unknown_annotator_is_an_error_unless_the_settings_name_them(
    served_home: Home, corpus: Corpus
) -> None:
    few = accepted_triplets(CHUNKS[:2])
    with pytest.raises(SettingsError, match="'Ada'") as raised:
        _retrain(served_home, corpus, few, Selection(without_annotators=("Ada",)))
    assert "simulated" in raised.value.hint
    assert RunStore(served_home).list() == []
    lasting = chosen_settings().model_copy(update={"without_annotators": ["Ada"]})
    summary = _retrain(served_home, corpus, few, Selection(without_annotators=("Ada",)), lasting)
    assert summary.outcome == "not-enough"


def test_a_lasting_name_that_nobody_has_is_said_and_is_on_no_card(served_home: Home, corpus: Corpus) -> None:
    """A typing error must not look like somebody's answers having been left out."""
    lasting = chosen_settings().model_copy(update={"without_annotators": ["Ada", "zoe"]})
    selection = Selection(without_annotators=("Ada", "zoe"))
    summary = _retrain(served_home, corpus, selection=selection, chosen=lasting)
    assert summary.outcome == "promoted", summary.verdict
    typo, gone = summary.notes
    assert "'Ada', and nobody of that name has answered" in typo
    assert typo.endswith("Is 'ada' meant?")
    assert "'zoe'" in gone
    assert "meant" not in gone
    assert typo in render_summary(summary)
    assert summary.selection == []
    folder = ReleaseStore(served_home).folder(summary.release_after or "")
    assert "Ada" not in (folder / "README.md").read_text().replace("What did Ada", "")
    assert explain_release(ReleaseStore(served_home), summary.release_after or "").selection == []
    assert "without annotator" not in Path(summary.report or "").read_text()
    plan = preview(
        served_home, corpus, lasting, serving(served_home), lambda: list(DECISIONS), selection=selection
    )
    assert plan.notes == summary.notes
    assert plan.selection == []


class Told:
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def task(
        self, description: str, total: int | None = None, unit: str = ""
    ) -> AbstractContextManager[Advance]:
        return SILENT.task(description, total, unit)


def test_an_interrupted_run_with_another_selection_is_left_alone_for_a_week(
    trained: Home, corpus: Corpus
) -> None:
    runs, store = RunStore(trained), ReleaseStore(trained)
    served = store.current()
    inputs = run_inputs(DECISIONS, corpus, chosen_settings(), serving(trained), served.id, WITHOUT_ADA)
    interrupted = runs.create(inputs, served.id, WITHOUT_ADA)
    interrupted.step("read", _reads_nothing, SILENT)
    staged = ReleaseStore(trained).staging(interrupted.id)  # of a store that is gone: nobody holds it
    told = Told()
    read = lambda: list(DECISIONS)  # noqa: E731 - one line, one name
    plain = (trained, corpus, chosen_settings(), serving(trained), read, told)
    assert retrain_from_annotations(*plain).outcome == "nothing-new"
    assert any("without annotator ada, and this one is with everything" in line for line in told.lines)
    assert any("given up" in line for line in told.lines)
    assert runs.get(interrupted.id).status == "running"
    assert (interrupted.folder / "read").is_dir()
    assert staged.is_dir()

    # The same command goes on with it, whatever plain retrain came in between.
    summary = _retrain(trained, corpus, selection=WITHOUT_ADA)
    assert (summary.run, summary.resumed) == (interrupted.id, True)

    old = runs.create(inputs, served.id, WITHOUT_ADA)
    old.step("read", _reads_nothing, SILENT)
    old.record.created_at -= timedelta(days=8)
    old.record.steps[0].started -= timedelta(days=8)
    old.save()
    assert retrain_from_annotations(*plain).outcome == "nothing-new"
    given_up = runs.get(old.id)
    assert given_up.status == "abandoned"
    assert "more than 7 days ago" in given_up.verdict


def _reads_nothing(folder: Path) -> str:
    (folder / "decisions.jsonl").touch()
    return ""


def test_a_chain_ends_where_a_release_is_gone(trained: Home) -> None:
    store = ReleaseStore(trained)
    first, served = store.ids()
    store.folder(first).rename(trained.root / "away")
    found = chain(store, served)
    assert [one.id for one in found] == [served, first]
    assert "There is no release" in found[1].problem


def test_a_release_that_was_only_indexed_anew_learned_from_the_same(trained: Home, corpus: Corpus) -> None:
    store = ReleaseStore(trained)
    first, learned = store.ids()
    anew = reindex(trained, corpus, serving(trained), left_out=[CHUNKS[0].id])
    assert anew is not None
    told = explain_release(store, anew.id)
    assert [(one.id, one.made) for one in told.chain] == [
        (anew.id, "reindex"),
        (learned, "retrain"),
        (first, "bootstrap"),
    ]
    assert told.roles == explain_release(store, learned).roles
    assert told.run == store.get(learned).run_id
    assert remembers(store, anew.id, WITHOUT_ADA)


def _files(home: Home) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(home.root.rglob("*"))}
