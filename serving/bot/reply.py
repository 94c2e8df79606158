"""What the bot answers: as Markdown for programs and records, and for the page."""

from __future__ import annotations

import html
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from curation import harmless
from serving.bot.curated import listed
from serving.bot.passages import title_of
from serving.releases.answers import CuratedAnswer
from serving.retrieval.curated import is_curated, only_documents
from serving.retrieval.index import Hit

SOURCES = "**Sources**"


class Reply(BaseModel):
    """An answer as far as it has come; each one replaces the one before.

    ``text`` is Markdown, ``shown`` the same for the page where that differs. ``hits`` are the chunks that it
    comes from, best first; ``names_them``: the text itself does, else they are listed under it. ``refused``:
    the bot said that it does not know. ``score`` is the best chunk's. ``trouble`` is what kept the
    language model from answering, in words for the log; ``too_long``: the question's tokens and how many
    would have fit. ``thoughts`` is what it thought first, unchecked. ``meant`` is what was looked up, where
    that is not the question as it was put.
    A person's answer is ``curated``, and brings its own sources. What is ``idle`` answers no question.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    shown: str = ""
    hits: tuple[Hit, ...] = ()
    names_them: bool = False
    refused: bool = False
    idle: bool = False
    score: float = 0.0
    trouble: str | None = None
    too_long: tuple[int, int] | None = None
    thoughts: str = ""
    meant: str = ""
    curated: CuratedAnswer | None = None

    def after(self, told: str) -> Reply:
        """The same after the Markdown ``told``, if that is anything."""
        if not told:
            return self
        shown = f"{harmless(told)}\n\n{self.shown}" if self.shown else ""
        return self.model_copy(update={"text": f"{told}\n\n{self.text}", "shown": shown})

    @property
    def cited(self) -> tuple[str, ...]:
        """Ids of the documents' chunks that are listed as sources."""
        return () if self.refused else self.numbered

    @property
    def numbered(self) -> tuple[str, ...]:
        """Ids of the documents' chunks that the reader sees, in the order of their numbers: also those that a
        refusal says come nearest. People's answers among them have no number, or in a list the last ones."""
        if self.curated is not None:
            return tuple(one.chunk_id for one in self.curated.sources)
        return tuple(chunk.id for chunk in only_documents(hit.chunk for hit in self.hits))

    @property
    def sources(self) -> str:
        """The numbered list of sources as Markdown; empty where the text names them, or there are none."""
        if self.curated is not None:
            return listed(self.curated.sources)
        return "" if self.names_them else source_list(self.hits)

    @property
    def markdown(self) -> str:
        """The text with the sources under it."""
        return _with_sources(self.text, self.sources)

    @property
    def page(self) -> str:
        """The same for the page, with what the model thought to unfold."""
        shown = _with_sources(self.shown or harmless(self.text), self.sources)
        if not self.thoughts:
            return shown
        thoughts = "<br>".join(html.escape(self.thoughts).splitlines())
        folded = (
            f"<details><summary>What the model thought (not checked)</summary><p>{thoughts}</p></details>"
        )
        return f"{folded}\n\n{shown}"


def source_list(hits: Sequence[Hit]) -> str:
    """A numbered Markdown list of sections: the numbers are those that the text cites."""
    return "\n".join(f"{number}. {title_of(hit)}" for number, hit in enumerate(documents_first(hits), 1))


def documents_first(hits: Sequence[Hit]) -> list[Hit]:
    """``hits`` in the order of their numbers: of documents as they stand, then people's answers."""
    return sorted(hits, key=lambda hit: is_curated(hit.chunk))


def _with_sources(text: str, sources: str) -> str:
    return f"{text}\n\n{SOURCES}\n\n{sources}" if sources else text
