"""What the releases tell of chunks that are not among the documents any more: their sections, and their texts.

The lineages know the section of every chunk that a release made an example of. The indexes know the section and the text of
every chunk that the bot could cite, so a conversation about one that was edited since is not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from curation import Chunk, Decision, read_json, write_json
from serving import ReleaseStore
from training.ledger.ancestry import chunks_known, places_known
from training.prepare.examples import Whereabouts, section_of
from training.prepare.whereabouts import gone_chunks, trace_chunks
from training.settings import DedupSettings

BECAME_FILE = "became.json"


def trace_through_releases(
    store: ReleaseStore,
    served: str,
    decisions: Sequence[Decision],
    chunks: Sequence[Chunk],
    indexed: Collection[str],
    is_held: Callable[[str], bool],
    settings: DedupSettings,
) -> dict[str, Whereabouts]:
    """Where the chunks of ``decisions`` belong that are not among ``chunks``, all of the documents, ``indexed`` being the ids
    of those in the index. A record shows a chunk's text, or an index has it; its section is told by the lineage of the
    release ``served`` and of those before it, or by an index."""
    gone = gone_chunks(decisions, chunks)
    places = places_known(store, served, gone) if gone else {}
    before = chunks_known(store, [key for key, text in gone.items() if key not in places or not text.strip()])
    texts = {
        key: before[key].text if key in before and not text.strip() else text for key, text in gone.items()
    }
    sections = {key: section_of(chunk) for key, chunk in before.items()}
    return trace_chunks(texts, chunks, indexed, sections | places, is_held, settings)


def write_became(folder: Path, gone: Mapping[str, Whereabouts]) -> None:
    """Note in ``folder`` which chunk of today each of those has become that are gone, as far as that is known."""
    write_json(folder / BECAME_FILE, {key: where.became for key, where in gone.items() if where.became})


def read_became(folder: Path) -> dict[str, str]:
    """What ``write_became`` noted; nothing in a run of an earlier version."""
    path = folder / BECAME_FILE
    return dict(read_json(path)) if path.exists() else {}
