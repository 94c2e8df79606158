"""How curated answers are shown: as what they are, a person's answer to a question.

What people write is text from outside like any other: in the chat it is Markdown that loads and runs nothing
(curation/shown/), and for a language model it is quoted, so that no line of it can pass for anything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from curation import Chunk, closed, link, plain
from serving.releases.answers import AnswerSource, CuratedAnswer
from serving.retrieval.curated import is_curated

CHANGED_SINCE = "The documentation has changed since this was written."
_QUESTION_CHARACTERS = 200


def shown(answer: CuratedAnswer) -> str:
    """The answer as Markdown: by whom, when, to what; and whether the documentation has changed since."""
    when = f" on {answer.at:%Y-%m-%d}" if answer.at else ""
    head = f"**Answered by {_an(answer.author)}{when}** to “{plain(_shortened(answer.question))}”"
    stale = [f"*{CHANGED_SINCE}*"] if answer.is_stale else []
    return "\n\n".join([head, *stale, closed(answer.text)])


def listed(sources: Sequence[AnswerSource]) -> str:
    """The sources of an answer as a numbered Markdown list of links."""
    lines = (link(one.heading or one.path, one.url, one.place) for one in sources)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))


def name_of(chunk: Chunk) -> str:
    """What a passage is called: its heading, its path, or whose answer it is. Not escaped."""
    if is_curated(chunk):
        return f"A person's answer to “{_shortened(chunk.heading)}”"
    return chunk.heading or chunk.path


def as_data(chunk: Chunk) -> str:
    """What a language model reads of a chunk. Each line of what a person wrote is quoted."""
    if not is_curated(chunk):
        return chunk.text
    quoted = "\n".join(f"> {line}" for line in chunk.text.splitlines())
    return f"A person's answer to a question, quoted:\n\n{quoted}"


def _an(author: str) -> str:
    return f"an {author}" if author == "annotator" else f"a {author}"


def _shortened(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _QUESTION_CHARACTERS else f"{line[: _QUESTION_CHARACTERS - 1]}…"
