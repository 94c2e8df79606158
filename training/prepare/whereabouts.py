"""What has become of the chunks that decisions are about and that are not among the documents any more.

A chunk's id is a hash of its text, so an edit makes another chunk of it. Records about the old one stay in Argilla, and what
they ask belongs to the side, holdout or training, that its section was on. In this order it is told by: the lineage of the
served release and of those before it; a release's index (training.tracing); the chunk with the same heading whose body is
the closest; a chunk with nearly the same text. Where the same heading is all there is, the example goes with a held-out section if any has that heading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from curation import SECTION_SEPARATOR, Chunk, Decision
from training.prepare.dedup import find_matches, normalise
from training.prepare.examples import Whereabouts, section_of
from training.prepare.overlap import similarities
from training.settings import DedupSettings

# Jaccard similarity of the bodies from which a chunk under the same heading is another version of a text. Two sections of
# clayloop's own docs have 0.07 in common (the median), one pair of a hundred 0.15, none above 0.22.
SAME_BODY = 0.3
# By so much it must be closer than chunks of the same heading in other sections.
_CLEARLY = 0.1


def gone_chunks(decisions: Sequence[Decision], chunks: Sequence[Chunk]) -> dict[str, str]:
    """Id → text of the chunks that triplets and conversations are about and that are not among ``chunks``, in the order of
    the decisions. A triplet shows the text, and so does the record of a chunk that somebody judged; of a conversation's
    chunk that neither shows, the text is empty."""
    here = {chunk.id for chunk in chunks}
    found: dict[str, str] = {}
    judged: dict[str, str] = {}
    for decision in decisions:
        if decision.dataset == "chunks":
            judged[decision.record_id] = decision.fields.get("chunk", "")
            continue
        key, text = decision.chunk_id, decision.fields.get("anchor", "")
        if key and key not in here and not found.get(key, "").strip():
            found[key] = text
    return {key: text if text.strip() else judged.get(key, "") for key, text in found.items()}


def trace_chunks(
    gone: Mapping[str, str],
    chunks: Sequence[Chunk],
    indexed: Collection[str],
    places: Mapping[str, str],
    is_held: Callable[[str], bool],
    settings: DedupSettings,
) -> dict[str, Whereabouts]:
    """Where each of the ``gone`` chunks (id → text) belongs, and what a record teaches that does not show it.

    ``chunks`` are all of the documents and ``indexed`` the ids of those in the index: only one of them can be the text's
    version of today. ``places`` maps ids to the sections that earlier releases knew them in. The place of a chunk that
    nothing is known of is its own id; without a text it has no version either.
    """
    by_name = _ByName(chunks if gone else ())
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, text in gone.items():
        if text.strip():
            alike[places.get(key, ""), text.partition("\n\n")[0]].append(key)
    versions: dict[str, Chunk] = {}
    named: dict[str, str] = {}
    for (place, line), keys in alike.items():
        candidates = by_name.in_section(place) or by_name.under_heading(line)
        if candidates:
            sections = list(dict.fromkeys(map(section_of, candidates)))
            named |= dict.fromkeys(keys, next(filter(is_held, sections), sections[0]))
            found = _closest([gone[key] for key in keys], line, candidates)
            versions |= {key: one for key, one in zip(keys, found, strict=True) if one}
    rest = [key for key, text in gone.items() if text.strip() and key not in versions]
    matches = (
        find_matches([gone[key] for key in rest], [chunk.text for chunk in chunks], settings) if rest else []
    )
    versions |= {rest[match.index]: chunks[match.kept] for match in matches}
    return {
        key: _whereabouts(key, text, versions.get(key), places.get(key, ""), named.get(key, ""), indexed)
        for key, text in gone.items()
    }


def _whereabouts(
    key: str, text: str, version: Chunk | None, known: str, named: str, indexed: Collection[str]
) -> Whereabouts:
    place = known or (section_of(version) if version else named) or key
    if version is None:
        return Whereabouts(place=place, text=text)
    asked = version.id if version.id in indexed else ""
    return Whereabouts(place=place, version=asked, text=version.text, became=version.id)


class _ByName:
    """Chunks by section and by heading."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._section: dict[str, list[Chunk]] = defaultdict(list)
        self._heading: dict[str, list[Chunk]] = defaultdict(list)
        for chunk in chunks:
            self._section[section_of(chunk)].append(chunk)
            if chunk.section:
                self._heading[_last_part(chunk.heading)].append(chunk)

    def in_section(self, place: str) -> list[Chunk]:
        return self._section.get(place, []) if place else []

    def under_heading(self, line: str) -> list[Chunk]:
        """A long heading line is cut at its front to make room for the body."""
        return [chunk for chunk in self._heading.get(_last_part(line), ()) if chunk.heading.endswith(line)]


def _closest(texts: Sequence[str], line: str, candidates: Sequence[Chunk]) -> list[Chunk | None]:
    """For each of ``texts``, which all begin with ``line``, the one that it is another version of, if one clearly is. The
    parts of one section do not compete: whichever it is, the section is the same."""
    headed = np.array([chunk.heading.endswith(line) for chunk in candidates])
    number: dict[str, int] = {}
    section = np.array([number.setdefault(section_of(chunk), len(number)) for chunk in candidates])
    bodies = [normalise(chunk.body) for chunk in candidates]
    rests = [normalise(text.partition("\n\n")[2]) for text in texts]
    wholes = [normalise(text) for text in texts]
    found: list[Chunk | None] = []
    for whole, rest in zip(
        similarities(wholes, [body for body, one in zip(bodies, headed, strict=True) if not one]),
        similarities(rests, [body for body, one in zip(bodies, headed, strict=True) if one]),
        strict=True,
    ):
        scores = np.empty(len(candidates))
        scores[headed], scores[~headed] = rest, whole
        best = int(scores.argmax())
        elsewhere = scores[section != section[best]].max(initial=0.0)
        is_version = scores[best] >= SAME_BODY and scores[best] - elsewhere >= _CLEARLY
        found.append(candidates[best] if is_version else None)
    return found


def _last_part(heading: str) -> str:
    return heading.rsplit(SECTION_SEPARATOR, 1)[-1]
