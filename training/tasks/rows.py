"""What is read of an Argilla dataset: its schema, and a plain row for each record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from curation import SettingsError

QuestionType = Literal["label_selection", "multi_label_selection", "rating", "ranking", "span", "text"]
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)


@dataclass(frozen=True)
class Question:
    """A question of a dataset. ``options`` are its labels or ratings, as text, in their order; ``field`` is
    the one that a span question marks."""

    name: str
    type: QuestionType
    options: tuple[str, ...] = ()
    field: str = ""


@dataclass(frozen=True)
class Schema:
    """The fields (with their types) and questions of a dataset. A record is completed by ``min_submitted``
    responses."""

    dataset: str
    fields: Mapping[str, str]
    questions: Mapping[str, Question]
    min_submitted: int = 1

    def field(self, name: str) -> str:
        """``name``, if it is a text field. Raises SettingsError for what is none."""
        found = self.fields.get(name)
        if found is None:
            raise SettingsError(
                f"The dataset {self.dataset!r} has no field {name!r}.", f"Its fields: {_listed(self.fields)}."
            )
        if found != "text":
            raise SettingsError(
                f"The field {name!r} of {self.dataset!r} holds {found}, and this task reads text.",
                "Name a text field, or make the text with a formatting_func.",
            )
        return name

    def question(self, name: str, types: tuple[QuestionType, ...]) -> Question:
        """The question ``name``, if it is of one of ``types``. Raises SettingsError otherwise."""
        found = self.questions.get(name)
        if found is None:
            raise SettingsError(
                f"The dataset {self.dataset!r} has no question {name!r}.",
                f"Its questions: {_listed(self.questions)}.",
            )
        if found.type not in types:
            fitting = [one.name for one in self.questions.values() if one.type in types]
            raise SettingsError(
                f"The question {name!r} of {self.dataset!r} is of the type {found.type}; "
                f"this task learns from {' or '.join(types)}.",
                f"Questions that fit: {_listed(fitting)}. Or use a formatting_func.",
            )
        return found


@dataclass(frozen=True)
class Answer:
    """What one user (Argilla's id) submitted for one question.

    A ranking is a mapping from option to rank, 1 for the best; spans are a list of {"start", "end", "label"};
    a rating is a number; everything else is as Argilla has it.
    """

    user: str
    value: Any


class Unranked(Mapping[str, int]):
    """A ranking whose ranks are lost: Argilla's SDK drops them, and Argilla's page stores the options in the
    order in which the question has them. Whoever looks into it gets a SettingsError."""

    def __init__(self, question: str) -> None:
        self._question = question

    def __getitem__(self, option: str) -> int:
        raise self._error()

    def __iter__(self) -> Iterator[str]:
        raise self._error()

    def __len__(self) -> int:
        raise self._error()

    def _error(self) -> SettingsError:
        return SettingsError(
            f"Answers to the ranking {self._question!r} have no ranks: Argilla's SDK drops them, in its "
            "folders and in what dataset.records() yields.",
            "Give the dataset of a server, client.datasets(NAME), and choose records with filter_by.",
        )


@dataclass(frozen=True)
class Suggestion:
    """What was suggested as an answer."""

    value: Any
    score: Any = None
    agent: str | None = None
    type: str | None = None  # model or human; a folder does not say


@dataclass(frozen=True)
class Row:
    """A record with all submitted answers, by question.

    ``statuses`` are those of all its responses; None where they are not known (a folder has none).
    """

    id: str
    fields: Mapping[str, Any]
    answers: Mapping[str, tuple[Answer, ...]]
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    status: str | None = None
    server_id: str = ""
    statuses: frozenset[str] | None = None
    inserted_at: datetime | None = None
    updated_at: datetime | None = None

    def sample(self, schema: Schema) -> dict[str, Any]:
        """What a formatting_func gets: a value for each field, for each question a list of answers (with
        value, status and user-id) and its suggestion, as in Argilla 1; beside that id, status and metadata.
        """
        made: dict[str, Any] = {"id": self.id, "status": self.status, "metadata": dict(self.metadata)}
        made.update({name: self.fields.get(name) for name in schema.fields})
        for name in schema.questions:
            suggested = self.suggestions.get(name)
            made[name] = [
                {"value": one.value, "status": "submitted", "user-id": one.user}
                for one in self.answers.get(name, ())
            ]
            made[f"{name}-suggestion"] = suggested.value if suggested else None
            made[f"{name}-suggestion-metadata"] = {
                "agent": suggested.agent if suggested else None,
                "score": suggested.score if suggested else None,
                "type": suggested.type if suggested else None,
            }
        return made


def parse_schema(dataset: str, settings: Mapping[str, Any]) -> Schema:
    """The schema from an Argilla dataset's settings as JSON. Raises SettingsError for what is no such
    thing."""
    try:
        questions = [_question(one) for one in settings["questions"]]
        fields = {one["name"]: str(one["settings"]["type"]) for one in settings["fields"]}
        least = int((settings.get("distribution") or {}).get("min_submitted") or 1)
    except (KeyError, TypeError) as error:
        raise SettingsError(
            f"The settings of the dataset {dataset!r} cannot be read: {error!r}.",
            "They must be those of an Argilla 2 dataset, as Dataset.to_disk writes them.",
        ) from error
    return Schema(dataset, fields, {one.name: one for one in questions}, least)


def normalise_value(question: Question, value: Any) -> Any:
    """An answer in the form that ``Answer`` describes, from any of those that Argilla's API, its SDK and its
    folders use."""
    if question.type == "ranking" and isinstance(value, list):
        if not all(isinstance(one, Mapping) and one.get("rank") for one in value):
            return Unranked(question.name)
        return {str(one["value"]): one["rank"] for one in value}
    if question.type == "span" and isinstance(value, list):
        return [{"start": one["start"], "end": one["end"], "label": one["label"]} for one in value]
    return value


def _question(given: Mapping[str, Any]) -> Question:
    kind: QuestionType = given["settings"]["type"]
    if kind not in QUESTION_TYPES:
        raise TypeError(f"question {given['name']!r} has the unknown type {kind!r}")
    options = tuple(str(one["value"]) for one in given["settings"].get("options") or ())
    return Question(given["name"], kind, options, str(given["settings"].get("field") or ""))


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
