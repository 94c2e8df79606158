"""The shape of the datasets: fields, questions and metadata as others have them, and filters of our own.

Names of fields and questions are those of Hugging Face's Argilla chat-bot tutorial, so its datasets fit. What
language models wrote has those of distilabel's TextGenerationToArgilla and PreferenceToArgilla, which can
log to our datasets too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from curation.argilla.api import JsonObject
from curation.argilla.guidelines import CHUNKS, CONVERSATIONS, GENERATIONS, PREFERENCES, TRIPLETS
from curation.records.decision import BEST_SOURCE, CORRECTION, NO_SOURCE, OTHER_SOURCE, DatasetName
from curation.records.turn import MOST_OFFERED
from curation.settings import ArgillaSettings

YES = "yes"
NO = "no"
YES_OR_NO = ((YES, YES), (NO, NO))
HISTORY = "history"  # the field with what was said before a question
LOOK_AT = "look_at"  # the field that says what is worth a look
DatasetKind = Literal["chunks", "triplets", "conversations", "generations", "preferences"]
DATASETS: tuple[DatasetName, ...] = ("chunks", "triplets", "conversations")  # those that a retrain reads
COMPARED = 2  # answers to one question that annotators compare
RATINGS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class FieldSpec:
    """A text that annotators see, or the messages of a chat. The tutorial's datasets have no ``extra`` one,
    and can be used all the same."""

    name: str
    title: str
    markdown: bool = False
    required: bool = True
    extra: bool = False
    type: Literal["text", "chat"] = "text"
    place: ClassVar[str] = "fields"  # below a dataset, in Argilla's interface

    def payload(self) -> JsonObject:
        settings = {"type": self.type, "use_markdown": self.markdown}
        return {"name": self.name, "title": self.title, "required": self.required, "settings": settings}


@dataclass(frozen=True)
class QuestionSpec:
    """A question: one of ``options`` (value and shown text; yes or no by default), free text, or a rating
    from 1 to 5. ``extra`` as in FieldSpec."""

    name: str
    title: str
    description: str
    kind: Literal["label_selection", "text", "rating"] = "label_selection"
    required: bool = True
    options: tuple[tuple[str, str], ...] = YES_OR_NO
    extra: bool = False
    place: ClassVar[str] = "questions"

    @property
    def type(self) -> str:
        """Its type in Argilla, with the values that can be chosen."""
        if self.kind == "text":
            return self.kind
        if self.kind == "rating":
            return f"{self.kind} ({', '.join(map(str, RATINGS))})"
        return f"{self.kind} ({', '.join(sorted(value for value, _ in self.options))})"

    def payload(self) -> JsonObject:
        settings: JsonObject = {"type": self.kind, "use_markdown": False}
        if self.kind == "label_selection":
            options = [{"value": value, "text": text} for value, text in self.options]
            settings = {"type": self.kind, "options": options}
        if self.kind == "rating":
            settings = {"type": self.kind, "options": [{"value": value} for value in RATINGS]}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description or None,
            "required": self.required,
            "settings": settings,
        }


@dataclass(frozen=True)
class FilterSpec:
    """A metadata property, to filter and sort by. Argilla's menu cuts a longer ``title`` than "Still in the
    documentation".

    A number has both limits or none. Without any, Argilla's page offers the range of the records that are
    there; with one of the two its filter cannot be used. Argilla refuses a record beyond a limit, so a number
    that may grow with the documentation has none. What would tell annotators whose answer they judge is not
    ``for_annotators``.
    """

    name: str
    title: str
    kind: Literal["terms", "integer", "float"] = "terms"
    least: float | None = None
    most: float | None = None
    for_annotators: bool = True
    place: ClassVar[str] = "metadata-properties"

    def payload(self) -> JsonObject:
        settings: JsonObject = {"type": self.kind}
        if self.kind != "terms":
            settings |= {"min": self.least, "max": self.most}
        return {
            "name": self.name,
            "title": self.title,
            "settings": settings,
            "visible_for_annotators": self.for_annotators,
        }


@dataclass(frozen=True)
class DatasetSpec:
    """One dataset."""

    kind: DatasetKind
    guidelines: str
    fields: tuple[FieldSpec, ...]
    questions: tuple[QuestionSpec, ...]
    filters: tuple[FilterSpec, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the questions that have a value to choose."""
        return tuple(question.name for question in self.questions if question.kind == "label_selection")

    @property
    def judged(self) -> tuple[str, ...]:
        """Names of the questions with the answers yes and no."""
        return tuple(name for name in self.labels if name != BEST_SOURCE)


