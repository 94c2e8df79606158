"""Whole retrains, as far as they judge: test sets of one's own, guards, and what is written down."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from curation import Chunk, Corpus, Decision, Home, SettingsError
from serving import (
    EVALUATION_FILE,
    RERANKER_FOLDER,
    ReleaseStore,
    RerankerInfo,
    RetrievalSettings,
    bootstrap,
)
from tests.cross_encoders import small_transformer, untrained_reranker
from tests.training import rounds
from training.judge.comparison import SIDES, read_comparison
from training.ledger.rows import section_of
from training.prepare.split import is_holdout
from training.report.text import RetrainSummary, render_summary
from training.retrain import retrain_from_annotations
from training.runs.run import RunStore
from training.settings import GateSettings, GuardSettings, RerankerSettings, TestSetSettings

CHUNKS = rounds.make_corpus()
METRICS = {"ndcg@10", "mrr@10", "recall@1", "recall@5", "recall@10", "recall@50"}


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Path:
    return tiny_model


@pytest.fixture
def house(untrained: Home, tmp_path: Path) -> Home:
    return rounds.copied(untrained, tmp_path / "house")


def _retrain(
    home: Home,
    model: Path,
    decisions: list[Decision] | None = None,
    gate: GateSettings | None = None,
    **more: Any,
) -> RetrainSummary:
    training = rounds.training()
    training = training.model_copy(update={"gate": gate or training.gate, **more})
    found = rounds.first_round(CHUNKS) if decisions is None else decisions
    corpus = Corpus(documents=[], chunks=CHUNKS)
    return retrain_from_annotations(home, corpus, training, rounds.serving(model), lambda: found)


def _own_set(folder: Path, asked: dict[str, str]) -> TestSetSettings:
    """Questions by file, as a maintainer would collect them."""
    folder.mkdir()
    lines = [json.dumps({"_id": f"q{number}", "text": text}) for number, text in enumerate(asked)]
    (folder / "queries.jsonl").write_text("\n".join(lines))
    (folder / "qrels.tsv").write_text(
        "".join(f"q{number}\t{path}\t1\n" for number, path in enumerate(asked.values()))
    )
    return TestSetSettings(folder=str(folder))


def test_own_questions_are_asked_of_all_three_and_never_trained_on(
    house: Home, model: Path, tmp_path: Path
) -> None:
    taught = next(
        one.fields["positive"]
        for one in rounds.first_round(CHUNKS)
        if one.verdict == "accepted" and one.metadata["chunk_id"] == _trained_chunk().id
    )
    asked = {
        taught: _trained_chunk().path,
        "my couch is dirty": "sofa.md",
        "wash the automobile": "car.md",
    }
    summary = _retrain(house, model, testsets=[_own_set(tmp_path / "visitors", asked)])

    assert summary.outcome == "promoted" and summary.release_after and summary.gate and summary.run
    assert summary.gate.queries == summary.holdout_questions + 3
    assert summary.reasons["duplicate"]["same question as in a test set"] == 1
    names = [guard.name for guard in summary.gate.guards]
    assert {"test set visitors", "forgetting (generic)", "base model", "refusal", "new decisions"} <= set(
        names
    )

    folder = ReleaseStore(house).folder(summary.release_after)
    found = read_comparison(folder / EVALUATION_FILE)
    assert [(one.name, one.kind, len(one.questions)) for one in found.sets] == [
        ("visitors", "own", 3),
        ("generic", "generic", 64),
    ]
    for side in SIDES:
        scores = found.holdout.side(side)
        assert set(scores[384].metrics) == METRICS
        assert set(scores[384].questions) == {one.id for one in found.holdout.questions}
    assert found.holdout.base != found.holdout.served, "the first release is the base model, whitened"
    assert found.holdout.served != found.holdout.candidate
    assert {one.style for one in found.holdout.questions} >= {"question", "sentence"}
    assert {one.origin for one in found.holdout.questions} == {"sentence-pair"}
    assert all(one.section.endswith(".md") for one in found.holdout.questions)

    interval = str(summary.gate.interval)
    assert interval in summary.verdict and interval in render_summary(summary)
    gate = json.loads((house.runs / summary.run / "judge" / "gate.json").read_text())
    assert gate["verdict"] == "superior" and gate["interval"]["confidence"] == 0.9
    card = (folder / "README.md").read_text()
    assert "**superior**" in card and "### Guards" in card and "median query" not in card
    assert summary.report and "visitors" in Path(summary.report).read_text()
    assert RetrainSummary.model_validate_json(summary.model_dump_json()) == summary


def _trained_chunk() -> Chunk:
    """One that the first round accepts a question for, and that is not held out."""
    accepted = {one.metadata["chunk_id"] for one in rounds.first_round(CHUNKS) if one.verdict == "accepted"}
    return next(chunk for chunk in CHUNKS if chunk.id in accepted and not is_holdout(section_of(chunk), 0.2))


def test_the_second_round_knows_what_was_held_out_before(house: Home, model: Path) -> None:
    first = _retrain(house, model)
    assert first.gate and first.gate.earlier is None
    second = _retrain(house, model, [*rounds.first_round(CHUNKS), *rounds.second_round(CHUNKS, 3)])
    assert second.gate and second.gate.earlier and second.gate.fresh
    assert second.gate.earlier.size == first.holdout_questions
    assert second.gate.fresh.size == second.holdout_questions - first.holdout_questions
    assert second.base[384]["ndcg@10"] < second.before[384]["ndcg@10"]


def test_a_smoke_question_that_is_refused_holds_the_candidate(house: Home, model: Path) -> None:
    served = ReleaseStore(house).current_id()
    guards = GuardSettings(smoke=["qqqq zzzz xxxx"], refuse=["How do I mend my couch?"])
    summary = _retrain(house, model, gate=GateSettings(guards=guards))
    assert summary.outcome == "rejected"
    assert "Held back, although better than the served release" in summary.verdict
    assert "smoke questions: refuses 'qqqq zzzz xxxx'; answers 'How do I mend my couch?'" in summary.verdict
    assert ReleaseStore(house).current_id() == served
    assert _retrain(house, model).outcome == "promoted"


def test_the_same_evaluation_twice_is_the_same_file(house: Home, model: Path, tmp_path: Path) -> None:
    shutil.copytree(house.root, tmp_path / "again")
    files = []
    for home in (house, Home(tmp_path / "again")):
        summary = _retrain(home, model)
        assert summary.run
        files.append((home.runs / summary.run / "judge" / EVALUATION_FILE).read_bytes())
    assert files[0] == files[1]


def test_a_wrong_test_set_is_named_before_anything_is_trained(
    house: Home, model: Path, tmp_path: Path
) -> None:
    served = ReleaseStore(house).current_id()
    wrong = _own_set(tmp_path / "visitors", {"my couch is dirty": "sofa.md"})
    (tmp_path / "visitors" / "qrels.tsv").write_text("q0\tsofa.md\tmuch\n")
    with pytest.raises(SettingsError, match=r"qrels\.tsv, line 1: the relevance 'much'"):
        _retrain(house, model, testsets=[wrong])
    assert ReleaseStore(house).current_id() == served
    assert RunStore(house).list()[0].step("fit") is None
    (tmp_path / "visitors" / "qrels.tsv").write_text("q0\tsofa.md\t1\n")
    assert _retrain(house, model, testsets=[wrong]).outcome == "promoted"


def test_a_test_set_of_other_documents_is_named_before_anything_is_trained(
    house: Home, model: Path, tmp_path: Path
) -> None:
    wrong = _own_set(tmp_path / "visitors", {"my couch is dirty": "docs/typo.md"})
    with pytest.raises(
        SettingsError, match=r"none of its 1 files is in the documents \(for example 'docs/typo\.md'\)"
    ):
        _retrain(house, model, testsets=[wrong])
    (run,) = RunStore(house).list()
    assert run.step("fit") is None


def test_a_bot_that_refuses_more_of_what_it_should_answer_is_held(model: Path, tmp_path: Path) -> None:
    """A threshold that is set by hand fits one model's cosines: the next one may lie below it with what it
    knows."""
    home, found = Home(tmp_path / "plain"), rounds.first_round(CHUNKS)
    training, corpus = rounds.training(), Corpus(documents=[], chunks=CHUNKS)
    plain, by_hand = (
        rounds.serving(model).model_copy(update={"retrieval": retrieval})
        for retrieval in (RetrievalSettings(whiten=0.0), RetrievalSettings(whiten=0.5, min_score=0.4))
    )
    bootstrap(home, corpus, plain)
    summary = retrain_from_annotations(home, corpus, training, by_hand, lambda: found)
    assert summary.rung != "fine-tuned" and summary.gate
    said = summary.verdict + summary.why_not_higher
    assert f"refused questions: of {summary.gate.queries} questions" in said and "Held back, although" in said


def test_a_reranker_is_a_part_of_the_candidate_and_is_judged_and_served_with_it(
    house: Home, model: Path, tmp_path: Path
) -> None:
    base = small_transformer(tmp_path / "base", [chunk.text for chunk in CHUNKS])
    whole = untrained_reranker(tmp_path / "whole", base)
    chosen = RerankerSettings(model=str(whole), candidates=5, max_tokens=64, weight=0.001)
    summary = _retrain(house, model, reranker=chosen)
    assert summary.outcome == "promoted", summary.verdict
    assert summary.release_after
    assert set(summary.without_reranker) == METRICS
    store = ReleaseStore(house)
    release = store.verify(summary.release_after)
    assert release.reranker == RerankerInfo(name="whole", candidates=5, max_tokens=64, weight=0.001)
    folder = store.folder(release.id)
    assert "without its reranker" in (folder / "README.md").read_text()
    assert summary.report and "<h2>Reranker</h2>" in Path(summary.report).read_text()
    weights = "model.safetensors"
    assert (folder / RERANKER_FOLDER / weights).read_bytes() == (whole / weights).read_bytes(), "as it is"
    # Without one the next candidate has none, and is compared with the release as it is served.
    lenient = rounds.training(margin=1.0, promote=["superior", "non-inferior"]).gate
    again = _retrain(house, model, [*rounds.first_round(CHUNKS), *rounds.second_round(CHUNKS, 3)], lenient)
    assert again.release_after, again.verdict
    assert again.rung == "fine-tuned"
    assert store.get(again.release_after).reranker is None
    assert not again.without_reranker


def test_a_reranker_that_cannot_be_loaded_is_named_before_anything_is_trained(
    house: Home, model: Path
) -> None:
    with pytest.raises(SettingsError, match="can't be loaded as a reranker"):
        _retrain(house, model, reranker=RerankerSettings(model=str(model)))
    (run,) = RunStore(house).list()
    assert run.step("fit") is None
    assert _retrain(house, model).outcome == "promoted"
