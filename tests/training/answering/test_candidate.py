"""A better language model, from judgements to the release that is served. Stand-in: the models are endpoints
that answer by heart; retrain-answers with a real one is in tests/clayloop/test_retrain_answers_command.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation import BusyError, Home, LanguageModel, LanguageModelSettings, Lease
from serving import ReleaseStore
from tests.curation.fake_endpoint import fake_endpoint, says
from tests.training import rounds
from tests.training.material import make_chunks, serving, settings
from tests.training.tasks.folders import label, record, write_folder
from training.answering.candidate import AnsweringContext, AnsweringSummary, retrain_answers

ANSWERS = {
    f"How does {chunk.section[-1].lower()} go?": chunk.text.split("\n\n")[1] for chunk in make_chunks()
}


@pytest.fixture
def served_home(first_home: Home, tmp_path: Path) -> Home:
    return rounds.copied(first_home, tmp_path / "served")


@pytest.fixture
def decided(tmp_path: Path) -> Path:
    records = [
        record(question, {"instruction": question, "generation": answer}, quality=["good"])
        for question, answer in ANSWERS.items()
    ]
    questions = [label("quality", "bad", "good")]
    return write_folder(tmp_path / "generations", ["instruction", "generation"], questions, records)


def retrained(home: Home, decided: Path, asked: Callable[[], object]) -> AnsweringSummary:
    """A candidate that knows all accepted answers, against a model that knows nothing."""

    def by_heart(prompt: str) -> str:
        asked()
        found = (answer for question, answer in ANSWERS.items() if question in prompt)
        return next(found, "The documentation does not say.")

    with fake_endpoint(says("I do not know.")) as served, fake_endpoint(says(by_heart)) as better:
        addresses = {"": served.base_url, "better": better.base_url}

        def model(name: str) -> LanguageModel:
            return LanguageModel(LanguageModelSettings(base_url=addresses[name], few_shot=False))

        context = AnsweringContext(home, settings(), serving(), model, lambda: Path("no file"))
        return retrain_answers(context, [decided], candidate="better")


def test_a_better_model_is_served(served_home: Home, decided: Path) -> None:
    before = ReleaseStore(served_home).current_id()
    made = retrained(served_home, decided, lambda: None)
    assert made.served, made.verdict
    assert made.evaluation is not None
    # The accepted answers are sentences of the passages: the chat marks them without any model.
    assert made.evaluation.marked == 1.0 and not made.evaluation.beats_passages
    assert {one.marked for one in made.evaluation.asked} <= set(ANSWERS.values())
    now = ReleaseStore(served_home).current()
    assert (now.id, now.parent) == (made.release, before)


def test_who_stalled_while_it_judged_promotes_nothing(served_home: Home, decided: Path) -> None:
    store, folder = ReleaseStore(served_home), served_home.releases / ".retraining"
    before, others = store.current_id(), list[Lease]()

    def fall_silent(*_: Any) -> None:
        if not others:
            for sign in folder.glob("[0-9]"):
                os.utime(sign, (0, 0))
            others.append(Lease(folder, 60, machine="another machine").__enter__())

    try:
        with pytest.raises(BusyError, match="has taken over"):
            retrained(served_home, decided, fall_silent)
    finally:
        others[0].__exit__(None, None, None)
    assert store.current_id() == before
    assert not (served_home.answering / "evaluation.json").exists(), "the next start judges it again"
