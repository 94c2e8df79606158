"""What a user can set about the gate: what decides, how sure it must be, and what may not get worse beside it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Verdict = Literal["superior", "non-inferior", "inconclusive", "inferior", "not-enough"]
Promotable = Literal["superior", "non-inferior", "inconclusive"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)


class GuardSettings(_Section):
    """What must hold beside the verdict before a candidate is served."""

    min_queries: int = Field(
        10,
        ge=5,
        description="Questions from which a comparison holds a candidate: fewer say too little against it.",
    )
    slice_queries: int = Field(20, ge=2, description="Questions from which a slice of the holdout counts.")
    slice_margin: float = Field(
        0.05,
        ge=0,
        description="How far a slice may drop, whatever margin is: its whole interval below this holds a candidate.",
    )
    generic_margin: float = Field(
        0.05,
        ge=0,
        description="How far the mean on the generic set, which tells forgetting, may be below the base model's: more, "
        "with an interval wholly below 0, holds a candidate.",
    )
    latency_ratio: float = Field(
        2.0, gt=0, description="How many times the served release's median query time is too slow."
    )
    index_mb: int = Field(
        0, ge=0, description="Most megabytes of the candidate's vectors and model; 0: no limit."
    )
    refusal_drop: float = Field(
        0.15, ge=0, le=1, description="How many more of the off-topic questions may be answered (share)."
    )
    refused_rise: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How many more of the questions that decide the bot may refuse (share): more, with an interval wholly "
        "above 0, holds a candidate.",
    )
    removed_share: float = Field(
        0.1, ge=0, le=1, description="Most of the served index that one round's decisions may take out."
    )
    contradicted_share: float = Field(
        0.1, ge=0, le=1, description="How many of the newly rejected chunks may have accepted questions."
    )
    smoke: list[str] = Field(
        default_factory=list, description="Questions of yours that the bot must not refuse."
    )
    refuse: list[str] = Field(
        default_factory=list, description="Questions of yours that the bot must refuse."
    )
    decisions: bool = Field(
        True, description="Hold a round whose new decisions look mixed up (docs/maintainers.md)."
    )


class GateSettings(_Section):
    """When a candidate may be served."""

    holdout_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the chunks whose questions are kept for evaluation."
    )
    metric: str = Field(
        "ndcg@10",
        pattern="^(ndcg@10|mrr@10|recall@(1|5|10|50))$",
        description="What decides: ndcg@10, mrr@10, recall@1, recall@5, recall@10 or recall@50.",
    )
    margin: float = Field(
        0.03, ge=0, description="How much worse the candidate could be, at the lower end of the interval."
    )
    confidence: float = Field(0.9, gt=0.5, lt=1, description="Of the interval of the mean difference.")
    resamples: int = Field(5000, ge=200, description="Bootstrap resamples of the interval.")
    seed: int = Field(17, ge=0, description="Seed of the bootstrap.")
    promote: list[Promotable] = Field(
        ["superior", "non-inferior"],
        description="Verdicts that may be served: superior, non-inferior, inconclusive.",
    )
    min_queries: int = Field(20, ge=5, description="Fewer questions than this can't promote anything.")
    guards: GuardSettings = GuardSettings()


class TestSetSettings(_Section):
    """Questions of your own: a BEIR folder, or files of their own. Relative to where the command runs."""

    __test__ = False  # not a test of pytest's

    name: str = Field("", description="What reports call it; empty: the folder's name.")
    folder: str = Field("", description="queries.jsonl, qrels.tsv or qrels/test.tsv, perhaps corpus.jsonl.")
    queries: str = Field("", description='JSON lines with "_id" and "text".')
    qrels: str = Field("", description="Tab-separated: query id, file path (or corpus id), relevance.")
    corpus: str = Field(
        "", description="Documents of its own to search instead of the bot's: JSON lines, as in BEIR."
    )

    @model_validator(mode="after")
    def _complete(self) -> TestSetSettings:
        if not self.folder and not (self.queries and self.qrels):
            raise ValueError("a test set needs a folder, or both queries and qrels")
        if self.folder and (self.queries or self.qrels or self.corpus):
            raise ValueError("a test set has a folder or files, not both")
        return self
