"""What language models answered arrives in distilabel's shape, once, and does nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings as hypothesis_settings, strategies as st

from curation.argilla.api import JsonObject
from curation.argilla.asked import read_questions
from curation.argilla.generations import log_generations
from curation.argilla.schemas import DatasetKind
from curation.errors import StateError
from curation.records.generation import AnsweredQuestion, GeneratedAnswer, Judgement
from tests.argilla_lite.server import NO_SUGGESTIONS, only_argilla_lite
from tests.curation.argilla.sample import Person, Workspace, history, make_turn


def generated(text: str, by: str = "a", question: str = "How do I install <it>?") -> GeneratedAnswer:
    return GeneratedAnswer(
        question=question,
        answer=text,
        messages=({"role": "user", "content": f"Documentation:\n{question}"},),
        sources=("Installing\n\nRun pip & <b>wait</b>.",),
        release="r0001-00000000",
        model=f"model-{by}",
        prompt="0" * 12,
    )


def respond(person: Person, record: JsonObject, values: dict[str, Any]) -> None:
    said = {question: {"value": value} for question, value in values.items()}
    person.api.respond([{"record_id": record["id"], "status": "submitted", "values": said}])


@hypothesis_settings(deadline=None)
@given(st.permutations([generated(text, text) for text in "abc"]))
def test_the_place_of_an_answer_says_nothing_about_who_wrote_it(answers: list[GeneratedAnswer]) -> None:
    found = AnsweredQuestion(answers=tuple(answers)).different
    assert found == AnsweredQuestion(answers=tuple(reversed(answers))).different
    assert {one.answer for one in found} == set("abc")


@pytest.mark.argilla
def test_twice_is_once_and_nothing_is_run(workspace: Workspace) -> None:
    answered = [
        AnsweredQuestion(answers=(generated("Run <img src=x> pip.", "a"), generated("Read it.", "b"))),
        AnsweredQuestion(answers=(generated("Same.", "a", "Why?"), generated("Same.", "b", "Why?"))),
    ]
    first = log_generations(workspace.client, workspace.settings, answered)
    assert [(done.dataset, done.added) for done in first] == [("generations", 3), ("preferences", 1)]
    swapped = [one.model_copy(update={"answers": one.answers[::-1]}) for one in answered]
    again = log_generations(workspace.client, workspace.settings, [swapped[0], answered[1]])
    assert [(done.added, done.updated, done.unchanged) for done in again] == [(0, 0, 3), (0, 0, 1)]

    [pair] = workspace.rows("preferences")
    question = answered[0].question
    assert pair["fields"]["id"] == hashlib.sha256(question.encode()).hexdigest()
    assert pair["fields"]["instruction"] == "How do I install &lt;it>?"
    texts = {pair["fields"]["generations-0"], pair["fields"]["generations-1"]}
    assert texts == {"Run &lt;img src=x> pip.", "Read it."}
    assert pair["fields"]["sources"] == "Installing\n\nRun pip &amp; &lt;b>wait&lt;/b>."
    place = 0 if pair["fields"]["generations-0"] == "Read it." else 1
    assert pair["metadata"][f"model-{place}"] == "model-b"
    assert json.loads(pair["metadata"][f"messages-{place}"]) == list(answered[0].answers[1].messages)
    assert pair["suggestions"] == []


@pytest.mark.argilla
@only_argilla_lite(NO_SUGGESTIONS)
def test_what_a_judge_says_is_suggested_and_answers_stay(workspace: Workspace) -> None:
    answered = AnsweredQuestion(answers=(generated("Good.", "a"), generated("Bad.", "b")))
    log_generations(workspace.client, workspace.settings, [answered])
    said = (Judgement(rating=5, rationale="It is right."), None)
    judged = answered.model_copy(update={"judge": "big/model", "judgements": said})
    for added in (1, 0):
        assert log_generations(workspace.client, workspace.settings, [judged])[1].updated == added
    [pair] = workspace.rows("preferences")
    respond(workspace.hire("generations-ann"), pair, {f"generations-{at}-rating": 4 for at in (0, 1)})
    assert log_generations(workspace.client, workspace.settings, [answered])[1].updated == 0, (
        "somebody has answered"
    )
    [pair] = workspace.rows("preferences")
    questions = workspace.dataset("preferences").questions
    names = {key: name for name, key in questions.items()}
    place = 0 if pair["fields"]["generations-0"] == "Good." else 1
    assert {names[one["question_id"]]: one["value"] for one in pair["suggestions"]} == {
        f"generations-{place}-rating": 5,
        f"generations-{place}-rationale": "It is right.",
    }
    assert {one["agent"] for one in pair["suggestions"]} == {"clayloop-judge:v1/big/model"}
    assert pair["responses"][0]["values"]["generations-0-rating"]["value"] == 4


@pytest.mark.argilla
def test_the_shape_is_distilabels(workspace: Workspace) -> None:
    """Its own steps make the datasets beside ours, and log to ours."""
    from distilabel.steps import PreferenceToArgilla, TextGenerationToArgilla

    log_generations(
        workspace.client,
        workspace.settings,
        [AnsweredQuestion(answers=(generated("One.", "a"), generated("Two.", "b")))],
    )
    row: dict[str, Any] = {"instruction": "Why?", "generation": "Because.", "generations": ["One.", "Two."]}
    steps: list[tuple[DatasetKind, Any, dict[str, int]]] = [
        ("generations", TextGenerationToArgilla, {}),
        ("preferences", PreferenceToArgilla, {"num_generations": 2}),
    ]
    for kind, step, options in steps:
        name = getattr(workspace.settings, kind)
        for dataset in (f"{name}-distilabel", name):
            made = step(
                name="to-argilla",
                dataset_name=dataset,
                dataset_workspace=workspace.settings.workspace,
                api_url=workspace.settings.url,
                api_key=workspace.settings.api_key.get_secret_value(),
                **options,
            )
            made.load()
            next(made.process([{**row, "ratings": [5, 1], "rationales": ["Yes.", "No."]}]))
        theirs = workspace.client.datasets(f"{name}-distilabel", workspace=workspace.settings.workspace)
        ours = workspace.client.datasets(name, workspace=workspace.settings.workspace)
        assert theirs is not None and ours is not None
        questions = [_shape(one) for one in theirs.settings.questions]
        assert [_shape(one) for one in ours.settings.questions] == questions
        fields = [(one.name, one.required) for one in theirs.settings.fields]
        assert [(one.name, one.required) for one in ours.settings.fields] == [*fields, ("sources", False)]
        assert len(workspace.rows(kind)) == (2 if kind == "preferences" else 3)
        theirs.delete()


def _shape(question: Any) -> dict[str, Any]:
    """All that an annotator sees of a question but its description."""
    made: dict[str, Any] = question.serialize()
    return {
        "name": made["name"],
        "title": made["title"],
        "required": made["required"],
        "options": made["settings"].get("options"),
        "type": made["settings"]["type"],
    }


@pytest.mark.argilla
def test_questions_are_read_once_without_what_cannot_be_asked_again(workspace: Workspace) -> None:
    with pytest.raises(StateError, match="Nobody has asked the bot anything yet"):
        read_questions(workspace.client, workspace.settings)
    asked = [
        make_turn("How do I install it?", "So.", conversation="1"),
        make_turn("Tell me a secret", "So.", conversation="2"),
        make_turn("Why?", "So.", conversation="3"),
        make_turn("and on  Windows?", "So.", conversation="3", turn=1, history=history("Why?", "So.")),
        make_turn("HOW do I install it?", "So.", conversation="4"),
    ]
    workspace.log(asked, vectors=False)
    annotator = workspace.hire("asked-ann")
    improper = next(row for row in workspace.rows("conversations") if row["external_id"] == asked[1].id)
    respond(annotator, improper, {"is_response_correct": "no", "out_of_guardrails": "yes"})
    found = read_questions(workspace.client, workspace.settings)
    assert found.questions == ("HOW do I install it?", "Why?")
    assert (found.follow_ups, found.out_of_bounds) == (1, 1)
