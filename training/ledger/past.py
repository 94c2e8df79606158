"""What the served release was asked, and what its weights have learned from: neither may change places with the other."""

from __future__ import annotations

from dataclasses import dataclass

_Key = tuple[str, str]


@dataclass(frozen=True)
class Past:
    """Records are (dataset, id). ``asked`` are those of the served release's holdout, ``trained`` those it was trained on;
    ``learned`` those that its weights have learned from, in its own training or in that of a release that it went on from, as
    far as that can be told, and ``taught`` the ids and the sections of the chunks that it did so for."""

    asked: frozenset[_Key] = frozenset()
    trained: frozenset[_Key] = frozenset()
    learned: frozenset[_Key] = frozenset()
    taught: frozenset[str] = frozenset()


NOTHING_BEFORE = Past()
