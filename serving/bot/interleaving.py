"""Two releases' passages in one answer, so that what a visitor opens or likes is a vote between them.

Team-draft interleaving (Radlinski, Kurup and Joachims 2008, CIKM) compares on the same question, which tells
two rankings apart with far fewer visitors than giving each some of its own. What both rank alike at the top
is nobody's (Chapelle et al. 2012, TOIS 30): it says nothing about either.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from serving.bot.reply import Reply
from serving.releases.retriever import Retriever
from serving.retrieval.curated import is_curated
from serving.retrieval.index import Hit


class Interleaved(Retriever):
    """``home`` answers: its threshold, prompt and language model. Of the passages, ``rival`` puts half there,
    where both would answer with passages. A ``conversation`` that asks the same again gets the same."""

    def __init__(self, home: Retriever, rival: Retriever, conversation: str) -> None:
        answers = home.answers.values()
        super().__init__(home.release, home.embedder, home.index, home.settings, home.reranker, answers)
        self.answering = home.answering
        self.rival = rival
        self._conversation = conversation

    def search(self, question: str, k: int | None = None, only_documents: bool = False) -> list[Hit]:
        wanted = self.top_k if k is None else k
        ours = super().search(question, wanted, only_documents)
        theirs = self.rival.search(question, wanted, only_documents)
        if not all(_quotes(one, question, hits) for one, hits in ((self, ours), (self.rival, theirs))):
            return ours
        coin = random.Random(f"{self._conversation} {question}")  # noqa: S311 - no secret
        drafted = team_draft(ours, theirs, wanted, coin)
        # Their scores are of another space. Ours have decided that there is an answer.
        scores = {hit.chunk.id: hit.score for hit in ours}
        ids = {True: self.release.id, False: self.rival.release.id, None: ""}
        return [
            hit.model_copy(
                update={
                    "score": scores.get(hit.chunk.id, ours[-1].score),
                    "near": ours[0].near,
                    "drafted_by": ids[is_ours],
                }
            )
            for hit, is_ours in drafted
        ]


def team_draft(
    ours: Sequence[Hit], theirs: Sequence[Hit], k: int, coin: random.Random
) -> list[tuple[Hit, bool | None]]:
    """At most ``k`` hits of both rankings, and whether each is our pick (None: both rank it alike).

    In each round both pick their best that is not there yet; ``coin`` says who begins.
    """
    alike = takewhile(lambda pair: pair[0].chunk.id == pair[1].chunk.id, zip(ours, theirs, strict=False))
    found: list[tuple[Hit, bool | None]] = []
    found.extend((hit, None) for hit, _ in alike)
    del found[k:]
    seen = {hit.chunk.id for hit, _ in found}
    rankings = {True: iter(ours), False: iter(theirs)}
    while len(found) < k:
        begins = coin.random() < 0.5
        for is_ours in (begins, not begins):
            pick = next((hit for hit in rankings[is_ours] if hit.chunk.id not in seen), None)
            if pick is None:
                return found
            found.append((pick, is_ours))
            seen.add(pick.chunk.id)
    return found[:k]


def drafted(retriever: Retriever, reply: Reply) -> dict[str, Any]:
    """What a turn records of who put which passage there; nothing where nobody did alone."""
    by = tuple(hit.drafted_by for hit in reply.hits if not is_curated(hit.chunk))  # in the numbers' order
    if not isinstance(retriever, Interleaved) or reply.refused or not any(by):
        return {}
    return {"rival": retriever.rival.release.id, "drafted": by}


def _quotes(retriever: Retriever, question: str, hits: Sequence[Hit]) -> bool:
    """Whether it would answer, and not with a person's answer."""
    return retriever.should_answer(question, hits) and hits[0].chunk.id not in retriever.answers
