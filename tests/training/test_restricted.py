"""A retrain that leaves somebody out, and what a release says about itself."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from curation import SILENT, Corpus, Decision, Home, ReleaseError, SettingsError
from serving import LINEAGE_FILE, ReleaseStore, ServingSettings, reindex
from tests.training import rounds
from tests.training.material import accepted_triplets, judged_chunk, make_chunks, settings, triplet
from tests.training.runs.loop import Told, stop
from training.decide import Due, is_due
from training.ledger.explain import explain_record, explain_release
from training.ledger.selection import EVERYTHING, Selection, select
from training.ledger.store import LedgerOrigin, read_ledger, read_origin
from training.prepare.prepared import RunContext
from training.report.text import Preview, RetrainSummary, render_summary
from training.retrain import RetrainOptions, preview, retrain_from_annotations
from training.runs.record import STEPS
from training.runs.run import RunStore
from training.runs.situation import read_situation
from training.settings import TrainingSettings

CHUNKS = make_chunks()
BY_ADA = [
    triplet(chunk, f"What did Ada want of {chunk.section[-1]}?", annotator="ada") for chunk in CHUNKS[:6]
]
REJECTED = judged_chunk(CHUNKS[-1], "rejected", annotator="ada")
DECISIONS = [*accepted_triplets(CHUNKS)[:60], *BY_ADA, REJECTED, triplet(CHUNKS[3], "Nonsense", "rejected")]
WITHOUT_ADA = Selection(without_annotators=("ada",))


def chosen_settings() -> TrainingSettings:
    """Quick, with as few questions held out as these decisions give."""
    quick = settings(learning_rate=0.02)  # word vectors want a high one
    gate = quick.gate.model_copy(update={"min_queries": 5})
    return quick.model_copy(update={"gate": gate})


def serving(home: Home) -> ServingSettings:
    """With the base model that the home was made with: a tiny one, which trains in a second."""
    store = ReleaseStore(home)
    return rounds.serving(store.get(store.ids()[0]).base_model)


def _retrain(
    home: Home,
    corpus: Corpus,
    decisions: Sequence[Decision] = DECISIONS,
    selection: Selection = EVERYTHING,
    chosen: TrainingSettings | None = None,
    told: Told | None = None,
) -> RetrainSummary:
    options = RetrainOptions(selection=selection, progress=told or SILENT)
    return retrain_from_annotations(
        home, corpus, chosen or chosen_settings(), serving(home), lambda: list(decisions), options
    )


def _preview(
    home: Home,
    corpus: Corpus,
    decisions: Sequence[Decision] = DECISIONS,
    selection: Selection = EVERYTHING,
    chosen: TrainingSettings | None = None,
    force: bool = False,
) -> Preview:
    options = RetrainOptions(selection=selection, force=force)
    return preview(home, corpus, chosen or chosen_settings(), serving(home), lambda: list(decisions), options)


@pytest.fixture(scope="session")
def full(bootstrapped: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, RetrainSummary]:
    """A home whose served release has learned from everybody, and what its retrain said."""
    home = rounds.copied(bootstrapped, tmp_path_factory.mktemp("full") / "home")
    summary = _retrain(home, Corpus(documents=[], chunks=CHUNKS))
    assert summary.outcome == "promoted"
    return home, summary


@pytest.fixture
def trained(full: tuple[Home, RetrainSummary], tmp_path: Path) -> Home:
    """A copy of it, to do anything with."""
    return rounds.copied(full[0], tmp_path / "trained")


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
    assert record.selection.without_annotators == WITHOUT_ADA.without_annotators
    folder = store.folder(after)
    assert "without annotator ada" in (folder / "README.md").read_text()
    origin = read_origin(folder / LINEAGE_FILE)
    assert origin == LedgerOrigin(run=record.id, selection=record.selection)
    assert origin.selection.people == {"ada": ("ada",)}
    rows = read_ledger(folder / LINEAGE_FILE)
    assert not any("ada" in row.people for row in rows)
    gone = [row for row in rows if row.fate == "left-out"]
    assert {row.record_id for row in gone} == {one.record_id for one in [*BY_ADA, REJECTED]}
    assert not any(row.votes or row.query or row.fingerprint for row in gone), (
        "what was left out says nothing of what was answered"
    )
    assert store.get(after).index.rows == len(CHUNKS), "the chunk that only Ada rejected is back"

    # Every step says what it took and what it left.
    assert tuple(step.name for step in record.steps) == STEPS
    for step in record.steps:
        assert step.peak_memory_mb > 1
        assert step.peak_memory_kind in ("VmHWM", "ru_maxrss")
        assert step.outputs or step.name == "publish", step.name
        assert step.name not in step.inputs
    assert record.steps[0].outputs.keys() >= {"ledger.parquet", "conflicts.json", "precision.json"}

    explained = explain_release(store, before)
    fates = [row.fate for row in read_ledger(store.folder(before) / LINEAGE_FILE) if "ada" in row.people]
    assert explained.annotators["ada"] == {fate: fates.count(fate) for fate in set(fates)}
    assert explained.annotators["ada"]["train"] > 0
    assert explained.datasets["chunks"] == {"removed": 1}
    assert set(explained.origins) >= {"heading", "sentence-pair"}
    assert explained.decisions == len(DECISIONS) == sum(explained.fates.values())
    latest = explain_release(store, after)
    assert "ada" not in latest.annotators
    assert latest.selection == ["without annotator ada"]
    assert latest.reasons["left-out"] == {"answered only by ada": len(BY_ADA) + 1}
    assert {one.record_id for one in BY_ADA} < set(latest.records["answered only by ada"])
    assert [(one.id, one.made) for one in latest.chain] == [
        (after, "retrain"),
        (before, "retrain"),
        (first, "bootstrap"),
    ]
    learned = next(row for row in rows if row.fate == "train")
    (one,) = explain_record(store, after, learned.record_id)
    assert one.rows == [learned]
    assert learned.votes[0].annotator == "simulated"
    assert learned.teaches == "example"
    assert learned.query
    assert [(seen.release, seen.same_answers) for seen in one.before] == [(before, True)]
    (left,) = explain_record(store, after, BY_ADA[0].record_id)
    assert [row.fate for row in left.rows] == ["left-out"]
    with pytest.raises(SettingsError, match="'no-such-record' is not in the lineage"):
        explain_record(store, after, "no-such-record")
    with pytest.raises(SettingsError, match="is not in the lineage") as raised:
        explain_record(store, first, learned.record_id)
    assert "made without training" in raised.value.hint
    with pytest.raises(ReleaseError, match="There is no release"):
        explain_release(store, "r0009-00000000")

    # A plain retrain learns from her again, and says that this is news.
    back = _preview(trained, corpus)
    assert back.would_train
    assert back.new == len(BY_ADA) + 1


def _weights(home: Home, summary: RetrainSummary | None) -> bytes:
    """Those of the release that a retrain made, or of the one before."""
    store = ReleaseStore(home)
    release = summary.release_after if summary else store.ids()[-2]
    paths = sorted((store.folder(release or "") / "model").rglob("*.safetensors"))
    assert paths
    return b"".join(path.read_bytes() for path in paths)


def test_forgetting_waits_for_nothing_new(trained: Home, corpus: Corpus) -> None:
    plain = _preview(trained, corpus)
    served = ReleaseStore(trained).current()
    nothing = f"Nothing new to learn: no decision has been added or changed since {served.id}."
    assert plain.verdict == f"Would not train: {nothing}"
    assert _preview(trained, corpus, force=True).would_train
    plan = _preview(trained, corpus, selection=WITHOUT_ADA)
    assert plan.would_train, plan.verdict

    # Nobody has to ask for it: the watcher does it at once, however few decisions are new.
    store = ReleaseStore(trained)
    context = RunContext(trained, corpus, chosen_settings(), serving(trained), store, served, SILENT)
    later = datetime.now(timezone.utc) + timedelta(hours=2)
    found = read_situation(context, select(DECISIONS, WITHOUT_ADA), later)
    due = is_due(found, Due(min_accepted=100, every_hours=0))
    assert (due.what, "are to be left out" in due.why) == ("new", True)

    assert _retrain(trained, corpus, selection=WITHOUT_ADA).outcome == "promoted"
    again = _retrain(trained, corpus, selection=WITHOUT_ADA)
    assert again.outcome == "nothing-new", "there is nobody left to forget"


def test_a_new_name_is_no_news_and_who_has_it_is_left_out_by_user_id(trained: Home, corpus: Corpus) -> None:
    renamed = [_called(one, "ada", "lovelace") for one in DECISIONS]
    assert _retrain(trained, corpus, renamed).outcome == "nothing-new"
    plan = _preview(trained, corpus, renamed, WITHOUT_ADA)  # "ada" is her user id, too
    assert plan.would_train
    assert plan.reasons["left-out"] == {"answered only by lovelace": len(BY_ADA) + 1}
    assert plan.withdrawn == len(BY_ADA) + 1


def _called(decision: Decision, before: str, now: str) -> Decision:
    """As Argilla tells it after somebody was given another name."""
    votes = tuple(
        vote.model_copy(update={"annotator": now}) if vote.annotator == before else vote
        for vote in decision.votes
    )
    return decision.model_copy(update={"votes": votes})


def test_an_unknown_annotator_is_an_error_unless_the_settings_name_them(
    served_home: Home, corpus: Corpus
) -> None:
    few = accepted_triplets(CHUNKS[:6])
    with pytest.raises(SettingsError, match="'Ada'") as raised:
        _retrain(served_home, corpus, few, Selection(without_annotators=("Ada",)))
    assert "simulated" in raised.value.hint
    with pytest.raises(SettingsError, match="No annotator has the name 'Ada'"):
        _preview(served_home, corpus, few, Selection(without_annotators=("Ada",)))
    assert RunStore(served_home).list() == []
    lasting = chosen_settings().model_copy(update={"without_annotators": ["Ada"]})
    summary = _retrain(served_home, corpus, few, Selection(without_annotators=("Ada",)), lasting)
    assert (summary.outcome, summary.rung) == ("promoted", "index only")


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
    plan = _preview(served_home, corpus, selection=selection, chosen=lasting)
    assert plan.notes == summary.notes
    assert plan.selection == []


def test_an_interrupted_run_with_another_selection_is_left_alone_for_a_week(
    trained: Home, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("training.runs.steps.Steps.fit", stop)
        _retrain(trained, corpus, selection=WITHOUT_ADA)
    interrupted = RunStore(trained).list()[0]
    staged = ReleaseStore(trained).staging(interrupted.id)  # of a store that is gone: nobody holds it
    told = Told()
    assert _retrain(trained, corpus, told=told).outcome == "nothing-new"
    assert any("without annotator ada, and this one is with everything" in line for line in told.lines)
    assert any("given up" in line for line in told.lines)
    assert RunStore(trained).get(interrupted.id).status == "running"
    assert (trained.runs / interrupted.id / "prepare").is_dir()
    assert staged.is_dir()

    # After a week nobody waits for it any more.
    shutil.copytree(trained.root, tmp_path / "later")
    later = RunStore(Home(tmp_path / "later"))
    old = later.open(later.get(interrupted.id))
    old.record.created_at -= timedelta(days=8)
    old.record.steps[0].started -= timedelta(days=8)
    old.record.steps[1].started -= timedelta(days=8)
    old.save()
    assert _retrain(Home(tmp_path / "later"), corpus).outcome == "nothing-new"
    given_up = later.get(interrupted.id)
    assert given_up.status == "abandoned"
    assert "more than 7 days ago" in given_up.verdict

    # The same command goes on with it, whatever plain retrain came in between.
    summary = _retrain(trained, corpus, selection=WITHOUT_ADA)
    assert (summary.run, summary.resumed) == (interrupted.id, True)
    assert summary.outcome == "promoted"


def test_a_release_that_was_only_indexed_anew_learned_from_the_same(trained: Home, corpus: Corpus) -> None:
    store = ReleaseStore(trained)
    first, learned = store.ids()
    fewer = Corpus(documents=[], chunks=CHUNKS[1:])
    anew = reindex(trained, fewer, serving(trained))
    assert anew is not None
    found = explain_release(store, anew.id)
    assert [(one.id, one.made) for one in found.chain] == [
        (anew.id, "reindex"),
        (learned, "retrain"),
        (first, "bootstrap"),
    ]
    assert found.fates == explain_release(store, learned).fates
    assert found.run == store.get(learned).run_id
    assert _preview(trained, corpus, selection=WITHOUT_ADA).would_train, "it has learned from her, too"
