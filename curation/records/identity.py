"""Content-hash ids, and what makes two texts the same."""

from __future__ import annotations

import hashlib
import unicodedata


def content_id(*parts: str) -> str:
    """32 hex digits of SHA-256 over ``parts``, each prefixed by its length so that no two lists collide."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:32]


def normalise(text: str) -> str:
    """What makes two texts exactly the same: Unicode NFKC, case folded, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
