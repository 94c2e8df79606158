"""Questions embedded once a run, however many steps compare them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.prepare.meaning import Vectors, VectorsOf


class QuestionVectors:
    """The unit vectors of questions: those that are known already, and ``vectors_of`` for the others.

    A vector's last bits hang on what it was embedded together with. So a step saves the vectors that the next one needs:
    a run that is killed and resumed compares the same numbers.
    """

    def __init__(self, vectors_of: VectorsOf) -> None:
        self._vectors_of = vectors_of
        self._known: dict[str, Vectors] = {}

    def __call__(self, questions: Sequence[str]) -> Vectors:
        """(n, d), in the order of ``questions``."""
        missing = [one for one in dict.fromkeys(questions) if one not in self._known]
        if not questions:
            return self._vectors_of(questions)
        if missing:
            self._known.update(zip(missing, self._vectors_of(missing), strict=True))
        return np.stack([self._known[one] for one in questions])

    def save(self, path: Path, questions: Sequence[str]) -> None:
        """Write the vectors of the distinct ``questions``."""
        np.save(path, self(list(dict.fromkeys(questions))), allow_pickle=False)

    def load(self, path: Path, questions: Sequence[str]) -> None:
        """Know what ``save`` wrote for the same ``questions``. A run of an earlier version has no such file."""
        distinct = list(dict.fromkeys(questions))
        if path.is_file():
            self._known.update(zip(distinct, np.load(path, allow_pickle=False), strict=True))
