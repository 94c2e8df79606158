"""The shape of the three datasets: the tutorial's fields, questions and metadata, and filters of our own.

Names of fields and questions are those of Hugging Face's Argilla chat-bot tutorial, so its datasets fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from curation.argilla.api import JsonObject
from curation.argilla.guidelines import CHUNKS, CONVERSATIONS, TRIPLETS
from curation.records.decision import BEST_SOURCE, CORRECTION, NO_SOURCE, OTHER_SOURCE, DatasetName
from curation.records.turn import MOST_OFFERED
from curation.settings import ArgillaSettings

YES = "yes"
NO = "no"
DATASETS: tuple[DatasetName, ...] = ("chunks", "triplets", "conversations")


@dataclass(frozen=True)
class FieldSpec:
    """A text that annotators see."""

    name: str
    title: str
    markdown: bool = False
    required: bool = True

    def payload(self) -> JsonObject:
        settings = {"type": "text", "use_markdown": self.markdown}
        return {"name": self.name, "title": self.title, "required": self.required, "settings": settings}


@dataclass(frozen=True)
class QuestionSpec:
    """A question: one of ``options`` (value and shown text; yes or no by default), or free text.

    A dataset that was published without a ``newer`` question still counts as ours.
    """

    name: str
    title: str
    description: str
    kind: Literal["label_selection", "text"] = "label_selection"
    required: bool = True
    options: tuple[tuple[str, str], ...] = ((YES, YES), (NO, NO))
    newer: bool = False

    @property
    def type(self) -> str:
        """Its type in Argilla, with the values that can be chosen."""
        if self.kind == "text":
            return self.kind
        return f"{self.kind} ({', '.join(sorted(value for value, _ in self.options))})"

    def payload(self) -> JsonObject:
        settings: JsonObject = {"type": self.kind, "use_markdown": False}
        if self.kind == "label_selection":
            options = [{"value": value, "text": text} for value, text in self.options]
            settings = {"type": self.kind, "options": options}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "required": self.required,
            "settings": settings,
        }


@dataclass(frozen=True)
class FilterSpec:
    """A metadata property, to filter and sort by.

    A number has both limits or none. Without any, Argilla's page offers the range of the records that are
    there; with one of the two its filter cannot be used. Argilla refuses a record beyond a limit, so a number
    that may grow with the documentation has none.
    """

    name: str
    title: str
    kind: Literal["terms", "integer", "float"] = "terms"
    least: float | None = None
    most: float | None = None

    def payload(self) -> JsonObject:
        settings: JsonObject = {"type": self.kind}
        if self.kind != "terms":
            settings |= {"min": self.least, "max": self.most}
        return {"name": self.name, "title": self.title, "settings": settings, "visible_for_annotators": True}


@dataclass(frozen=True)
class DatasetSpec:
    """One dataset."""

    kind: DatasetName
    guidelines: str
    fields: tuple[FieldSpec, ...]
    questions: tuple[QuestionSpec, ...]
    filters: tuple[FilterSpec, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the questions that have a value to choose."""
        return tuple(question.name for question in self.questions if question.kind == "label_selection")


CURRENT = FilterSpec("current", "Still in the documentation (yes/no)")
ANSWER_STATE = FilterSpec("answer_state", "Correction (stale: the documentation has changed since)")
_SOURCE = FilterSpec("source", "Source")
_FOLDER = FilterSpec("folder", "Folder")

_CHUNKS = DatasetSpec(
    kind="chunks",
    guidelines=CHUNKS,
    fields=(
        FieldSpec("filename", "Where the chunk stands", markdown=True),
        FieldSpec("chunk", "Chunk of the documentation"),
    ),
    questions=(
        QuestionSpec(
            "good_chunk",
            "Does this chunk contain relevant information?",
            "Yes, if somebody's question could be answered from it. No, if the bot is better off without it.",
        ),
    ),
    filters=(
        _SOURCE,
        _FOLDER,
        FilterSpec("section", "Top section"),
        FilterSpec("tokens", "Length in tokens", "integer"),
        FilterSpec("code_share", "Share of code (0 to 1)", "float", 0, 1),
        FilterSpec("duplicate", "Similarity to the most similar other chunk", "float", -1, 1),
        CURRENT,
    ),
)

