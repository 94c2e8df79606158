"""What is learned from a dataset: which fields and questions, or a function that makes the examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation import SettingsError
from training.tasks.rows import Question, QuestionType, Schema
from training.tasks.shapes import SENTENCES, WANTED, FormattingFunc, TaskKind
from training.tasks.unify import check_strategy

# The types of question that a task without a formatting_func can learn from.
LEARNS_FROM: Mapping[TaskKind, tuple[QuestionType, ...]] = {
    "text_classification": ("label_selection", "multi_label_selection", "rating", "ranking"),
    "token_classification": ("span",),
    "question_answering": ("text", "span"),
    "sentence_similarity": ("label_selection", "rating", "ranking"),
    "text2text": ("text",),
}


@dataclass(frozen=True)
class TrainingTask:
    """Made by one of the ``for_*`` methods: either from fields and a question (names, or what
    ``dataset.settings`` has under them) or from a ``formatting_func``.

    ``texts`` maps the columns of an example to fields, ``label`` is the name of the question, ``column`` the
    column that it fills.
    """

    kind: TaskKind
    texts: Mapping[str, str] = field(default_factory=dict)
    label: str | None = None
    column: str = ""
    strategy: str | None = None
    formatting_func: FormattingFunc | None = None

    @classmethod
    def for_text_classification(
        cls,
        text: Any = None,
        label: Any = None,
        label_strategy: str | None = None,
        formatting_func: FormattingFunc | None = None,
    ) -> TrainingTask:
        """A label for a text, or several. ``formatting_func`` returns (text, label or list of labels)."""
        return cls._made(
            "text_classification", {"text": text}, ("label", label), label_strategy, formatting_func
        )

    @classmethod
    def for_token_classification(
        cls,
        text: Any = None,
        spans: Any = None,
        spans_strategy: str | None = None,
        formatting_func: FormattingFunc | None = None,
    ) -> TrainingTask:
        """Labelled spans of a text, from a span question; ``text`` is by default the field that it marks.

        ``formatting_func`` returns (text, [{"start", "end", "label"}, …]).
        """
        if formatting_func is None and text is None and spans is not None:
            text = _AS_MARKED
        return cls._made(
            "token_classification", {"text": text}, ("spans", spans), spans_strategy, formatting_func
        )

    @classmethod
    def for_question_answering(
        cls,
        question: Any = None,
        context: Any = None,
        answer: Any = None,
        answer_strategy: str | None = None,
        formatting_func: FormattingFunc | None = None,
    ) -> TrainingTask:
        """The part of a context that answers a question. ``answer`` is a text question (the answer must stand
        in the context) or a span question; ``formatting_func`` returns (question, context, answer)."""
        texts = {"question": question, "context": context}
        return cls._made("question_answering", texts, ("answer", answer), answer_strategy, formatting_func)

    @classmethod
    def for_text2text(
        cls,
        text: Any = None,
        target: Any = None,
        target_strategy: str | None = None,
        formatting_func: FormattingFunc | None = None,
    ) -> TrainingTask:
        """A text from a text. ``target`` is a text question; ``formatting_func`` returns (text, target)."""
        return cls._made("text2text", {"text": text}, ("target", target), target_strategy, formatting_func)

    @classmethod
    def for_sentence_similarity(
        cls,
        texts: Sequence[Any] | None = None,
        label: Any = None,
        label_strategy: str | None = None,
        formatting_func: FormattingFunc | None = None,
    ) -> TrainingTask:
        """Two fields that say the same (or how much they do, by a label), three (the third one does not), or
        one with a class. ``formatting_func`` returns a mapping of sentence-1 to sentence-3 and label."""
        named = list(texts or ())
        if formatting_func is None and (not 1 <= len(named) <= 3 or len(named) + (label is not None) < 2):
            raise SettingsError(
                f"Sentence similarity needs two or three fields, or one and a label; "
                f"{len(named)} {'field was' if len(named) == 1 else 'fields were'} given.",
                'For example texts=["premise", "hypothesis"], label="similarity".',
            )
        if len(named) == 3 and label is not None:
            raise SettingsError("Three sentences have no label.", "Leave out the label or the third field.")
        columns = dict(zip(SENTENCES, named, strict=False))
        return cls._made("sentence_similarity", columns, ("label", label), label_strategy, formatting_func)

    @classmethod
    def for_supervised_fine_tuning(cls, formatting_func: FormattingFunc) -> TrainingTask:
        """``formatting_func`` returns a text."""
        return cls("supervised_fine_tuning", formatting_func=_function(formatting_func))

    @classmethod
    def for_reward_modeling(cls, formatting_func: FormattingFunc) -> TrainingTask:
        """``formatting_func`` returns (chosen, rejected)."""
        return cls("reward_modeling", formatting_func=_function(formatting_func))

    @classmethod
    def for_proximal_policy_optimization(cls, formatting_func: FormattingFunc) -> TrainingTask:
        """``formatting_func`` returns a prompt."""
        return cls("proximal_policy_optimization", formatting_func=_function(formatting_func))

    @classmethod
    def for_direct_preference_optimization(cls, formatting_func: FormattingFunc) -> TrainingTask:
        """``formatting_func`` returns (prompt, chosen, rejected)."""
        return cls("direct_preference_optimization", formatting_func=_function(formatting_func))

    @classmethod
    def for_chat_completion(cls, formatting_func: FormattingFunc) -> TrainingTask:
        """``formatting_func`` returns [(chat, turn, role, content), …]."""
        return cls("chat_completion", formatting_func=_function(formatting_func))

    def checked(self, schema: Schema) -> TrainingTask:
        """This task with its names and its strategy checked against a dataset. Raises SettingsError."""
        if self.formatting_func is not None:
            return self
        texts = dict(self.texts)
        strategy = self.strategy
        if (question := self.question(schema)) is not None:
            strategy = check_strategy(question, strategy)
            if question.type == "span":
                texts = _on_marked(self, texts, question)
        elif strategy is not None:
            raise SettingsError(f"The strategy {strategy!r} has no question to unify.", "Name a label.")
        for name in texts.values():
            schema.field(name)
        return TrainingTask(self.kind, texts, self.label, self.column, strategy)

    def question(self, schema: Schema) -> Question | None:
        """The question that is learned, if it is one. Raises SettingsError where it does not fit."""
        return None if self.label is None else schema.question(self.label, LEARNS_FROM[self.kind])

    @classmethod
    def _made(
        cls,
        kind: TaskKind,
        texts: Mapping[str, Any],
        label: tuple[str, Any],
        strategy: str | None,
        formatting_func: FormattingFunc | None,
    ) -> TrainingTask:
        column, question = label
        given = [name for name, value in {**texts, column: question}.items() if value is not None]
        if formatting_func is not None:
            if strategy is not None:
                given.append("a strategy")
            if given:
                raise SettingsError(
                    f"Both a formatting_func and {', '.join(given)} were given.",
                    "Give one or the other: a formatting_func unifies itself.",
                )
            return cls(kind, formatting_func=_function(formatting_func))
        missing = [name for name, value in texts.items() if value is None]
        if question is None and kind != "sentence_similarity":
            missing.append(column)
        if missing:
            raise SettingsError(
                f"{kind} lacks {' and '.join(missing)}.",
                f"Name a field or question for it (dataset.settings.fields[…] is None where there is none of "
                f"that name), or give a formatting_func that returns {WANTED[kind]}.",
            )
        names = {name: _name(value) for name, value in texts.items()}
        return cls(kind, names, None if question is None else _name(question), column, strategy)


_AS_MARKED = "\0"  # the field that the span question marks


def _on_marked(task: TrainingTask, texts: dict[str, str], question: Question) -> dict[str, str]:
    """The texts, where a span question must mark the one that it is about. Raises SettingsError."""
    column = "context" if task.kind == "question_answering" else "text"
    if texts[column] == _AS_MARKED:
        texts[column] = question.field
    if texts[column] != question.field:
        raise SettingsError(
            f"The question {question.name!r} marks spans of the field {question.field!r}, not of "
            f"{texts[column]!r}.",
            f"Give {column}={question.field!r}.",
        )
    return texts


def _name(given: Any) -> str:
    """The name of a field or question, or of what ``dataset.settings`` has for it."""
    name = given if isinstance(given, str) else getattr(given, "name", None)
    if not isinstance(name, str) or not name:
        raise SettingsError(
            f"{given!r} names no field or question.",
            'Give its name, or dataset.settings.fields["NAME"] or dataset.settings.questions["NAME"].',
        )
    return name


def _function(given: Any) -> FormattingFunc:
    if not callable(given):
        raise SettingsError(
            f"formatting_func is {given!r} and cannot be called.", "Give a function that takes a record."
        )
    function: FormattingFunc = given
    return function
