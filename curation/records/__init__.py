"""The typed records that pass between rooms. Ids are content hashes: a second run upserts, never duplicates."""

from curation.records.chunk import Chunk
from curation.records.decision import DatasetName, Decision, Verdict, Vote
from curation.records.document import Document
from curation.records.triplet import Origin, Triplet
from curation.records.turn import Message, Turn

__all__ = [
    "Chunk",
    "DatasetName",
    "Decision",
    "Document",
    "Message",
    "Origin",
    "Triplet",
    "Turn",
    "Verdict",
    "Vote",
]
