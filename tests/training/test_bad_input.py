"""Input that nothing good can come from: the retrain says what, where and what to do, and the served release
stays."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from curation import Chunk, Corpus, Decision, Home, ReleaseError, SettingsError, StateError
from serving import ReleaseStore, RetrievalSettings
from tests.training import rounds
from tests.training.material import conversation, triplet
from training.ledger.rows import section_of
from training.prepare.split import is_holdout
from training.report.text import RetrainSummary
from training.retrain import retrain_from_annotations
from training.runs.run import RunStore

CHUNKS = rounds.make_corpus()
FIRST = rounds.first_round(CHUNKS)


@pytest.fixture
def served(untrained: Home, tmp_path: Path) -> Home:
    """A home that serves the tiny model, to do anything with."""
    return rounds.copied(untrained, tmp_path / "served")


@pytest.fixture
def retrain(served: Home, tiny_model: Path) -> Any:
    """The retrain on ``served`` with another model, other documents or other settings of the fit."""

    def run(
        decisions: Sequence[Decision] = FIRST,
        model: Path | str = tiny_model,
        chunks: Sequence[Chunk] = CHUNKS,
        include_unreviewed: bool = True,
        **fit: Any,
    ) -> RetrainSummary:
        training = rounds.training()
        training = training.model_copy(update={"fit": training.fit.model_copy(update=fit)})
        serving = rounds.serving(model).model_copy(
            update={"retrieval": RetrievalSettings(include_unreviewed=include_unreviewed)}
        )
        corpus = Corpus(documents=[], chunks=list(chunks))
        return retrain_from_annotations(served, corpus, training, serving, lambda: list(decisions))

    return run


def untouched(home: Home) -> bool:
    """Whether the first release is the only one, whole, and served."""
    store = ReleaseStore(home)
    (first,) = store.ids()
    store.verify(first)
    return store.current_id() == first and not list(home.releases.glob(".staging-*"))


def broken_weights(model: Path) -> None:
    (weights,) = model.rglob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])


def no_numbers(model: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    (weights,) = model.rglob("*.safetensors")
    save_file({name: torch.full_like(one, torch.nan) for name, one in load_file(weights).items()}, weights)


def pickled(model: Path) -> None:
    (weights,) = model.rglob("*.safetensors")
    weights.rename(weights.with_suffix(".bin"))


def nothing_left(model: Path) -> None:
    shutil.rmtree(model)


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (nothing_left, SettingsError, "There is no folder"),
        (broken_weights, SettingsError, "can't be loaded"),
        (pickled, SettingsError, "pickled weights"),
        (no_numbers, StateError, "diverged|not numbers"),
    ],
)
def test_a_base_model_that_is_missing_or_damaged(
    retrain: Any,
    served: Home,
    tiny_model: Path,
    tmp_path: Path,
    spoil: Any,
    kind: type[Exception],
    words: str,
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    spoil(model)
    with pytest.raises((kind, ReleaseError), match=words):
        retrain(model=model)
    assert untouched(served)
    (failed,) = RunStore(served).list()
    assert failed.status == "failed"
    if spoil is nothing_left:
        # With a good model the failed run is given up, and nothing of it is in the way.
        assert retrain().outcome == "promoted"
        assert RunStore(served).get(failed.id).status == "abandoned"


def test_a_base_model_of_another_dimension_makes_a_release_of_that_dimension(
    retrain: Any, served: Home, tmp_path: Path
) -> None:
    small = rounds.tiny_model(tmp_path / "small", CHUNKS, dimension=128)
    summary = retrain(model=small, dimensions=[384, 64])
    assert (summary.outcome, set(summary.before), set(summary.after)) == ("promoted", {384, 64}, {128, 64})
    release = ReleaseStore(served).verify(summary.release_after)
    assert release.embedding.dimension == release.index.dimension == 128
    assert summary.gate.before == pytest.approx(summary.before[384]["ndcg@10"], abs=1e-3)
    assert summary.gate.after == pytest.approx(summary.after[128]["ndcg@10"], abs=1e-3)
    assert "128 dimensions" in Path(summary.report).read_text()


@pytest.mark.parametrize("dimensions", [[], [768, 384, 384, 0, -5]])
def test_matryoshka_dimensions_that_the_model_does_not_have_are_left_out(
    retrain: Any, dimensions: list[int]
) -> None:
    assert set(retrain(dimensions=dimensions).after) == {384}


def test_everything_held_out_is_nothing_to_learn_from(retrain: Any, served: Home) -> None:
    held = [chunk for chunk in CHUNKS if is_holdout(section_of(chunk), 0.2)]
    summary = retrain([triplet(chunk, f"What about {chunk.section[-1]}?") for chunk in held])
    assert summary.rung != "fine-tuned"
    said = summary.why_not_higher
    assert f"0 example(s) to train on after {len(held)} were held out" in said
    assert "about other sections" in said
    assert not ReleaseStore(served).current().trained_on


def test_only_rejections_teach_nothing(retrain: Any, served: Home) -> None:
    summary = retrain(
        [
            *(triplet(chunk, "How?", "rejected") for chunk in CHUNKS[:30]),
            *(
                conversation(chunk, f"Is {number} right?", "rejected")
                for number, chunk in enumerate(CHUNKS[:30])
            ),
        ]
    )
    assert summary.outcome == "not-enough"
    assert "no accepted triplet or conversation yet" in summary.verdict
    assert untouched(served)


@pytest.mark.parametrize(
    ("chunks", "unreviewed", "words"),
    [([], True, "no documents any more"), (CHUNKS, False, "include_unreviewed is false")],
)
def test_nothing_to_index_says_why(
    retrain: Any, served: Home, chunks: list[Chunk], unreviewed: bool, words: str
) -> None:
    summary = retrain(chunks=chunks, include_unreviewed=unreviewed)
    assert summary.outcome == "not-enough"
    assert words in summary.verdict
    assert untouched(served)


def test_odd_texts_are_named_or_learned_and_hold_nothing_up(retrain: Any) -> None:
    blank = CHUNKS[0].model_copy(update={"text": " ", "tokens": 0})
    endless = CHUNKS[1].model_copy(update={"text": "kettle " * 50_000, "tokens": 50_000})
    odd = [
        triplet(blank, "What is in the empty chunk?"),
        triplet(endless, "Which one has no end?"),
        triplet(CHUNKS[2], "lamp " * 20_000),
        triplet(CHUNKS[3], ""),
        conversation(CHUNKS[4], " \n"),
        triplet(CHUNKS[5], "\x00\u202e?"),
    ]
    about_those = {chunk.id for chunk in CHUNKS[:6]}
    usual = [one for one in FIRST if one.metadata["chunk_id"] not in about_those]
    summary = retrain([*usual, *odd], chunks=[blank, endless, *CHUNKS[2:]])
    assert summary.outcome == "promoted"
    assert summary.reasons["unused"]["the question is empty"] == 2
    assert summary.reasons["unused"]["its chunk is empty"] == 1


def test_no_memory_is_an_error_that_says_what_needs_less_and_the_run_goes_on(
    retrain: Any, served: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as poor:
        poor.setattr("training.fit.candidate.fine_tune", greedy)
        with pytest.raises(StateError, match=r"Memory ran out in the step 'fit'") as told:
            retrain()
    assert "training.fit.batch_size" in told.value.hint
    assert untouched(served)
    summary = retrain()
    assert (summary.outcome, summary.resumed) == ("promoted", True)


def test_a_loss_that_is_not_a_number_is_an_error(retrain: Any, served: Home) -> None:
    with pytest.raises(StateError, match="Training diverged"):
        retrain(learning_rate=1e30, epochs=6.0)
    assert untouched(served)
    (record,) = RunStore(served).list()
    assert (record.status, record.steps[-1].name, record.steps[-1].status) == ("failed", "fit", "failed")
    # With other settings the failed run is given up, and a new one is made.
    assert retrain().outcome == "promoted"
    assert RunStore(served).get(record.id).status == "abandoned"


def test_examples_about_one_text_only_are_too_few(retrain: Any) -> None:
    chunk = next(chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), 0.2))
    decisions = [
        triplet(chunk, query) for query in ("Where does it rain?", "Who won the cup?", "What is dear?")
    ]
    summary = retrain(decisions)
    assert (summary.outcome, summary.rung) == ("promoted", "index only")
    assert "all 3 examples are about the same text" in summary.why_not_higher
