"""What annotators left open, put to a reviewer: a dataset of its own with everybody's answers.

Each of its records asks one question about one record of the other datasets. What the reviewer submits there
counts for that question from the next reading on; when several do, their majority. It is asked again when
somebody changes an answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from curation.agreement.policies import most_said
from curation.argilla.api import Api, JsonObject
from curation.argilla.datasets import dataset_rows, make_dataset
from curation.argilla.schemas import SPECS, YES_OR_NO, FieldSpec, QuestionSpec
from curation.records.decision import Decision
from curation.records.identity import content_id
from curation.settings import ArgillaSettings
from curation.shown.records import inert

if TYPE_CHECKING:
    import argilla as rg

QUESTION = "verdict"
_GUIDELINES = """## What is right?

Annotators answered this question about one record differently. You see the record, the question, and what
each of them said. Your answer counts from the next reading on, whatever they said.

Submitted answers only. You can change your mind: submit again."""
_FIELDS = (
    FieldSpec("question", "The question that was answered differently"),
    FieldSpec("answers", "What they said"),
    FieldSpec("record", "The record"),
)
_QUESTION = QuestionSpec(QUESTION, "What is right?", "Your answer counts.", options=YES_OR_NO)
_HIDDEN = ("look_at",)  # of the record's fields

Words = Mapping[str, str]
"""What reviewers said, by the id of the record in their dataset."""


def unsettled_questions(decision: Decision) -> list[str]:
    """The yes/no questions that somebody answered and that are open."""
    asked = {vote.question for vote in decision.votes}
    return [name for name in SPECS[decision.dataset].judged if name in asked and name not in decision.values]


def push_adjudication(client: rg.Argilla, settings: ArgillaSettings, decisions: Iterable[Decision]) -> int:
    """Put what is open to the reviewers, and take back what is not any more and nobody has answered. Returns
    how many questions wait. Twice equals once. Raises ArgillaError."""
    wanted = {
        body["external_id"]: body
        for decision in decisions
        for question in unsettled_questions(decision)
        for body in [_record(decision, question)]
    }
    api = Api.of(client)
    dataset = find_adjudication(api, settings)
    if dataset is None:
        if not wanted:
            return 0
        one_word = settings.model_copy(update={"min_submitted": 1})
        made, _ = make_dataset(api, one_word, settings.adjudication, _GUIDELINES, (*_FIELDS, _QUESTION))
        dataset = str(made["id"])
    known = {
        str(record["external_id"]): record
        for page in api.records(dataset, include=["responses"])
        for record in page
    }
    api.upsert(dataset, [body for key, body in wanted.items() if key not in known])
    gone = [str(one["id"]) for key, one in known.items() if key not in wanted and not one.get("responses")]
    api.delete(dataset, gone)
    return len(wanted)


def read_words(api: Api, settings: ArgillaSettings) -> Words:
    """What reviewers submitted. Raises ArgillaError."""
    dataset = find_adjudication(api, settings)
    if dataset is None:
        return {}
    found: dict[str, str] = {}
    for record in (one for page in api.records(dataset, ["responses"]) for one in page):
        said = Counter(
            str(response["values"][QUESTION]["value"])
            for response in record.get("responses") or []
            if response["status"] == "submitted" and QUESTION in (response.get("values") or {})
        )
        if (word := most_said(said)) is not None:
            found[str(record["external_id"])] = word
    return found


def word_on(words: Words, decision: Decision, question: str) -> str | None:
    """The reviewer's word on a question, if it was about these answers."""
    return words.get(_identity(decision, question))


def _record(decision: Decision, question: str) -> JsonObject:
    spec = next(one for one in SPECS[decision.dataset].questions if one.name == question)
    said = [f"{vote.annotator}: {vote.value}" for vote in decision.votes if vote.question == question]
    titles = {field.name: field.title for field in SPECS[decision.dataset].fields}
    shown = [
        f"[ {titles.get(name, name)} ]\n{text}"
        for name, text in decision.fields.items()
        if text and name not in _HIDDEN
    ]
    return {
        "external_id": _identity(decision, question),
        "fields": {
            "question": inert(f"{spec.title} {spec.description}"),
            "answers": inert("\n".join(sorted(said))),
            "record": inert("\n\n".join(shown)),
        },
        "metadata": {
            "dataset": decision.dataset,
            "record_id": decision.record_id,
            "question": question,
        },
    }


def _identity(decision: Decision, question: str) -> str:
    """The id of what is asked about a record. Other answers to it are another question."""
    own = sorted(f"{vote.annotator_id} {vote.value}" for vote in decision.votes if vote.question == question)
    digest = content_id("open", *own)
    return content_id("adjudication", decision.dataset, decision.record_id, question, digest)


def find_adjudication(api: Api, settings: ArgillaSettings) -> str | None:
    """The id of the reviewers' dataset, if it is there."""
    ready = (row for row in dataset_rows(api, settings) if row["status"] == "ready")
    return next((str(row["id"]) for row in ready if row["name"] == settings.adjudication), None)
