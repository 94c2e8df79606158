"""What a user can set about learning from annotations. What nobody needs to set is a constant here, with its
reason."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from curation import DedupSettings

Verdict = Literal["superior", "non-inferior", "inconclusive", "inferior", "not-enough"]
Promotable = Literal["superior", "non-inferior", "inconclusive"]
# What a candidate is: the served model with everything decided in its index, or a newly trained one.
Rung = Literal["index only", "fine-tuned"]
INDEX_ONLY: Rung = "index only"
FINE_TUNED: Rung = "fine-tuned"

# The gate's constants. docs/measurements/2026-11-gate.md has the measurements behind them.

# Bootstrap resamples of an interval, and their seed: more resamples change the third digit, and the seed only
# makes a verdict repeatable.
RESAMPLES = 5000
SEED = 17
# Questions from which a guard's comparison may hold a candidate: fewer say too little against it.
GUARD_QUERIES = 10
# Questions from which a slice of the holdout counts, and how far one may drop whatever gate.margin is: an
# interval that lies wholly below it holds a candidate.
SLICE_QUERIES = 20
SLICE_MARGIN = 0.05
# How far the mean on the generic questions, which show forgetting, may lie below the base model's. More than
# that, with an interval wholly below 0, holds a candidate.
GENERIC_MARGIN = 0.05
# How much more of the off-topic questions the bot may answer (share).
REFUSAL_DROP = 0.15


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)


class FitSettings(_Section):
    """Fine-tuning."""

    loss: Literal["mnrl", "cached-mnrl"] = Field(
        "mnrl",
        description="mnrl: all other texts of a batch are negatives; cached-mnrl: the same for batches that "
        "do not fit into memory.",
    )
    epochs: float = Field(3.0, gt=0, description="Passes over the examples.")
    batch_size: int = Field(32, ge=2, description="Examples: each sees the others' chunks as negatives.")
    learning_rate: float = Field(6e-5, gt=0, description="Peak learning rate.")
    dimensions: list[int] = Field([384, 256, 128, 64], description="Matryoshka dimensions, largest first.")
    max_tokens: int = Field(
        128, ge=16, description="Tokens of a text that training sees, from the first: time grows with them."
    )
    keep: float = Field(
        0.5, ge=0, lt=1, description="Share of the base model's weights in the result: guards what it knew."
    )
    train: Literal["full", "lora"] = Field(
        "full",
        description="Which weights move: all, or low-rank adapters that are then merged into the model "
        "(lora needs `pip install 'clayloop[lora]'`).",
    )
    processes: int = Field(1, ge=1, description="Training processes: one a GPU, or a few on a large CPU.")
    seed: int = Field(17, description="Seed of everything random.")

    def dimensions_for(self, own: int) -> list[int]:
        """The Matryoshka dimensions for a model of ``own`` dimensions: its own, then the smaller ones,
        largest first."""
        return sorted({own, *(one for one in self.dimensions if 0 < one < own)}, reverse=True)


class RerankerSettings(_Section):
    """A cross-encoder that puts the nearest chunks in a better order.

    It is used as it is and judged by the gate.
    """

    model: str = Field("", description="A folder, Hugging Face name or package:NAME; empty: no reranker.")
    candidates: int = Field(
        20, ge=2, le=200, description="Nearest chunks that it reads: time grows with them."
    )
    max_tokens: int = Field(128, ge=16, description="Tokens of question and chunk together.")
    weight: float = Field(
        0.3, gt=0, le=1, description="Share of its standardised score, mixed with the cosine (1: it alone)."
    )


class GuardSettings(_Section):
    """What must hold beside the verdict before a candidate is served."""

    latency_ratio: float = Field(
        2.0, gt=0, description="How many times the served release's median query time is too slow."
    )
    refused_rise: float = Field(
        0.1,
        ge=0,
        le=1,
        description="How many more of the questions that decide the bot may refuse (share): more, with an "
        "interval wholly above 0, holds a candidate.",
    )
    removed_share: float = Field(
        0.1, ge=0, le=1, description="Most of the index that one round may take out."
    )
    contradicted_share: float = Field(
        0.1, ge=0, le=1, description="How many of the newly rejected chunks may have accepted questions."
    )
    smoke: list[str] = Field([], description="Questions of yours that the bot must not refuse.")
    refuse: list[str] = Field([], description="Questions of yours that the bot must refuse.")
    decisions: bool = Field(
        True, description="Hold a round whose new decisions look mixed up (docs/maintainers.md)."
    )


class GateSettings(_Section):
    """When a candidate may be served."""

    holdout_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the chunks whose questions are held out."
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
    promote: list[Promotable] = Field(
        ["superior"],
        description="Verdicts with which a fine-tuned candidate may be served; non-inferior and inconclusive "
        "can be added.",
    )
    min_queries: int = Field(20, ge=5, description="Fewer questions than this can't promote a trained model.")
    cross_fit_below: int = Field(
        50,
        ge=0,
        description="With fewer held-out questions others that were accepted are asked too, each of a model "
        "that was trained without its section, until there are twice as many: up to five trainings instead "
        "of one (0: never).",
    )
    guards: GuardSettings = GuardSettings()


class AnsweringSettings(_Section):
    """Fine-tuning the language model that writes the bot's answers (`clayloop retrain-answers`)."""

    epochs: float = Field(3.0, gt=0, description="Passes over the accepted answers.")
    learning_rate: float = Field(2e-4, gt=0, description="Peak learning rate of the adapters.")


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


class TrainingSettings(_Section):
    """Everything that the training room can be told."""

    without_annotators: list[str] = Field(
        default_factory=list,
        description="Names or user ids of annotators whose answers no retrain uses; those who answered with "
        "them still count.",
    )
    lease_seconds: float = Field(
        60.0,
        ge=1,
        description="Where several machines share the state folder: one that retrained and gave no sign of "
        "life for so long has lost its turn, and promotes nothing afterwards.",
    )
    dedup: DedupSettings = DedupSettings()
    fit: FitSettings = FitSettings()
    reranker: RerankerSettings = RerankerSettings()
    gate: GateSettings = GateSettings()
    answering: AnsweringSettings = AnsweringSettings()
    testsets: list[TestSetSettings] = Field(
        default_factory=list,
        description="Questions of your own beside the holdout: {folder = …} or {queries = …, qrels = …}.",
    )
