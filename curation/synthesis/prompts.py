"""The prompts, in two sets: for models that follow instructions, and for very small ones that only follow
examples.

For the small ones (measured with SmolLM2-135M) these give the most usable queries: the topic named again
right before the answer, one query only, and temperature 0. Asked for a negative as well, they give none at
all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation.records.identity import content_id
from curation.records.triplet import QueryStyle
from curation.synthesis.styles import STYLES, Example, StyleSpec

ChatMessages = list[dict[str, str]]

MULTIPLY_SYSTEM_PROMPT = (
    "You help to write varied search queries. Write every query on a line of its own that starts with a "
    "dash. Write nothing else: no introduction, no numbering, no explanation."
)
MULTIPLY_TEMPLATE = (
    "Here is a query:\n{query}\n\nWrite {num_queries} other queries that look for the same information, with "
    "different words, in a different tone or length. They must stay true to the first query and fit this "
    "setting: "
    "{context}"
)

# For models that follow instructions: varied answers. The limit only ends answers that repeat themselves.
TEMPERATURE = 0.7
MAX_NEW_TOKENS = 512

LONGEST_TEXT = 6000
"""Characters of a chunk in the normal prompt: at most about 3,000 tokens, even for code."""
LONGEST_SMALL_TEXT = 350
"""Characters of a chunk's body in the few-shot prompt: a small model loses the thread in longer ones."""
LONGEST_TOPIC = 120

_SMALL_SYSTEM = (
    "You help to test the search of a software manual. You are given a topic and a piece of the manual. "
    "You answer with {told}."
)
_STYLE = "\n\nThe positive sentence has to be {told}."
_ACCEPTED = " People found these good, for other texts:"
SHOTS = 6  # worked examples in a few-shot prompt
_MULTIPLY_SYSTEM = (
    "You rewrite a question in other words. Write each question on a line of its own, after a dash."
)
_MULTIPLY_EXAMPLES = (
    (
        "How can I restore a single table from a backup?",
        "- Is there a way to get back only one table from last night's backup?\n"
        "- restore one table without touching the others\n"
        "- What command brings back a table that I deleted?",
    ),
    (
        "Who can create roles for permissions?",
        "- Which users are allowed to make a new role?\n"
        "- create a role as a normal user\n"
        "- Do I need to be an administrator to add roles?",
    ),
    (
        "What does the max_width option of the image widget do?",
        "- How can I limit the width of uploaded pictures?\n"
        "- image widget max_width\n"
        "- Why are large pictures scaled down after the upload?",
    ),
)
EXAMPLE_QUERIES = tuple(
    [one.query for style in STYLES.values() for one in style.examples]
    + [line.removeprefix("- ") for _, lines in _MULTIPLY_EXAMPLES for line in lines.splitlines()]
)

_SPECIAL_TOKEN = re.compile(r"<(?=\|)|(?<=\|)>|<(?=/?s>)|\[(?=/?INST\])|<(?=(?:start|end)_of_turn>)")
_OWN_SECTION = re.compile(r"^#+\s*(?=(?:positive|negative)\b)", re.IGNORECASE | re.MULTILINE)


def few_shot_query(
    topic: str, text: str, style: QueryStyle = "question", accepted: Sequence[Example] = ()
) -> ChatMessages:
    """Ask a very small model for one query about ``text``. Three that people ``accepted`` take the place of
    ours. Ours stand last: such a model puts its query like the last one, and those repeat themselves."""
    spec = STYLES[style]
    messages = [{"role": "system", "content": _SMALL_SYSTEM.format(told=spec.told)}]
    half = accepted[: SHOTS // 2]
    for one in [*half, *spec.examples[len(half) :]]:
        messages += _turn(_query_prompt(one.topic, one.text, spec), one.query)
    return [*messages, {"role": "user", "content": _query_prompt(topic, text, spec)}]


def in_style(style: QueryStyle, accepted: Sequence[Example] = ()) -> str:
    """What a model that follows instructions is told about the query, beside the task itself."""
    examples = "".join(f"\n- {one.query}" for one in accepted)
    return _STYLE.format(told=STYLES[style].told) + (_ACCEPTED + examples if examples else "")


def few_shot_variations(query: str) -> ChatMessages:
    """Ask a very small model for three rewrites of ``query``, one a line after a dash."""
    messages = [{"role": "system", "content": _MULTIPLY_SYSTEM}]
    for example, rewrites in _MULTIPLY_EXAMPLES:
        messages += _turn(_variations_prompt(example), rewrites)
    return [*messages, {"role": "user", "content": _variations_prompt(query)}]


def variations(query: str, num_queries: int, context: str) -> ChatMessages:
    """Ask a model that follows instructions for ``num_queries`` rewrites."""
    content = MULTIPLY_TEMPLATE.format(query=query, num_queries=num_queries, context=context)
    return [{"role": "system", "content": MULTIPLY_SYSTEM_PROMPT}, {"role": "user", "content": content}]


def fit(text: str, limit: int) -> str:
    """``text`` as data for a prompt: cut to ``limit`` characters at a line or word, and without anything
    that a chat template or the answer's format could take for structure."""
    text = _OWN_SECTION.sub("", _SPECIAL_TOKEN.sub(lambda found: f" {found.group()} ", text)).strip()
    if len(text) <= limit:
        return text
    cut = text[:limit]
    for boundary in ("\n", ". ", " "):
        end = cut.rfind(boundary)
        if end > limit * 0.6:
            return cut[:end].rstrip()
    return cut


def templates_hash() -> str:
    """Changes whenever one of the prompts does: part of every recipe."""
    return content_id(
        *(message["content"] for style in STYLES for message in few_shot_query("", "", style)),
        *(in_style(style) for style in STYLES),
        *(message["content"] for message in few_shot_variations("") + variations("", 0, "")),
        str((LONGEST_TEXT, LONGEST_SMALL_TEXT, LONGEST_TOPIC, TEMPERATURE, MAX_NEW_TOKENS)),
    )


def _query_prompt(topic: str, text: str, spec: StyleSpec) -> str:
    topic = fit(" ".join(topic.split()), LONGEST_TOPIC)
    body = fit(re.sub(r"\n\s*\n+", "\n", text), LONGEST_SMALL_TEXT)
    if not topic:
        return f"{body}\n\n{spec.cue} this text:"
    return f"Topic: {topic}\n\n{body}\n\n{spec.cue} {topic.split(' > ')[-1]}:"


def _variations_prompt(query: str) -> str:
    return f"{query}\n\nThree other ways to ask this:"


def _turn(user: str, assistant: str) -> ChatMessages:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
