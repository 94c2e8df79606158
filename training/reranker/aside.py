"""The questions that tell whether a reranker pays: nobody trains on them, and they are not the holdout's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from curation import Chunk
from training.prepare.dedup import find_matches, normalise
from training.prepare.examples import Example, Unused, section_of
from training.settings import DedupSettings

# A verdict by fewer questions would be chance.
LEAST_QUESTIONS = 15
_SALT = "clayloop reranker 1\t"
_REASON = "set aside to see whether a reranker pays"


@dataclass
class Aside:
    """``train`` without the sections that are set aside. ``asked`` are the examples of those that can be asked: they are in
    the index as they were judged, and ask what no example of ``train`` asks. ``groups`` are the chunk groups set aside."""

    train: list[Example]
    asked: list[Example] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    groups: set[str] = field(default_factory=set)


def set_aside(
    train: Sequence[Example],
    chunks: Sequence[Chunk],
    groups: Mapping[str, str],
    share: float,
    settings: DedupSettings,
) -> Aside:
    """Take a ``share`` of the sections out of ``train``, with all near duplicates of their chunks (``groups``).

    Decided by a stable hash of the section, as the holdout is: a release that was trained with a reranker has never seen
    what the next one is judged by. With fewer than 15 questions nothing is set aside: they could not tell.
    """
    apart = {groups.get(chunk.id, chunk.id) for chunk in chunks if _is_aside(section_of(chunk), share)}
    kept: list[Example] = []
    taken: list[Example] = []
    for example in train:
        is_apart = groups.get(example.chunk_id, example.chunk_id) in apart or _is_aside(example.place, share)
        (taken if is_apart else kept).append(example)
    live = [one for one in taken if one.live]
    known = {
        match.index
        for match in find_matches([one.query for one in live], [one.query for one in kept], settings)
    }
    asked = [one for row, one in enumerate(live) if row not in known]
    if len({normalise(one.query) for one in asked}) < LEAST_QUESTIONS:
        return Aside(list(train))
    unused = [Unused(dataset=one.dataset, record_id=one.record_id, reason=_REASON) for one in taken]
    return Aside(kept, asked, unused, apart)


def _is_aside(place: str, share: float) -> bool:
    digest = hashlib.sha256((_SALT + place).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