CURRENT = FilterSpec("current", "Still in the documentation")
ANSWER_STATE = FilterSpec("answer_state", "Correction: stale or not")
_LOOK_AT = FieldSpec(LOOK_AT, "Worth a look", required=False, extra=True)
PRIORITY = FilterSpec("priority", "Worth asking (0: not)", "float", 0, 1)
QUEUE = FilterSpec("queue", "Asked, or why not")
AREA = FilterSpec("area", "Area of an expert")
_ORDER = (PRIORITY, QUEUE, AREA)
ASKED = "asked"  # what is not in the queue says why not (curation.argilla.queue)
DECIDED_BY = "decided_by"  # metadata: the record that speaks for it
IN_QUEUE = (QUEUE.name, DECIDED_BY, AREA.name)
_SOURCE = FilterSpec("source", "Source")
_FOLDER = FilterSpec("folder", "Folder")

_CHUNKS = DatasetSpec(
    kind="chunks",
    guidelines=CHUNKS,
    fields=(
        FieldSpec("filename", "Where the chunk stands", markdown=True),
        _LOOK_AT,
        FieldSpec("chunk", "Chunk of the documentation", markdown=True),
    ),
    questions=(
        QuestionSpec(
            "good_chunk",
            "Does this chunk contain relevant information?",
            "Yes, if somebody's question could be answered from it. No, if the bot is better off without it.",
        ),
    ),
    filters=(
        *_ORDER,
        _SOURCE,
        _FOLDER,
        FilterSpec("section", "Top section"),
        FilterSpec("tokens", "Length in tokens", "integer"),
        FilterSpec("code_share", "Share of code (0 to 1)", "float", 0, 1),
        FilterSpec("duplicate", "Nearest chunk: similarity", "float", -1, 1),
        CURRENT,
    ),
)

_TRIPLETS = DatasetSpec(
    kind="triplets",
    guidelines=TRIPLETS,
    fields=(
        # The queries first: below a long anchor nobody would see them without scrolling.
        FieldSpec("positive", "Positive: a query that the anchor should answer"),
        FieldSpec(
            "negative", "Negative: a query in similar words that the anchor should not answer", required=False
        ),
        _LOOK_AT,
        FieldSpec("anchor", "Anchor: a chunk of the documentation", markdown=True),
    ),
    questions=(
        QuestionSpec(
            "is_positive_relevant", "Is the positive query relevant?", "Yes, if the anchor answers it."
        ),
        QuestionSpec(
            "is_negative_irrelevant",
            "Is the negative query irrelevant?",
            "Yes, if the anchor does not answer it, or if no negative is shown.",
            options=((YES, "yes, it is not answered here"), (NO, "no, it is answered too")),
        ),
    ),
    filters=(
        *_ORDER,
        FilterSpec("origin", "Positive: origin"),
        FilterSpec("style", "Positive: style"),
        _SOURCE,
        _FOLDER,
        FilterSpec("similarity", "Positive: similarity", "float", -1, 1),
        FilterSpec("rank", "Positive: place in search", "integer"),
        FilterSpec("negative_similarity", "Negative: similarity", "float", -1, 1),
        FilterSpec("chunk_id", "Chunk"),
        FilterSpec("model", "Positive: language model"),
        CURRENT,
    ),
)

