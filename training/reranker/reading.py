"""A reranker applied to many questions at once: what the evaluation ranks is what the bot would show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from curation import SILENT, Progress
from serving import Reranker, fuse

Numbers = npt.NDArray[np.float32]
TextOf = Callable[[int, int], str]  # (row of the question, column of the text) → the text


@dataclass(frozen=True)
class Reading:
    """What a reranker says of the nearest texts of each question: ``columns`` (m, c) names them, nearest first, ``cosines``
    and ``scores`` (m, c) are theirs. ``seconds`` has one figure a question: what reading its candidates took."""

    columns: npt.NDArray[np.intp]
    cosines: Numbers
    scores: Numbers
    seconds: list[float] = field(default_factory=list)

    def ordered(self, cosines: Numbers, weight: float) -> Numbers:
        """(m, n) ``cosines`` with those of the candidates replaced, so that they come first and in the mixed order."""
        count = self.columns.shape[1]
        order = np.argsort(-fuse(self.cosines, self.scores, weight), axis=1, kind="stable")
        above = 1 + np.arange(count, 0, -1, dtype=np.float32)  # a cosine is 1 at most
        found: Numbers = cosines.copy()
        rows = np.arange(len(cosines))[:, None]
        found[rows, np.take_along_axis(self.columns, order, axis=1)] = above
        return found


def read(
    reranker: Reranker,
    questions: Sequence[str],
    cosines: Numbers,
    text_of: TextOf,
    progress: Progress = SILENT,
) -> Reading:
    """Let it read the nearest texts of each question, whose (m, n) ``cosines`` these are, one question after the other."""
    count = min(reranker.info.candidates, cosines.shape[1])
    columns = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    scores: Numbers = np.zeros((len(questions), count), dtype=np.float32)
    seconds = []
    with progress.task("Reranking", total=len(questions), unit="questions") as advance:
        for row, question in enumerate(questions):
            pairs = [(question, text_of(row, int(column))) for column in columns[row]]
            started = time.perf_counter()
            scores[row] = reranker.scores(pairs)
            seconds.append(time.perf_counter() - started)
            advance(1)
    return Reading(columns, np.take_along_axis(cosines, columns, axis=1), scores, seconds)


def reranked(
    reranker: Reranker,
    questions: Sequence[str],
    cosines: Numbers,
    text_of: TextOf,
    progress: Progress = SILENT,
) -> Numbers:
    """(m, n) ``cosines`` changed so that they rank as the release with this reranker does."""
    if not len(questions):
        return cosines
    return read(reranker, questions, cosines, text_of, progress).ordered(cosines, reranker.info.weight)
