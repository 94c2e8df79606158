"""What has become of the chunks that decisions are about and that are not among the documents any more.

A chunk's id is a hash of its text, so an edit makes another chunk of it. Records about the old one stay in Argilla, and what
they ask belongs to the side, holdout or training, that its section was on. In this order it is told by: the lineage of the
served release and of those before it; the chunk with the same heading whose body is the closest; a chunk with nearly the
same text. Where the same heading is all there is, the example goes with a held-out section if any has that heading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from curation.records import Chunk, Decision
from curation.records.chunk import SECTION_SEPARATOR
from training.dedup import find_matches, jaccard, normalise, shingles
from training.examples import Whereabouts, section_of
from training.settings import DedupSettings

# Jaccard similarity of the bodies from which a chunk under the same heading is another version of a text. Two sections of
# clayloop's own docs have 0.07 in common (the median), one pair of a hundred 0.15, none above 0.22.
SAME_BODY = 0.3
# By so much it must be closer than chunks of the same heading in other sections.
_CLEARLY = 0.1


def gone_chunks(decisions: Sequence[Decision], chunks: Sequence[Chunk]) -> dict[str, str]:
    """Id → text of the chunks that ``decisions`` show and that are not among ``chunks``, in the order of the decisions."""
    here = {chunk.id for chunk in chunks}
    found: dict[str, str] = {}
    for decision in decisions:
        if decision.dataset == "chunks":
            key, text = decision.record_id, decision.fields.get("chunk", "")
        else:
            key, text = decision.chunk_id, decision.fields.get("anchor", "")
        if key and key not in here and text.strip():
            found.setdefault(key, text)
    return found


def trace_chunks(
    gone: Mapping[str, str],
    chunks: Sequence[Chunk],
    indexed: Collection[str],
    places: Mapping[str, str],
    is_held: Callable[[str], bool],
    settings: DedupSettings,
) -> dict[str, Whereabouts]:
    """Where each of the ``gone`` chunks (id → text) belongs; those that nothing is known of are missing.

    ``chunks`` are all of the documents and ``indexed`` the ids of those in the index: only one of them can be the text's
    version of today. ``places`` maps ids to the sections that earlier releases knew them in.
    """
    by_name = _ByName(chunks if gone else ())
    candidates = {
        key: by_name.in_section(places[key]) if key in places else by_name.under_heading(text)
        for key, text in gone.items()
    }
    versions = {key: one for key, text in gone.items() if (one := _closest(text, candidates[key]))}
    rest = [key for key in gone if key not in versions]
    matches = (
        find_matches([gone[key] for key in rest], [chunk.text for chunk in chunks], settings) if rest else []
    )
    versions |= {rest[match.index]: chunks[match.kept] for match in matches}
    found: dict[str, Whereabouts] = {}
    for key in gone:
        version = versions.get(key)
        asked = version.id if version and version.id in indexed else ""
        sections = [section_of(chunk) for chunk in ([version] if version else candidates[key])]
        place = places.get(key) or next(filter(is_held, sections), sections[0] if sections else "")
        if place:
            found[key] = Whereabouts(place=place, version=asked)
    return found


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
        return self._section.get(place, [])

    def under_heading(self, text: str) -> list[Chunk]:
        """A long heading line is cut at its front to make room for the body."""
        line = text.partition("\n\n")[0]
        return [chunk for chunk in self._heading.get(_last_part(line), ()) if chunk.heading.endswith(line)]


def _closest(text: str, candidates: Sequence[Chunk]) -> Chunk | None:
    """The one of which ``text`` is another version, if one clearly is. The parts of one section do not compete: whichever
    it is, the section is the same."""
    line, _, rest = text.partition("\n\n")
    scored = [
        (jaccard(_shingles(rest if chunk.heading.endswith(line) else text), _shingles(chunk.body)), chunk)
        for chunk in candidates
    ]
    if not scored:
        return None
    best, chunk = max(scored, key=lambda pair: pair[0])
    elsewhere = [score for score, other in scored if section_of(other) != section_of(chunk)]
    if best < SAME_BODY or best - max(elsewhere, default=0.0) < _CLEARLY:
        return None
    return chunk


def _last_part(heading: str) -> str:
    return heading.rsplit(SECTION_SEPARATOR, 1)[-1]


def _shingles(text: str) -> frozenset[str]:
    return shingles(normalise(text))
