"""The styles that first queries are put in, by turns: what a model is told, the worked examples for a very
small one, and how an answer shows that it is in the style."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from curation.records.chunk import Chunk
from curation.records.identity import content_id
from curation.records.triplet import QueryStyle
from curation.synthesis.cleaning import ASKS

EVERY_STYLE: tuple[QueryStyle, ...] = ("question", "how-to", "keywords", "error", "follow-up")
SMALL_STYLES: tuple[QueryStyle, ...] = ("question", "how-to")
_MOST_KEYWORDS = 8
_MOST_ERROR_WORDS = 16
_ERRORS = re.compile(
    r"\b(?:errors?|exceptions?|fail(?:s|ed|ing|ure|ures)?|raise[sd]?|warnings?|traceback|refused|denied|"
    r"crash(?:es|ed)?|invalid|cannot|can['’]t|won['’]t|missing|problems?|\w+(?:Error|Exception|Warning))\b"
)
_ASKS_HOW = re.compile(r"how (?:do|can|could|should|would|to)\b", re.IGNORECASE)


class Example(BaseModel):
    """A piece of documentation, below the headings ``topic``, and a query that it answers."""

    model_config = ConfigDict(frozen=True)

    topic: str
    text: str
    query: str


@dataclass(frozen=True)
class StyleSpec:
    """``told`` says what the query is like. ``cue`` stands right before a very small model's answer, and ends
    with what it is about. ``fits`` says whether a query looks like it."""

    told: str
    cue: str
    examples: tuple[Example, ...]
    fits: Callable[[str], bool]


_ABOUT = (
    (
        "Backups > Restoring a single table",
        "To restore one table from a nightly backup, stop the writer process and run `vaultctl restore "
        "--table NAME`. The other tables are not touched.",
    ),
    (
        "Image widget > max_width",
        "Default: None\n\nThe largest width in pixels of an uploaded picture. Larger pictures are scaled "
        "down.",
    ),
    (
        "Mail queue > Retries",
        '```\nqueue = MailQueue(workers=2)\nqueue.put(Message(to="ann@example.org"))\n```\n\n'
        "Messages that could not be delivered are tried again after five minutes, ten times at most.",
    ),
    (
        "Permissions > Roles",
        "A role is a named set of permissions. Users inherit the permissions of all their roles. "
        "Only administrators can create roles.",
    ),
    (
        "Plugins > class ThemeLoader",
        "ThemeLoader(path, fallback=None)\n\nLoads a theme from a folder. With fallback, missing templates "
        "are taken from another theme.",
    ),
    (
        "Troubleshooting > The page stays empty",
        "This happens when scripts are blocked. Allow scripts for the host name of the dashboard.",
    ),
)
_ABOUT_ERRORS = (
    (
        "Backups > Restoring a single table",
        "`vaultctl restore` ends with TableLocked while the writer process runs. Stop the writer first.",
    ),
    (
        "Image widget > max_width",
        "The largest width in pixels of an uploaded picture. Larger pictures raise PictureTooLarge.",
    ),
    (
        "Mail queue > Retries",
        "Messages are tried ten times. Then `delivery failed` is written to the log of the queue.",
    ),
    (
        "Permissions > Roles",
        "Only administrators can create roles. Everybody else gets the error 403 Forbidden.",
    ),
    (
        "Plugins > class ThemeLoader",
        "ThemeLoader(path, fallback=None)\n\nA folder without templates raises ThemeError: no templates.",
    ),
    _ABOUT[-1],
)


def _worked(about: Sequence[tuple[str, str]], queries: Sequence[str]) -> tuple[Example, ...]:
    return tuple(
        Example(topic=topic, text=text, query=query)
        for (topic, text), query in zip(about, queries, strict=True)
    )


def _is_question(query: str) -> bool:
    return ASKS.match(query) is not None and query.count("?") <= 1 and "? " not in query


def _is_how_to(query: str) -> bool:
    return _ASKS_HOW.match(query) is not None and _is_question(query)


def _is_keywords(query: str) -> bool:
    return not (len(query.split()) > _MOST_KEYWORDS or query.endswith((".", "?", "!")) or ASKS.match(query))


def _is_error(query: str) -> bool:
    return len(query.split()) <= _MOST_ERROR_WORDS and not (query.endswith((".", "?")) or ASKS.match(query))


def _is_follow_up(query: str) -> bool:
    first, _, second = query.partition("? ")
    return bool(second) and second.endswith("?") and second.count("?") == 1 and ASKS.match(first) is not None


STYLES: dict[QueryStyle, StyleSpec] = {
    "question": StyleSpec(
        "one short question that a user of the software would ask to find this piece",
        "One question about",
        _worked(
            _ABOUT,
            (
                "How can I restore a single table from a backup?",
                "What does the max_width option of the image widget do?",
                "How often does the mail queue retry a message that could not be delivered?",
                "Who can create roles for permissions?",
                "How do I load a theme from a folder with ThemeLoader?",
                "Why does the page of the dashboard stay empty?",
            ),
        ),
        _is_question,
    ),
    "how-to": StyleSpec(
        'one short question that begins with "How do I" and names what a user of the software wants to do',
        "One how-to question about",
        _worked(
            _ABOUT,
            (
                "How do I get back one table without touching the others?",
                "How do I limit the width of uploaded pictures?",
                "How do I put a message into the mail queue?",
                "How do I give users the permissions of a role?",
                "How do I take missing templates from another theme?",
                "How do I allow scripts for the dashboard?",
            ),
        ),
        _is_how_to,
    ),
    "keywords": StyleSpec(
        "two to six search words, not a question, that a user of the software would type to find this piece",
        "Search words for",
        _worked(
            _ABOUT,
            (
                "restore single table from backup",
                "image widget max_width",
                "mail queue retry undelivered message",
                "permissions who can create roles",
                "ThemeLoader load theme from folder",
                "dashboard page empty scripts blocked",
            ),
        ),
        _is_keywords,
    ),
    "error": StyleSpec(
        "the error or problem, in few words, that a user of the software would type to find this piece",
        "What somebody with a problem types to find",
        _worked(
            _ABOUT_ERRORS,
            (
                "vaultctl restore TableLocked",
                "PictureTooLarge when I upload a picture",
                "mail queue log says delivery failed",
                "403 Forbidden when I create a role",
                "ThemeError: no templates",
                "dashboard page stays empty",
            ),
        ),
        _is_error,
    ),
    "follow-up": StyleSpec(
        "two short questions of one user on one line: a first one, and one that goes on with it and that "
        "this piece answers",
        "A question and a follow-up about",
        _worked(
            _ABOUT,
            (
                "How do I restore a backup? And only one table of it?",
                "How do I upload a picture? And how can I limit its width?",
                "How are messages delivered? And what if that fails?",
                "What is a role? And who can create one?",
                "How do I load a theme? And what if templates are missing?",
                "Why does the page stay empty? And how do I allow scripts for it?",
            ),
        ),
        _is_follow_up,
    ),
}


def style_of(chunk: Chunk, styles: Sequence[QueryStyle]) -> QueryStyle:
    """Which of ``styles`` a chunk's first query is put in: always the same one, chosen by the chunk's id. One
    about an error only where the chunk speaks of what goes wrong."""
    fitting = [one for one in styles if one != "error" or _ERRORS.search(chunk.body)] or styles
    return fitting[int(content_id("style", chunk.id)[:8], 16) % len(fitting)]