_TRIPLETS = DatasetSpec(
    kind="triplets",
    guidelines=TRIPLETS,
    fields=(
        FieldSpec("anchor", "Anchor: a chunk of the documentation"),
        FieldSpec("positive", "Positive: a query that the anchor should answer"),
        FieldSpec(
            "negative", "Negative: a query in similar words that the anchor should not answer", required=False
        ),
    ),
    questions=(
        QuestionSpec(
            "is_positive_relevant", "Is the positive query relevant?", "Yes, if the anchor answers it."
        ),
        QuestionSpec(
            "is_negative_irrelevant",
            "Is the negative query irrelevant?",
            "Yes, if the anchor does not answer it, or if no negative is shown.",
        ),
    ),
    filters=(
        FilterSpec("origin", "How the positive came about"),
        _SOURCE,
        _FOLDER,
        FilterSpec("similarity", "Similarity of positive and anchor", "float", -1, 1),
        FilterSpec("rank", "Place of the anchor in a search for the positive", "integer"),
        FilterSpec("negative_similarity", "Similarity of negative and anchor", "float", -1, 1),
        FilterSpec("chunk_id", "Chunk"),
        FilterSpec("model", "Language model that wrote the query"),
        CURRENT,
    ),
)

_CONVERSATIONS = DatasetSpec(
    kind="conversations",
    guidelines=CONVERSATIONS,
    fields=(
        FieldSpec("instruction", "What the person asked", markdown=True),
        FieldSpec("response", "What the bot answered", markdown=True),
    ),
    questions=(
        QuestionSpec(
            "is_response_correct",
            "Is the response correct?",
            "Yes, if it answers the question and its sources support it, or if it rightly says that it does "
            "not know.",
        ),
        QuestionSpec(
            "out_of_guardrails",
            "Did the model answer something out of the ordinary?",
            "Yes, if the answer leaves the documentation's subject, follows instructions hidden in the "
            "question or the documents, or is improper.",
        ),
        QuestionSpec(
            BEST_SOURCE,
            "Which source answers the question?",
            "The number of the passage that answers it best, whatever the bot made of it. This is what a "
            "wrong answer can teach. May stay empty.",
            required=False,
            # More than nine: after the key 1 Argilla's page waits 0.3 s for a second digit. As released, an
            # Enter within that time submits without the source (argilla_lite.web_page mends that).
            options=(
                *((str(number), f"source {number}") for number in range(1, MOST_OFFERED + 1)),
                (NO_SOURCE, NO_SOURCE),
            ),
            newer=True,
        ),
        QuestionSpec(
            OTHER_SOURCE,
            "Where is the answer, if none of these?",
            "The page's address, its path, or a heading; or a path, a comma and a heading. May stay empty.",
            kind="text",
            required=False,
            newer=True,
        ),
        QuestionSpec(
            CORRECTION,
            "What should the answer have been?",
            "If the answer is wrong: the right one, as the bot should give it. May stay empty.",
            kind="text",
            required=False,
            newer=True,
        ),
        QuestionSpec(
            "feedback",
            "Anything else?",
            "What else would help to mend it. May stay empty.",
            kind="text",
            required=False,
        ),
    ),
    filters=(
        FilterSpec("conv_id", "Conversation"),
        FilterSpec("turn", "Turn in the conversation", "integer"),
        FilterSpec("release", "Release that answered"),
        FilterSpec("refused", "The bot said that it does not know (yes/no)"),
        FilterSpec("score", "Similarity of the best source", "float", -1, 1),
        FilterSpec("sources", "Number of sources", "integer"),
        FilterSpec("chunk_id", "Best source's chunk"),
        FilterSpec("thumb", "The visitor's thumb (up/down)"),
        FilterSpec("seconds", "Seconds that the answer took", "float"),
        FilterSpec("day", "Day (UTC)"),
        ANSWER_STATE,
    ),
)

SPECS: dict[DatasetName, DatasetSpec] = {spec.kind: spec for spec in (_CHUNKS, _TRIPLETS, _CONVERSATIONS)}


def dataset_name(settings: ArgillaSettings, kind: DatasetName) -> str:
    """What the dataset is called in this Argilla."""
    name: str = getattr(settings, kind)
    return name
