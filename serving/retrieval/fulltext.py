"""Full-text search over the chunks of an index: BM25, as LanceDB computes it.

It finds what dense search misses (an option's name, an error message) and ranks nothing that the bot answers
from: annotators get its hits to choose from.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from curation import ReleaseError
from serving.retrieval.nearest import TABLE

_COLUMN = "text"
_WORD = re.compile(r"\w+")
_MOST_WORDS = 200  # of a question

log = logging.getLogger(__name__)


def build_fulltext(folder: Path) -> None:
    """Add the full-text index to the index that ``build_index`` wrote into ``folder``. What was there is
    replaced. Raises ReleaseError."""
    import lancedb
    from lancedb.index import FTS

    try:
        lancedb.connect(folder).open_table(TABLE).create_index(_COLUMN, config=FTS(), replace=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise ReleaseError(
            f"The full-text index in {folder} can't be written: {error}", "Check the free space (df)."
        ) from error


class FullText:
    """Searches the chunks of one index by their words. Make one with ``FullText.open``."""

    def __init__(self, table: Any) -> None:
        self._table = table

    @classmethod
    def open(cls, folder: Path) -> FullText:
        """The full-text index in ``folder``; one that finds nothing where there is none."""
        import lancedb

        try:
            table = lancedb.connect(folder).open_table(TABLE)
            has_index = any(list(index.columns) == [_COLUMN] for index in table.list_indices())
        except (OSError, RuntimeError, ValueError) as error:
            log.warning("There is no full-text search in %s: %s", folder, error)
            has_index = False
        return cls(table if has_index else None)

    def search(self, question: str, k: int, without: Collection[str] = ()) -> list[str]:
        """Ids of the ``k`` chunks that fit the words of ``question`` best, best first; none of ``without``.

        Whatever people write are words: there is no syntax that could be wrong. Never raises for a question.
        """
        words = " ".join(_WORD.findall(question)[:_MOST_WORDS])
        if self._table is None or not words or k < 1:
            return []
        from lancedb.query import MatchQuery

        try:
            query = self._table.search(MatchQuery(words, _COLUMN), query_type="fts")
            rows = query.select(["id", "_score"]).limit(k + len(without)).to_list()
        except (OSError, RuntimeError, ValueError) as error:
            log.warning("The full-text search failed: %s", error)
            return []
        rows.sort(key=lambda row: (-row["_score"], row["id"]))
        return [row["id"] for row in rows if row["id"] not in without][:k]
