"""Records and vectors for tests, with values of their own in what does not matter there."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from curation.argilla.vectors import Vectors
from curation.records.chunk import Chunk
from curation.records.decision import Decision, Vote


def chunk_of(path: str, section: Sequence[str], text: str, **more: object) -> Chunk:
    """A chunk with the id that it would have."""
    values = {"document_id": path, "source": "folder:/docs", "tokens": 9, "position": 0, **more}
    identity = {"id": Chunk.make_id(path, tuple(section), text)}
    return Chunk.model_validate({**identity, "path": path, "section": section, "text": text, **values})


def decision_of(**more: object) -> Decision:
    """A decision about a conversation, which nobody has voted on."""
    values: dict[str, object] = {
        "record_id": "record",
        "dataset": "conversations",
        "values": {},
        "votes": (),
        "agreement": 1.0,
        "verdict": "undecided",
        "reason": "",
    }
    return Decision.model_validate(values | more)


def vote_of(question: str, value: str, person: str = "ada", **more: object) -> Vote:
    """What ``person`` said; nobody else answers under that id."""
    own = {"annotator": person, "annotator_id": person, "response_id": person}
    return Vote.model_validate({"question": question, "value": value, **own, **more})


class FakeVectors:
    """Stands in for an embedding model where its vectors do not matter: they are random, and the same for the
    same text."""

    def __init__(self, name: str = "fake", dimension: int = 4) -> None:
        self.name = name
        self.dimension = dimension

    def documents(self, texts: Sequence[str]) -> Vectors:
        seeds = [zlib.crc32(text.encode()) for text in texts]
        made = [np.random.default_rng(seed).normal(size=self.dimension) for seed in seeds]
        return np.array([one / np.linalg.norm(one) for one in made], np.float32).reshape(-1, self.dimension)

    queries = documents
