"""One training example, as annotators see it."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curation.records.identity import content_id

Origin = Literal["sentence-pair", "multiple-queries", "heading", "conversation"]
QueryStyle = Literal["question", "how-to", "keywords", "error", "follow-up"]


class Triplet(BaseModel):
    """A triplet, with the field names of Argilla's chat-bot tutorial.

    ``anchor`` is the chunk's text, ``positive`` a query that the chunk answers, ``negative`` a query in
    similar words that it does not answer (empty where there is none). ``origin`` says where the positive
    comes from: the first generated query, one of its variations, a section heading, or a conversation that
    was answered wrongly. ``style`` says how the model was to put a first generated query (empty for all
    others). ``model`` names the language model (empty for the last two). ``path`` and ``section`` (one line)
    are the chunk's.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    chunk_id: str
    anchor: str
    positive: str
    negative: str = ""
    origin: Origin
    style: QueryStyle | Literal[""] = ""
    model: str = ""
    path: str = ""
    section: str = ""

    @staticmethod
    def make_id(chunk_id: str, positive: str, negative: str) -> str:
        return content_id("triplet", chunk_id, positive, negative)


TRIPLET_SCHEMA = pa.schema([(name, pa.string()) for name in Triplet.model_fields])
