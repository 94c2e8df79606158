"""retrain-answers: from what people said of answers to a release whose own language model the bot asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from clayloop.cli.language_models import answering_models
from clayloop.cli.retrain_answers import answering_context
from clayloop.context import Context
from clayloop.up.services import answers
from curation import Home, LanguageModelError, ReleaseError, SettingsError
from serving import ANSWERING_MODEL, AnsweringModels, ReleaseLoader, ReleaseStore
from tests.clayloop.command import Command
from tests.training.tasks.folders import label, record, write_folder
from tests.training.tasks.tiny_gguf import tiny_gguf
from training import retrain_answers

ANSWER = "Ask Ann."
QUESTIONS = [f"Why does pot {number} crack?" for number in range(24)]


@pytest.fixture
def clay(clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A release over a language model that knows nothing."""
    for name, value in {
        "CURATION__LANGUAGE_MODEL__GGUF": str(tiny_gguf(clayloop.home.parent / "tiny.gguf")),
        "CURATION__LANGUAGE_MODEL__THREADS": "1",
        "SERVING__BOT__ANSWERS": "model",
        "TRAINING__GATE__MIN_QUERIES": "5",
        "TRAINING__DEDUP__SEMANTIC_THRESHOLD": "1",
        "TRAINING__ANSWERING__EPOCHS": "12",
        "TRAINING__ANSWERING__LEARNING_RATE": "0.02",
    }.items():
        monkeypatch.setenv(f"CLAYLOOP_{name}", value)
    clayloop.well("ingest", str(pottery))
    clayloop.well("bootstrap")
    return clayloop


@pytest.fixture
def decided(tmp_path: Path) -> Path:
    """Answers that somebody called good, as Dataset.to_disk writes them."""
    records = [
        record(str(number), {"instruction": question, "generation": ANSWER}, quality=["good"])
        for number, question in enumerate(QUESTIONS)
    ]
    questions = [label("quality", "bad", "good")]
    return write_folder(tmp_path / "generations", ["instruction", "generation"], questions, records)


@pytest.mark.slow
def test_a_model_that_learned_what_people_accept_is_served(clay: Command, decided: Path) -> None:
    """Trained, merged, converted, judged, published; llama.cpp loads it; the loader swaps."""
    store = ReleaseStore(Home(clay.home))
    first = store.current()
    context = Context(None, clay.home)

    def retrain(dry: bool = False) -> Any:
        with ExitStack() as stack:
            return retrain_answers(answering_context(context, stack), [decided], dry=dry)

    counted = retrain(dry=True)
    assert counted.accepted_answers + counted.held_out_questions == len(QUESTIONS)
    made = retrain()
    assert made.served and made.evaluation is not None, made.verdict
    assert made.evaluation.after.overlap > 0.9 > made.evaluation.before.overlap
    release = store.verify(made.release)
    assert store.current_id() == release.id and release.parent == first.id
    assert release.answering is not None
    assert release.answering.trained_on["accepted answers"] == counted.accepted_answers
    shared = store.folder(release.id) / "model" / "model.safetensors"
    assert shared.samefile(store.folder(first.id) / "model" / "model.safetensors")

    again = retrain()
    assert again.verdict.startswith("Nothing new to learn") and again.release is None

    with ExitStack() as stack:
        models = answering_models(context, stack)
        load = ReleaseLoader(store, context.settings.serving, models)
        held = load(release.id)
        assert held.answering is not None
        assert ANSWER in held.answering.complete([{"role": "user", "content": "Why?"}], 24, 0.0)
        url = held.answering.base_url
        assert load(first.id).answering is None
        assert held.answering.complete([{"role": "user", "content": "Why?"}], 8, 0.0)  # as long as it is held
        del held
        assert not answers(url.removesuffix("/v1") + "/health"), (
            "it is stopped with the last one who holds it"
        )
        # What goes on from it carries its model; one that does not start is never served.
        pottery = clay.home.parent / "pottery"
        (pottery / "wheels.md").write_text("# Wheels\n\nA wheel turns by foot or by `potter wheel`.\n")
        clay.well("ingest", str(pottery))
        clay.well("reindex")
        carried = store.current()
        assert carried.answering == release.answering
        assert (store.folder(carried.id) / ANSWERING_MODEL).samefile(
            store.folder(release.id) / ANSWERING_MODEL
        )
        serving = context.settings.serving
        failing = AnsweringModels(_no_memory, context.settings.curation.language_model, serving.bot)
        with pytest.raises(ReleaseError, match="does not answer: no memory"):
            ReleaseLoader(store, serving, failing)(carried.id)


def _no_memory(gguf: Path) -> tuple[str, Callable[[], None]]:
    raise LanguageModelError("no memory")


def test_what_is_lacking_is_said_before_anything_is_trained(
    clay: Command, decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAYLOOP_TRAINING__GATE__MIN_QUERIES", "50")
    with ExitStack() as stack:
        lacking = retrain_answers(answering_context(Context(None, clay.home), stack), [decided])
    assert "50 are needed" in lacking.verdict and lacking.release is None
    monkeypatch.setenv("CLAYLOOP_CURATION__LANGUAGE_MODEL__GGUF", "")
    monkeypatch.setenv("CLAYLOOP_CURATION__LANGUAGE_MODEL__BASE_URL", "http://127.0.0.1:9/v1")
    with ExitStack() as stack, pytest.raises(SettingsError, match="no file of that model to train"):
        answering_context(Context(None, clay.home), stack).base()


def test_without_a_release_there_is_nothing_to_improve(clayloop: Command) -> None:
    ended = clayloop("retrain-answers")
    assert ended.code == 8 and "clayloop bootstrap" in " ".join(ended.err.split())
