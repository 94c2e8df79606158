"""What a release is: the record in release.json."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from curation import BusyError
from serving.releases.prompt import DEFAULT_PROMPT, Prompt
from serving.retrieval.reranker import RerankerInfo

RELEASE_FILE = "release.json"
MODEL_FOLDER = "model"
INDEX_FOLDER = "index"
RERANKER_FOLDER = "reranker"
ANSWERING_FOLDER = "answering"
ANSWERING_MODEL = f"{ANSWERING_FOLDER}/model.gguf"
EVALUATION_FILE = "evaluation.json"
FITTED_FILE = "fitted.parquet"  # the ledger that the model learned from, where it is not lineage.parquet
LINEAGE_FILE = "lineage.parquet"
CARD_FILE = "README.md"

RELEASE_ID = re.compile(r"r(\d{4,})-[0-9a-f]{8}")


class EmbeddingInfo(BaseModel):
    """The model in ``model/``: its name, the length of its vectors, the tokens that it reads of a text."""

    name: str
    dimension: int
    max_tokens: int


Asked = Literal["all", "people"]


class IndexInfo(BaseModel):
    """The tables in ``index/``: ``rows`` counts the documents' chunks, ``answers`` the curated answers beside
    them, ``pieces`` and ``questions`` what else leads to both. ``asked`` says whose accepted questions these
    are: all, or only what people asked the bot."""

    rows: int
    dimension: int
    asked: Asked = "all"
    pieces: int = 0
    questions: int = 0
    answers: int = 0


class RetrievalInfo(BaseModel):
    """``top_k`` chunks are looked up. The bot answers when the index comes as near as ``min_score``
    (`serving.retrieval.space.nearness`)."""

    top_k: int
    min_score: float


class AnsweringInfo(BaseModel):
    """The language model that was trained to write the bot's answers: the file answering/model.gguf, or the
    model ``name`` at the endpoint ``base_url``.

    ``few_shot``: it is asked as very small models are. ``trained_on`` counts what it learned from,
    ``metrics`` are its figures on held-out questions.
    """

    name: str
    base_url: str = ""
    few_shot: bool = False
    trained_on: dict[str, int] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)


class ReleaseOrigin(BaseModel):
    """Where a release comes from.

    ``run_id`` is the training run that made it, ``parent`` the release that was served then. ``base_model``
    is the setting that the embedding model started from. ``trained_on`` counts what it learned from (empty:
    nothing). ``metrics`` are this release's on its own holdout, for example ``{"ndcg@10": 0.71}``.
    """

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    base_model: str
    run_id: str | None = None
    parent: str | None = None
    prompt: Prompt = DEFAULT_PROMPT
    trained_on: dict[str, int] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)


class ReleaseDraft(ReleaseOrigin):
    """A release before it is published: everything but its id, its time and the hashes of its files."""

    embedding: EmbeddingInfo
    index: IndexInfo
    retrieval: RetrievalInfo
    reranker: RerankerInfo | None = None
    answering: AnsweringInfo | None = None


class Release(ReleaseDraft):
    """A published release. ``files`` maps each file's path in the release folder to its SHA-256."""

    id: str
    created_at: datetime
    files: dict[str, str]

    @property
    def number(self) -> int:
        return number_of(self.id)


def number_of(release_id: str) -> int:
    """The running number in a release's id: it sorts releases by age."""
    found = RELEASE_ID.fullmatch(release_id)
    if found is None:
        raise ValueError(f"{release_id!r} is not the id of a release")
    return int(found.group(1))


def digest(values: dict[str, Any]) -> str:
    """8 hex digits over all of release.json but the id, which ends in them: a changed release.json shows."""
    content = {key: value for key, value in values.items() if key != "id"}
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:8]


class NotPromotedError(BusyError):
    """Somebody promoted another release, ``served``, in the meantime, or has pinned it. The release ``kept``
    stays, and is not served.

    ``overruled``: ``kept`` had been promoted before that. ``pinned``: ``served`` is what was expected, and
    stays until a person promotes another one.
    """

    def __init__(
        self, kept: str, served: str | None, expected: str, overruled: bool = False, pinned: bool = False
    ) -> None:
        why = (
            f"{served} is pinned"
            if pinned
            else f"somebody promoted {served or 'nothing'} while this was made from {expected}"
        )
        start = f"`clayloop releases pin --off {served}`" if pinned else "Start again from what is served now"
        super().__init__(
            f"Not promoted: {why}. What was made is kept as {kept}.",
            f"{start}, or serve it all the same: `clayloop releases promote {kept}`.",
        )
        self.kept = kept
        self.served = served
        self.overruled = overruled
        self.pinned = pinned
