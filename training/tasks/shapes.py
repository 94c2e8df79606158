"""What a formatting_func may return for each task, checked and brought into one form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args

from curation import SettingsError

TaskKind = Literal[
    "text_classification",
    "token_classification",
    "question_answering",
    "sentence_similarity",
    "text2text",
    "supervised_fine_tuning",
    "reward_modeling",
    "proximal_policy_optimization",
    "direct_preference_optimization",
    "chat_completion",
]
TASKS: tuple[TaskKind, ...] = get_args(TaskKind)
SENTENCES = ("sentence-1", "sentence-2", "sentence-3")
ROLES = ("system", "user", "assistant", "tool")

Columns = dict[str, Any]

WANTED: Mapping[TaskKind, str] = {
    "text_classification": "(text, label) or (text, [label, …])",
    "token_classification": '(text, [{"start": 0, "end": 3, "label": "NAME"}, …])',
    "question_answering": "(question, context, answer)",
    "sentence_similarity": '{"sentence-1": …, "sentence-2": …, "sentence-3": …, "label": …}, of which the '
    "last two are optional; or sentence-1 and label",
    "text2text": "(text, target)",
    "supervised_fine_tuning": "a text",
    "reward_modeling": "(chosen, rejected)",
    "proximal_policy_optimization": "a prompt",
    "direct_preference_optimization": "(prompt, chosen, rejected)",
    "chat_completion": "[(chat, turn, role, content), …], with a role of " + ", ".join(ROLES),
}
# The columns of the tasks that are tuples of texts.
TEXTS: Mapping[TaskKind, tuple[str, ...]] = {
    "question_answering": ("question", "context", "answer"),
    "text2text": ("text", "target"),
    "supervised_fine_tuning": ("text",),
    "reward_modeling": ("chosen", "rejected"),
    "proximal_policy_optimization": ("prompt",),
    "direct_preference_optimization": ("prompt", "chosen", "rejected"),
}


def columns_of(kind: TaskKind, returned: Any, record: str) -> Iterator[Columns]:
    """The examples in what a formatting_func returned for ``record``: one, several (a list or an iterator)
    or none. Raises SettingsError for any other shape and for empty texts."""
    if returned is None:
        return
    several: Any = [returned]
    if kind == "chat_completion":
        yield from _chats(returned, record)
        return
    if not isinstance(returned, (str, tuple, Mapping)):
        several = _iterate(returned, kind, record)
    for one in several:
        if one is not None:
            yield _one(kind, one, record)


def not_empty(text: Any, name: str, record: str) -> str:
    """``text``, if it says something. Raises SettingsError otherwise."""
    if isinstance(text, str) and text.strip():
        return text
    what = "missing and no text" if text is None else f"{text!r} and no text"
    raise SettingsError(
        f"Record {record!r}: {name} is {'empty' if isinstance(text, str) else what}.",
        "Leave such records out with filter_by, or with a formatting_func that returns None for them.",
    )


def answer_place(context: str, answer: str, record: str) -> int:
    """Where ``answer`` begins in ``context``. Raises SettingsError where it does not stand there."""
    place = context.find(answer)
    if place < 0:
        raise SettingsError(
            f"Record {record!r}: the answer {answer[:60]!r} does not stand in the context.",
            "An extractive answer is a part of its context, letter by letter. Ask for it with a span "
            "question, or leave such records out with a formatting_func that returns None for them.",
        )
    return place


def _one(kind: TaskKind, one: Any, record: str) -> Columns:
    if kind == "sentence_similarity":
        return _sentences(one, record)
    if kind == "text_classification":
        text, label = _tuple(kind, one, 2, record)
        if isinstance(label, (list, tuple, set)):
            return {
                "text": not_empty(text, "the text", record),
                "label": [_class(kind, one, part, record) for part in label],
            }
        return {"text": not_empty(text, "the text", record), "label": _class(kind, one, label, record)}
    if kind == "token_classification":
        text, spans = _tuple(kind, one, 2, record)
        return {
            "text": not_empty(text, "the text", record),
            "spans": [_span(text, span, record) for span in spans],
        }
    names = TEXTS[kind]
    parts = [one] if len(names) == 1 else _tuple(kind, one, len(names), record)
    made = {name: not_empty(part, f"the {name}", record) for name, part in zip(names, parts, strict=True)}
    if kind == "question_answering":
        made["start"] = answer_place(made["context"], made["answer"], record)  # type: ignore[assignment]
    return made


def _class(kind: TaskKind, one: Any, label: Any, record: str) -> str:
    """``label`` as the name of a class. Raises SettingsError where it is none, such as a whole answer."""
    if not isinstance(label, (str, int)):
        raise _wrong(kind, one, record)
    return not_empty(str(label), "the label", record)


def _tuple(kind: TaskKind, one: Any, length: int, record: str) -> tuple[Any, ...]:
    if not isinstance(one, tuple) or len(one) != length:
        raise _wrong(kind, one, record)
    return one


def _span(text: str, span: Any, record: str) -> Columns:
    try:
        start, end, label = int(span["start"]), int(span["end"]), str(span["label"])
    except (TypeError, KeyError, ValueError):
        raise _wrong("token_classification", span, record) from None
    if not 0 <= start < end <= len(text):
        raise SettingsError(
            f"Record {record!r}: a span from {start} to {end} does not lie in its text of {len(text)} "
            "characters.",
            "Spans count characters from 0; the end is not part of them.",
        )
    return {"start": start, "end": end, "label": label}


def _sentences(one: Any, record: str) -> Columns:
    if not isinstance(one, Mapping) or set(one) - {*SENTENCES, "label"} or "sentence-1" not in one:
        raise _wrong("sentence_similarity", one, record)
    made: Columns = {name: not_empty(one[name], name, record) for name in SENTENCES if name in one}
    label = one.get("label")
    if label is not None:
        if not isinstance(label, (str, int, float)) or isinstance(label, bool):
            raise _wrong("sentence_similarity", one, record)
        made["label"] = label
    if (
        len(made) == 1
        or ("sentence-3" in made and "label" in made)
        or ("sentence-3" in made) > ("sentence-2" in made)
    ):
        raise _wrong("sentence_similarity", one, record)
    return made


def _chats(returned: Any, record: str) -> Iterator[Columns]:
    """An example for each chat, its turns in their order."""
    given = [returned] if isinstance(returned, tuple) else _flat(returned, "chat_completion", record)
    chats: dict[str, dict[int, Columns]] = {}
    for one in given:
        chat, turn, message = _turn(one, record)
        if chats.setdefault(chat, {}).setdefault(turn, message) is not message:
            raise SettingsError(
                f"Record {record!r}: the chat {chat!r} has two turns with the number {turn}.",
                "Number the turns of a chat from 0.",
            )
    for turns in chats.values():
        yield {"messages": [message for _, message in sorted(turns.items())]}


def _turn(one: Any, record: str) -> tuple[str, int, Columns]:
    chat, turn, role, content = _tuple("chat_completion", one, 4, record)
    if role not in ROLES or not str(turn).isdigit():
        raise _wrong("chat_completion", one, record)
    return str(chat), int(turn), {"role": role, "content": not_empty(content, "a turn's content", record)}


def _iterate(returned: Any, kind: TaskKind, record: str) -> Iterator[Any]:
    if not hasattr(returned, "__iter__"):
        raise _wrong(kind, returned, record)
    yield from returned


def _flat(returned: Any, kind: TaskKind, record: str) -> Iterator[Any]:
    """Turns, whether they come one by one or as lists."""
    for one in _iterate(returned, kind, record):
        if isinstance(one, list):
            yield from one
        elif one is not None:
            yield one


def _wrong(kind: TaskKind, returned: Any, record: str) -> SettingsError:
    shown = repr(returned)
    return SettingsError(
        f"Record {record!r}: the formatting_func returned {shown[:120]}{'…' if len(shown) > 120 else ''}.",
        f"For {kind} it must return {WANTED[kind]}; several of them as a list or iterator; or None.",
    )


FormattingFunc = Callable[[dict[str, Any]], Any]
