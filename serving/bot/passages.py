"""Passages of the documentation as an answer: title, link, the sentence that answers, the rest to unfold."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from curation import Block, Chunk, Span, blocks, joined, link, prose
from serving.bot.curated import name_of
from serving.bot.marking import best_sentences
from serving.retrieval.curated import is_curated
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex, Hit

_WHOLE = 1_300  # characters that are shown of a whole passage without a click: nearly every chunk
_EXCERPT = 500
_PHRASE, _REPEATED = 3, 0.6  # words, and the share of such phrases that makes a passage a repetition
_GOES_ON = re.compile(r"```|~~~|[-*+] |\d+[.)] ")  # code, or an item of a list, without what introduces it


@dataclass(frozen=True)
class Passage:
    """A passage: its ``title`` (a link where it has an address), what is seen of it without a click
    (``markdown``, and ``shown`` on the page), and ``folded`` for the page: all of it, or nothing more. A
    person's answer has no number: annotators don't choose from those, and number the others."""

    title: str
    markdown: str
    shown: str
    folded: str = ""
    is_numbered: bool = True


def passages(
    embedder: Embedder,
    question: str,
    hits: Sequence[Hit],
    whole: int = 1,
    index: ChunkIndex | None = None,
) -> list[Passage]:
    """The texts of ``hits``: the first ``whole`` of them as a whole, the sentence that answers marked; of the
    others what is nearest to the question. Nothing tells surely whether that answers: of four marks there one
    was on a right page, whatever score was asked for (docs/measurements/2026-11-visitors.md). Where one ends
    with what it announces, or begins in the middle, it unfolds with what stands there in the ``index``.
    """
    marks = best_sentences(embedder, question, [hit.chunk for hit in hits])
    return [
        replace(
            _passage(hit, mark, place < whole, _around(index, hit.chunk) if index else ("", "")),
            is_numbered=not is_curated(hit.chunk),
        )
        for place, (hit, mark) in enumerate(zip(hits, marks, strict=True))
    ]


def unlike(hits: Sequence[Hit]) -> list[Hit]:
    """``hits`` without those that say mostly what others before say: pages often repeat each other. Of two
    releases that are interleaved each may say it, unless both put it there before."""
    said: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    found: list[Hit] = []
    for hit in hits:
        words = hit.chunk.body.split()
        phrases = {tuple(words[start : start + _PHRASE]) for start in range(max(1, len(words) - _PHRASE + 1))}
        if len(phrases & (said[""] | said[hit.drafted_by])) <= _REPEATED * len(phrases):
            found.append(hit)
            said[hit.drafted_by] |= phrases
    return found


def title_of(hit: Hit) -> str:
    """The section's name as a link where the document has an address, else with its file and line."""
    chunk = hit.chunk
    place = "" if is_curated(chunk) or not chunk.heading else chunk.place
    return link(name_of(chunk), chunk.url, place)


def as_markdown(found: Sequence[Passage]) -> str:
    """What is seen of the passages without a click, numbered."""
    return "\n\n".join(f"{head}\n\n{one.markdown}" for head, one in zip(_heads(found), found, strict=True))


def as_page(found: Sequence[Passage]) -> str:
    """The passages for the page, numbered."""
    return "\n\n".join(
        "\n\n".join(filter(None, (head, one.shown, one.folded)))
        for head, one in zip(_heads(found), found, strict=True)
    )


def _heads(found: Sequence[Passage]) -> list[str]:
    numbers = count(1)
    return [f"**{f'{next(numbers)}.' if one.is_numbered else '–'}** {one.title}" for one in found]


def _around(index: ChunkIndex, chunk: Chunk) -> tuple[str, str]:
    """What stands before and after a chunk, as far as that is needed to read it."""
    body = chunk.body.strip()
    before = index.beside(chunk, -1) if _GOES_ON.match(body) else None
    after = index.beside(chunk, 1) if body.endswith(":") else None
    return before.body if before else "", after.body if after else ""


def _passage(hit: Hit, mark: Span | None, is_whole: bool, around: tuple[str, str]) -> Passage:
    body, title = hit.chunk.body.strip(), title_of(hit)
    parts = blocks(body, mark if is_whole else None)
    seen = parts if is_whole and len(body) <= _WHOLE else _seen(parts, mark)
    markdown, shown = "\n\n".join(part.markdown for part in seen), joined(seen)
    is_all = len(seen) == len(parts)
    if mark is not None and seen is not parts and len(seen[0].markdown) > _EXCERPT:
        alone = _alone(seen[0], prose(body)[mark.block], mark, is_whole)
        markdown, shown, is_all = alone.markdown, joined([alone, *seen[1:]]), False
    if is_all and not any(around):
        return Passage(title, markdown, shown)
    before, after = map(blocks, around)
    start = "\n\n".join(part.markdown for part in parts[: len(seen)])
    if markdown == start and not before:  # what is shown is not said again
        summary, unfolded = "Go on reading", joined([*parts[len(seen) :], *after])
    else:
        summary = "With what stands around it" if any(around) else "The whole passage"
        unfolded = joined([*before, *parts, *after])
    folded = f"<details><summary>{summary}</summary>\n\n{unfolded}\n\n</details>"
    return Passage(title, markdown, shown, folded)


def _alone(block: Block, text: str, mark: Span, is_marked: bool) -> Block:
    """What ``mark`` covers of the ``text`` in a long paragraph or list; of a table its row, below the
    header."""
    rows, row = block.markdown.split("\n"), text.count("\n", 0, mark.start)
    if row and text.count("\n") == len(rows) - 1:
        below = Span(0, text.index("\n") + 1, len(text)) if is_marked else None
        return blocks(f"{rows[0]}\n{rows[row]}", below)[0]
    sentence = text[mark.start : mark.end]
    shown = f"<mark>{html.escape(sentence)}</mark>" if is_marked else html.escape(sentence)
    return Block(f"<p>… {shown} …</p>", f"… {sentence} …", 0, 1)


def _seen(parts: Sequence[Block], mark: Span | None) -> Sequence[Block]:
    """The block with the mark, and the code or what it announces after it; without a mark the first one."""
    at = next((n for n, part in enumerate(parts) if mark and part.first <= mark.block < part.last), 0)
    announces = parts[at].markdown.endswith(":") if parts else False
    return [*parts[at : at + 1], *(part for part in parts[at + 1 : at + 2] if part.is_code or announces)]
