"""What comes before everything else: documents, and a first release."""

from __future__ import annotations

from curation import Home
from serving import ReleaseStore


def first_step(home: Home) -> str:
    """What to do while nothing is served; "" from the first release on."""
    if ReleaseStore(home).current_id() is not None:
        return ""
    if not home.chunks.exists():
        return "`clayloop ingest SOURCE` reads documents, then `clayloop bootstrap` makes a first release."
    return "`clayloop bootstrap` makes the first release from the documents."
