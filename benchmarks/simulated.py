"""A project whose people are simulated: its documentation ingested and served, headings accepted, questions
put to the bot and judged by who knows the right page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from curation import (
    BEST_SOURCE,
    CORRECTION,
    NO_SOURCE,
    OTHER_SOURCE,
    Advance,
    ChunkSettings,
    Corpus,
    DatasetName,
    Decision,
    Home,
    SynthesisSettings,
    TestSet,
    Triplet,
    Turn,
    Vote,
    acceptance_verdict,
    ingest,
    load_triplets,
    synthesize,
)
from serving import (
    BotSettings,
    ModelTokenCounter,
    ReleaseStore,
    Retriever,
    ServingSettings,
    answer_question,
    bootstrap,
    load_release,
    offered_passages,
)
from training import RetrainOptions, RetrainSummary, TrainingSettings, retrain_from_annotations


class Lines:
    """Progress as plain lines."""

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Advance]:
        yield lambda done: None

    def say(self, line: str) -> None:
        print(f"    {line}", flush=True)


def decision(
    dataset: DatasetName,
    record: str,
    values: dict[str, str],
    fields: dict[str, str],
    metadata: dict[str, str | int | float],
    written: Mapping[str, str] | None = None,
) -> Decision:
    """What one simulated annotator's ``values`` come to, by the product's own rules, and what was
    ``written``."""
    verdict, reason = acceptance_verdict(dataset, values, {})
    votes = tuple(
        Vote(
            question=name,
            value=value,
            annotator="simulated",
            annotator_id="simulated",
            response_id=f"simulated-{record}",
        )
        for name, value in {**values, **(written or {})}.items()
    )
    return Decision(
        record_id=record,
        dataset=dataset,
        values=values,
        votes=votes,
        agreement=1.0,
        verdict=verdict,
        reason=reason,
        fields=fields,
        metadata=metadata,
    )


def accept(triplet: Triplet) -> Decision:
    """Every heading is accepted."""
    return decision(
        "triplets",
        triplet.id,
        {"is_positive_relevant": "yes", "is_negative_irrelevant": "yes"},
        {"anchor": triplet.anchor, "positive": triplet.positive, "negative": triplet.negative},
        {"chunk_id": triplet.chunk_id, "origin": triplet.origin},
    )


def converse(retriever: Retriever, corpus: Corpus, test_set: TestSet, key: str, silent: bool) -> Decision:
    """Ask the bot a question, without a language model, judge its first source by the qrels, and name a
    better one unless ``silent``: the first right passage of those offered, else the right page's path.

    A refusal is wrong, since the documents answer every question of a test set.
    """
    question = test_set.queries[key]
    *_, reply = answer_question(retriever, None, question, (), BotSettings())
    cited = tuple(hit.chunk.id for hit in reply.hits)
    turn = Turn(
        conversation_id=f"simulated-{key}",
        turn=0,
        question=question,
        answer=reply.text,
        cited=cited,
        offered=offered_passages(retriever, question, cited),
        refused=reply.refused,
        score=reply.score,
        release_id=retriever.release.id,
        created_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
    )
    pages = test_set.qrels[key]
    correct = bool(reply.hits) and reply.hits[0].chunk.path in pages
    values = {"is_response_correct": "yes" if correct else "no", "out_of_guardrails": "no"}
    written = {}
    if not correct and not silent:
        right = [corpus.by_id[chunk_id].path in pages for chunk_id in turn.offered]
        values[BEST_SOURCE] = str(right.index(True) + 1) if any(right) else NO_SOURCE
        if not any(right):
            written = {OTHER_SOURCE: sorted(pages)[0]}
        told = next(chunk for chunk in corpus.chunks if chunk.path in pages)
        written[CORRECTION] = f"{told.body[:_TOLD]} (see {told.path})"
    # As curation.argilla.conversations stores a turn.
    metadata: dict[str, str | int | float] = {
        "conv_id": turn.conversation_id,
        "turn": turn.turn,
        "release": turn.release_id,
        "refused": "yes" if turn.refused else "no",
        "sources": len(turn.cited),
        "score": turn.score,
        "question": turn.question,
    }
    if turn.cited:
        metadata["chunk_id"] = turn.cited[0]
    metadata["offered"] = " ".join(turn.offered)
    return decision(
        "conversations",
        turn.id,
        values,
        {"instruction": turn.question, "response": turn.answer},
        metadata,
        written,
    )


_TOLD = 300  # characters of the right page in a correction


@dataclass(frozen=True)
class Project:
    """A documentation that is served from ``home``, and the decisions that accept its ``headings``."""

    home: Home
    corpus: Corpus
    headings: Sequence[Decision]
    serving: ServingSettings

    @classmethod
    def begin(cls, docs: Path, home: Home, serving: ServingSettings) -> Project:
        """Ingest ``docs`` into an empty home and bootstrap."""
        ingest([str(docs)], home, ChunkSettings(), ModelTokenCounter(serving.embedding.model), Lines())
        corpus = Corpus.load(home)
        bootstrap(home, corpus, serving, Lines())
        synthesize(home, corpus, SynthesisSettings(), None, Lines())
        headings = [accept(one) for one in load_triplets(home) if one.origin == "heading"]
        return cls(home, corpus, headings, serving)

    def retrain(
        self, home: Home, decisions: Sequence[Decision], training: TrainingSettings, force: bool = False
    ) -> RetrainSummary:
        """The product's retrain; ``home`` serves the result if its gate promotes it."""
        options = RetrainOptions(Lines(), force=force)
        summary = retrain_from_annotations(
            home, self.corpus, training, self.serving, lambda: list(decisions), options
        )
        print(f"    {summary.verdict}", flush=True)
        return summary

    def served(self, home: Home) -> Retriever:
        return load_release(ReleaseStore(home), None, self.serving)

    def copied(self, name: str) -> Home:
        """The home as it is now, to go on from."""
        copy = self.home.root.with_name(f"{self.home.root.name}-{name}")
        shutil.copytree(self.home.root, copy)
        return Home(copy)
