"""What a visitor of the bot sees: the demo's 30 needs, 20 questions that follow another one, and 100 about
something else (benchmarks/needs/elsewhere).

A release is made of distilabel's documentation (from PyPI) with the base model, and nothing is trained. Each
need is asked as its author worded it first, without a language model's text, as the embedded model's default
is. A right page counts when one of its passages is seen without a click, whether the bot says that it answers
or only that it comes near. The follow-ups (benchmarks/needs/distilabel) are asked after their first question,
and beside that alone, as the bot did before.

A link opens at its section when it has an anchor, or when the passage stands right under the page's title, so
that the page's address is its own. Whether the site has the anchor is not asked here:
tests/curation/documents/test_anchors.py holds them to the tools that make them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, at_least, at_most, figure
from curation import ChunkSettings, Corpus, Home, Message, ingest
from serving import (
    BotSettings,
    ModelTokenCounter,
    ReleaseStore,
    Retriever,
    ServingSettings,
    answer_question,
    bootstrap,
    load_release,
)

HERE = Path(__file__).resolve().parent
NEEDS = HERE.parent / "clayloop" / "demo" / "needs.jsonl"
ELSEWHERE = HERE / "needs" / "elsewhere" / "questions.jsonl"
FOLLOW_UPS = HERE / "needs" / "distilabel" / "follow_ups.jsonl"
DOCS = "pypi:distilabel"
VISIBLE, FOLLOWED = 24, 17


def visitor_rows(home: Path | None) -> list[Row]:
    """The rows. With ``home`` the release in that state folder is asked, which has to be of ``DOCS``."""
    if home is not None:
        return _rows(load_release(ReleaseStore(Home(home)), None, ServingSettings()))
    with tempfile.TemporaryDirectory(prefix="clayloop-visitors-") as scratch:
        made, settings = Home(Path(scratch)), ServingSettings()
        ingest([DOCS], made, ChunkSettings(), ModelTokenCounter(settings.embedding.model))
        bootstrap(made, Corpus.load(made), settings)
        return _rows(load_release(ReleaseStore(made), None, settings))


def _rows(retriever: Retriever) -> list[Row]:
    needs = _lines(NEEDS)
    replies = [_ask(retriever, need["a"]) for need in needs]
    visible, answered = _seen(replies, needs)
    visible_b, answered_b = _seen([_ask(retriever, need["b"]) for need in needs], needs)
    hits = [hit for reply in replies for hit in reply.hits]
    opened = sum(_opens_at_its_section(hit.chunk) for hit in hits)
    written = sum(not reply.names_them and reply.curated is None and not reply.refused for reply in replies)
    asked = _lines(FOLLOW_UPS)
    alone = sum(_is_answered(_ask(retriever, one["second"]), one) for one in asked)
    strange = [(one["about"], _ask(retriever, one["text"]).refused) for one in _lines(ELSEWHERE)]
    after = sum(_is_answered(_ask(retriever, one["second"], one["first"]), one) for one in asked)
    return [
        at_most("visitors: answers with a language model's own sentences, of 30", written, 0),
        at_least("visitors: right page seen without a click, of 30", visible, VISIBLE),
        figure("visitors: of those, not as a refusal", answered),
        figure("visitors: right page seen without a click, wording b", visible_b),
        figure("visitors: of those, not as a refusal, wording b", answered_b),
        figure("about everyday things: answered, of 60", strange.count(("everyday", False))),
        figure("about other software: answered, of 40", strange.count(("software", False))),
        at_least("visitors: share of links that open at the section", opened / len(hits), 1.0),
        at_least("follow-ups: right page among the sources, of 20", after, FOLLOWED),
        figure("follow-ups: the same, each looked up alone", alone),
    ]


def _ask(retriever: Retriever, question: str, before: str = "") -> Any:
    history = [Message(role="user", content=before)] if before else []
    *_, last = answer_question(retriever, None, question, history, BotSettings())
    return last


def _seen(replies: Sequence[Any], needs: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Of how many needs a right page is seen, and of how many not as a refusal."""
    pairs = list(zip(replies, needs, strict=True))
    return sum(_is_right(*pair) for pair in pairs), sum(_is_answered(*pair) for pair in pairs)


def _is_right(reply: Any, need: dict[str, Any]) -> bool:
    return any(hit.chunk.path in need["paths"] for hit in reply.hits)


def _opens_at_its_section(chunk: Any) -> bool:
    """Whether the link has an anchor, or none because the passage's own heading is the page's title."""
    return "#" in chunk.url or (bool(chunk.url) and len(chunk.section) <= 1)


def _is_answered(reply: Any, need: dict[str, Any]) -> bool:
    return not reply.refused and _is_right(reply, need)


def _lines(path: Path) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
