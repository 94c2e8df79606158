"""How much accepted questions count in an index: as much as does no harm to needs that nobody annotated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from serving.retrieval.space import WEIGHT, QuestionLeads, Rows, SearchSpace
from serving.retrieval.vectors import Vectors, spread

_WEIGHTS = (WEIGHT, 0.4, 0.3, 0.2, 0.1, 0.0)
# With fewer questions a choice is noise, and no better than the largest weight.
_FEWEST = 40
_MOST = 200  # questions that are asked for a choice: a few seconds beside 7,000 others
_LOSS = 0.01  # of reciprocal rank that a weight may cost


def choose_weight(space: SearchSpace, asked: QuestionLeads) -> QuestionLeads:
    """``asked`` with the largest weight that costs others at most 0.01 of mean reciprocal rank.

    Each question is asked without any question of its own page, so it stands for a need of that page that
    nobody annotated; right is what its page has. ``space`` has the vectors of chunks and pieces.
    """
    if len(asked) < _FEWEST:
        return asked
    chosen = spread(len(asked), _MOST)
    page_of = np.full(len(space), -1, dtype=np.int64)
    page_of[asked.leads.rows] = asked.pages
    found = np.zeros((len(_WEIGHTS), len(chosen)))
    for row, question in enumerate(chosen):
        query, page = asked.leads.vectors[question][None, :], asked.pages[question]
        likeness = space.likeness(query)[0]
        led, raised = _raised(_without(asked, page), query)
        for column, weight in enumerate(_WEIGHTS):
            scores = likeness.copy()
            scores[led] += weight * raised
            best = scores[page_of == page].max()
            found[column, row] = 1 / (1 + np.count_nonzero(scores > best))
    means = found.mean(axis=1)
    good = np.flatnonzero(means >= means[-1] - _LOSS)
    return replace(asked, weight=_WEIGHTS[int(good[0])])


def _raised(others: QuestionLeads, query: Vectors) -> tuple[Rows, Vectors]:
    """The chunks that ``others`` lead to, and how much they raise them at a weight of 1."""
    if not len(others):
        return others.leads.rows, np.zeros(0, np.float32)
    led, raised = others.leads.best(replace(others, weight=1.0).raises(query, again=False))
    return led, raised[0]


def _without(asked: QuestionLeads, page: int) -> QuestionLeads:
    kept = np.flatnonzero(asked.pages != page)
    leads = replace(asked.leads, vectors=asked.leads.vectors[kept], rows=asked.leads.rows[kept])
    return replace(asked, leads=leads, pages=asked.pages[kept])