_CONVERSATIONS = DatasetSpec(
    kind="conversations",
    guidelines=CONVERSATIONS,
    fields=(
        FieldSpec(HISTORY, "What was said before", markdown=True, required=False, extra=True, type="chat"),
        FieldSpec("instruction", "What the person asked", markdown=True),
        _LOOK_AT,
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
            extra=True,
        ),
        QuestionSpec(
            OTHER_SOURCE,
            "Where is the answer, if none of these?",
            "The page's address, its path, or a heading; or a path, a comma and a heading. May stay empty.",
            kind="text",
            required=False,
            extra=True,
        ),
        QuestionSpec(
            CORRECTION,
            "What should the answer have been?",
            "If the answer is wrong: the right one, as the bot should give it. May stay empty.",
            kind="text",
            required=False,
            extra=True,
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
        *_ORDER,
        FilterSpec("conv_id", "Conversation"),
        FilterSpec("turn", "Turn in the conversation", "integer"),
        FilterSpec("release", "Release that answered"),
        FilterSpec("refused", "The bot did not know"),
        FilterSpec("score", "Best source: similarity", "float", -1, 1),
        FilterSpec("sources", "Number of sources", "integer"),
        FilterSpec("chunk_id", "Best source: chunk"),
        FilterSpec("thumb", "Visitor's thumb"),
        FilterSpec("preferred", "Visitor preferred release"),
        FilterSpec("seconds", "Seconds to the answer", "float"),
        FilterSpec("day", "Day (UTC)"),
        ANSWER_STATE,
    ),
)

# distilabel's fields and questions, and one field more: without it nobody could tell what is right.
_ASKED = (FieldSpec("id", "id"), FieldSpec("instruction", "instruction"))
_READ = FieldSpec("sources", "What the answer was to be found in", required=False)


def generation(number: int) -> str:
    """The name of a field with one of the answers that are compared, from 0."""
    return f"generations-{number}"


_GENERATIONS = DatasetSpec(
    kind="generations",
    guidelines=GENERATIONS,
    fields=(*_ASKED, FieldSpec("generation", "generation"), _READ),
    questions=(
        QuestionSpec(
            "quality",
            "What's the quality of the generation for the given instruction?",
            "Good, if the bot should say exactly this.",
            options=(("bad", "👎"), ("good", "👍")),
        ),
    ),
    filters=(
        FilterSpec("release", "Release", for_annotators=False),
        FilterSpec("model", "Language model", for_annotators=False),
        FilterSpec("prompt", "Prompt", for_annotators=False),
    ),
)


def _rated(number: int) -> tuple[QuestionSpec, QuestionSpec]:
    name, is_first = generation(number), number == 0
    told = "" if is_first else f"Ignore this question if the corresponding `{name}` field is not available."
    return (
        QuestionSpec(f"{name}-rating", f"Rate {name} given instruction.", told, "rating", required=is_first),
        QuestionSpec(
            f"{name}-rationale", f"Specify the rationale for {name}'s rating.", told, "text", required=False
        ),
    )


_PREFERENCES = DatasetSpec(
    kind="preferences",
    guidelines=PREFERENCES,
    fields=(
        *_ASKED,
        *(FieldSpec(generation(at), generation(at), required=at == 0) for at in range(COMPARED)),
        _READ,
    ),
    questions=tuple(question for at in range(COMPARED) for question in _rated(at)),
    filters=tuple(
        FilterSpec(f"{part}-{at}", f"{part.capitalize()} of {generation(at)}", for_annotators=False)
        for at in range(COMPARED)
        for part in ("release", "model", "prompt")
    ),
)

SPECS: dict[DatasetKind, DatasetSpec] = {
    spec.kind: spec for spec in (_CHUNKS, _TRIPLETS, _CONVERSATIONS, _GENERATIONS, _PREFERENCES)
}


def label_questions() -> tuple[str, ...]:
    """The names of all questions that a retrain reads and that have a value to choose."""
    return tuple(name for kind in DATASETS for name in SPECS[kind].labels)


def dataset_name(settings: ArgillaSettings, kind: DatasetKind) -> str:
    """What the dataset is called in this Argilla."""
    return str(getattr(settings, kind))
