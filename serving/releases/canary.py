"""A canary: a candidate answers a share of the conversations, so that visitors judge it first.

A conversation stays with one release from its first turn to its last.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Canary(BaseModel):
    """``release`` answers the ``share`` (more than 0, at most a half) of conversations, since ``since``.

    With ``interleave`` the served release answers those, and each of the two puts half of the passages there.
    A ``binding`` one may be served to all only while visitors do not surely like it less.
    """

    model_config = ConfigDict(frozen=True)

    release: str
    share: float = Field(gt=0, le=0.5)
    since: datetime
    interleave: bool = False
    binding: bool = False

    @property
    def does(self) -> str:
        """What it does with its share of the conversations, in words."""
        return "puts half of the passages into" if self.interleave else "answers"

    def takes(self, conversation: str) -> bool:
        """Whether it answers this conversation. By a hash of both ids, so that each canary gets conversations
        of its own, every bot says the same, and a larger share keeps those of the smaller one."""
        digest = hashlib.blake2b(f"{self.release} {conversation}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self.share * 2**64
