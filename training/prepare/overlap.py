"""How similar each of some texts is to each of others: exactly, for many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training.prepare.dedup import jaccard, shingles

Similarities = npt.NDArray[np.float64]

_ONE_BY_ONE_UP_TO = (
    2_000  # pairs; for more, one multiplication of sparse matrices counts what is common to all of them
)
_BLOCK = 256  # texts compared with all others at a time


def similarities(texts: Sequence[str], others: Sequence[str]) -> Iterator[Similarities]:
    """For each of ``texts`` its Jaccard similarity to each of ``others``, (m,) from 0 to 1: what ``training.dedup.jaccard``
    gives for their shingles. All are normalised."""
    if len(texts) * len(others) <= _ONE_BY_ONE_UP_TO:
        sets = [shingles(text) for text in others]
        for text in texts:
            own = shingles(text)
            yield np.array([jaccard(own, other) for other in sets], dtype=np.float64)
        return
    column: dict[str, int] = {}
    rows = [[column.setdefault(one, len(column)) for one in shingles(text)] for text in others]
    sizes = np.array([len(row) for row in rows])
    table = _counts(rows, len(column)).T.tocsr()
    for start in range(0, len(texts), _BLOCK):
        sets = [shingles(text) for text in texts[start : start + _BLOCK]]
        own_sizes = np.array([len(own) for own in sets])
        known = [[column[one] for one in own if one in column] for own in sets]
        common = (_counts(known, len(column)) @ table).toarray()
        yield from common / (own_sizes[:, None] + sizes - common)


def _counts(rows: Sequence[Sequence[int]], width: int) -> Any:
    """A sparse matrix with a one in each row's columns."""
    from scipy.sparse import csr_matrix

    ends = np.cumsum([0, *map(len, rows)])
    columns = np.fromiter((one for row in rows for one in row), dtype=np.int64, count=int(ends[-1]))
    return csr_matrix((np.ones(len(columns), dtype=np.int32), columns, ends), shape=(len(rows), width))
