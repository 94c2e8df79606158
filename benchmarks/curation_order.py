"""What an annotator's minutes bring: annotations needed in the queue's order and in random order for the same
search, and a model trained on curated pairs against one trained on the same uncurated.

    python -m benchmarks curation_order --eval FOLDER [--sets scrapy,django] [--chunks 400] [--seeds 5]
                                        [--trainings 2] [--json FILE]

The pool of a set and kind (FAQ pages, ordinary pages) is wording a of each need with the best chunk of its
right pages, and as many headings with theirs; 30% get another chunk, by turns a near miss and any other. An
annotator judges pair after pair and errs in 5% of them.

*Order.* The queue's order is the product's priority by what is suggested, which is learned anew after every
50 decisions, as a retrain does. What is accepted leads to its chunk in the index of the first release (no
training), and wording b of all needs is asked: NDCG@10 by file. Told is how many annotations the queue's
order needs, of those that random order needs, to bring half of what the whole pool brings; curves are means
of the seeds. Beside it, orders that nobody could have: all that is right first (as 70% are, random order
needs about 1.4 times as many), and first what helps wording b most when it is alone in the index. That is no
bound: what helps alone may help nothing beside another, and the queue may do better.

*Training.* Both kinds' pools of a set together, fine-tuned as a retrain does: all of it against what was
accepted (what was rejected is left out, and no accepted question is in the index). Wording b is asked.
Trainings take minutes, so they have fewer seeds than the five that the bar asks for, unless told.

25 minutes with the defaults on two quiet cores, or less.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from benchmarks.asked_again import NAMES, NEEDS, Asked, load_needs
from benchmarks.curation import MINILM, Searched, asked_of, search_set
from benchmarks.options import parser_over_sets
from benchmarks.rows import Row, at_least, at_most, figure
from curation import COLD_SCORERS, Chunk, Example, Features, Scorers, TestSet, guess, learn, priority
from serving import (
    Embedder,
    EmbeddingSettings,
    IndexedQuestion,
    SearchSpace,
    ServingSettings,
    fit_space,
    lead_questions,
)
from training import FitSettings, LedgerRow, TrainingMaterial, fine_tune, score, section_of

BAD, ERRS, RELEARNED = 0.3, 0.05, 50
STEP = 5  # annotations between two looks at the search
QUESTION = "is_positive_relevant"


@dataclass(frozen=True)
class Pair:
    """A query, the row of the chunk that it is put to, and what the annotator says."""

    key: str
    query: str
    row: int
    accepted: bool
    features: Features


class Shares(NamedTuple):
    """Annotations of those that random order needs: in the ``queue``'s order, and in two that nobody could
    know, with everything that is ``right`` first and with what helps most ``alone`` first."""

    queue: float
    right: float
    alone: float


@dataclass(frozen=True)
class Served:
    """The chunks as the first release has them, whitened and with their pieces."""

    chunks: Sequence[Chunk]
    space: SearchSpace
    embedder: Embedder

    @classmethod
    def of(cls, searched: Searched) -> Served:
        embedder = Embedder(MINILM, EmbeddingSettings())
        space = fit_space(embedder, searched.chunks, ServingSettings().retrieval.whiten)
        return cls(searched.chunks, space, embedder)


class Known:
    """Queries that were embedded before, in place of an embedder."""

    def __init__(self, embedder: Embedder, texts: Sequence[str]) -> None:
        texts = list(dict.fromkeys(texts))
        self._vectors = dict(zip(texts, embedder.queries(texts), strict=True))

    def queries(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.stack([self._vectors[text] for text in texts])


def main(arguments: Sequence[str]) -> list[Row]:
    parser = parser_over_sets("curation_order", __doc__, "scrapy,django")
    parser.add_argument("--chunks", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trainings", type=int, default=2)
    given = parser.parse_args(arguments)
    rows, shares, gains = list[Row](), dict[str, list[Shares]](), dict[str, list[tuple[float, float]]]()
    for name in given.sets.split(","):
        searched = search_set(given.eval / name, given.chunks)
        served = Served.of(searched)
        asked = load_needs(given.eval / name, NEEDS / name)
        for one in asked:
            share = order_share(searched, served, one, given.seeds)
            shares.setdefault(one.kind, []).append(share)
            what = f"annotations of random order's, {name}, {NAMES[one.kind]}"
            rows += [
                figure(what, share.queue),
                figure(f"{what}, what is right first", share.right),
                figure(f"{what}, what helps most alone first", share.alone),
            ]
        for seed in range(given.trainings):
            for kind, both in trained(searched, asked, seed).items():
                gains.setdefault(f"{name}, {NAMES[kind]}", []).append(both)
                print(f"{name}, {kind}, seed {seed}: curated, uncurated", both, flush=True)
    for kind, found in shares.items():
        rows.append(
            at_most(
                f"annotations of random order's, {NAMES[kind]}, {given.seeds} seeds",
                fmean(one.queue for one in found),
                0.5,
            )
        )
    return [*rows, *_gain_rows(gains, given.trainings)]


def _gain_rows(gains: Mapping[str, Sequence[tuple[float, float]]], seeds: int) -> list[Row]:
    if not gains:
        return []
    means = {
        name: (fmean(one for one, _ in both), fmean(other for _, other in both))
        for name, both in gains.items()
    }
    rows = [figure(f"NDCG@10 trained on curated (uncurated), {name}", *both) for name, both in means.items()]
    for kind in NAMES.values():
        own = [both for name, both in means.items() if name.endswith(kind)]
        curated, uncurated = (fmean(side) for side in zip(*own, strict=True))
        what = f"NDCG@10 trained on curated (uncurated), {kind}, {seeds} seeds"
        rows.append(at_least(what, curated, 1.03, uncurated))
    worst = min(curated - uncurated for curated, uncurated in means.values())
    return [*rows, at_least("NDCG@10 trained on curated: the least change of a set", worst, -0.01)]


def pool_of(searched: Searched, one: Asked, seed: int) -> list[Pair]:
    """Right and wrong pairs in random order, each with what the annotator says."""
    chance = random.Random(f"{one.name} {one.kind} {seed}")
    by_kind = asked_of([replace(one, wordings={"a": one.wordings["a"]})], searched)
    questions = by_kind[one.kind]
    headings = chance.sample(by_kind["headings"], min(len(questions), len(by_kind["headings"])))
    pairs = [*questions, *headings]
    chance.shuffle(pairs)
    bad = set(chance.sample(range(len(pairs)), round(BAD * len(pairs))))
    put = []
    for at, (query, right) in enumerate(pairs):
        others = [
            int(row)
            for row in np.argsort(-(searched.matrix @ searched.matrix[right]))
            if searched.chunks[row].path != searched.chunks[right].path
        ]
        wrong = others[0] if at % 2 else chance.choice(others)
        put.append((query, wrong if at in bad else right))
    said = [(at not in bad) != (chance.random() < ERRS) for at in range(len(put))]
    found = searched.features(put)
    return [Pair(f"{at}", *put[at], said[at], found[at]) for at in range(len(put))]


def order_share(searched: Searched, served: Served, one: Asked, seeds: int) -> Shares:
    """Annotations that each order needs, over those of random order."""
    curves: dict[str, list[list[float]]] = {"random": [], "queue": [], "right first": [], "alone": []}
    asked = served.embedder.queries(list(one.wordings["b"].queries.values()))
    for seed in range(seeds):
        pool = pool_of(searched, one, seed)
        embedder = Known(served.embedder, [pair.query for pair in pool])

        def found(pairs: Sequence[Pair], embedder: Known = embedder) -> float:
            return _found(served, embedder, [pair for pair in pairs if pair.accepted], one, asked)

        alone = {pair.key: found([pair]) if pair.accepted else -1.0 for pair in pool}
        orders = {
            "random": pool,
            "queue": in_queue(pool),
            "right first": sorted(pool, key=lambda pair: not pair.accepted),
            "alone": sorted(pool, key=lambda pair: -alone[pair.key]),
        }
        for name, pairs in orders.items():
            curves[name].append([found(pairs[:end]) for end in _ends(pool)])
    ends = _ends(pool)
    means = {name: np.mean(some, axis=0) for name, some in curves.items()}
    start, end = means["random"][0], means["random"][-1]
    halfway = (start + end) / 2
    above = {name: float(np.mean(mean - means["random"])) for name, mean in means.items() if name != "random"}
    needed = {
        name: next((end for end, value in zip(ends, mean, strict=True) if value >= halfway), ends[-1])
        for name, mean in means.items()
    }
    areas = ", ".join(f"{name} {value:+.4f}" for name, value in above.items())
    print(
        f"  {one.name}, {NAMES[one.kind]}: NDCG@10 {start:.3f} without, {end:.3f} with all of {len(pool)}; "
        f"{needed}; area above random order's: {areas}",
        flush=True,
    )
    return Shares(*(needed[name] / needed["random"] if end > start else 1.0 for name in above))


def _ends(pool: Sequence[Pair]) -> list[int]:
    return [*range(0, len(pool), STEP), len(pool)]


def in_queue(pool: Sequence[Pair]) -> list[Pair]:
    """The pairs in the order in which the queue asks about them."""
    waiting, done, scorers = list(pool), list[Pair](), dict[str, object]()
    while waiting:
        known = cast(Scorers, scorers)
        worth = {pair.key: _priority(pair, known) for pair in waiting}
        waiting.sort(key=lambda pair: -worth[pair.key])
        done += waiting[:RELEARNED]
        waiting = waiting[RELEARNED:]
        examples = [Example(pair.key, pair.features, pair.accepted) for pair in done]
        learned = learn(QUESTION, examples)
        scorers = {QUESTION: learned.scorer} if learned.scorer is not None else {}
    return done


def _priority(pair: Pair, scorers: Scorers) -> float:
    return priority({QUESTION: guess(QUESTION, pair.key, pair.features, scorers or COLD_SCORERS)})


def _found(
    served: Served, embedder: Known, accepted: Sequence[Pair], one: Asked, asked: npt.NDArray[np.float32]
) -> float:
    """Mean NDCG@10 of wording b with the ``accepted`` questions in the index."""
    space = served.space
    if accepted:
        questions = [
            IndexedQuestion(
                text=pair.query,
                chunk_id=served.chunks[pair.row].id,
                dataset="triplets",
                record_id=pair.key,
            )
            for pair in accepted
        ]
        _, space = lead_questions(cast(Embedder, embedder), served.chunks, space, questions)
    return _ndcg(served.chunks, one.wordings["b"], space.scores(asked))


def _ndcg(chunks: Sequence[Chunk], needs: TestSet, scores: npt.NDArray[np.float32]) -> float:
    run: dict[str, dict[str, float]] = {}
    for key, values in zip(needs.queries, scores, strict=True):
        best = run[key] = {}
        for chunk, value in zip(chunks, values, strict=True):
            best[chunk.path] = max(float(value), best.get(chunk.path, -1.0))
    return fmean(values["ndcg@10"] for values in score(needs.qrels, run).questions.values())


def trained(searched: Searched, asked: Sequence[Asked], seed: int) -> dict[str, tuple[float, float]]:
    """Of each kind NDCG@10 of wording b after training on the curated pool, and on all of it."""
    pool = [pair for one in asked for pair in pool_of(searched, one, seed)]
    sides = []
    for pairs in ([pair for pair in pool if pair.accepted], pool):
        embedder = Embedder(MINILM, EmbeddingSettings())
        fine_tune(
            embedder,
            TrainingMaterial([_row(searched, pair, at) for at, pair in enumerate(pairs)]),
            FitSettings(seed=17 + seed),
        )
        space = fit_space(embedder, searched.chunks, ServingSettings().retrieval.whiten)
        sides.append(
            {
                one.kind: _ndcg(
                    searched.chunks,
                    one.wordings["b"],
                    space.scores(embedder.queries(list(one.wordings["b"].queries.values()))),
                )
                for one in asked
            }
        )
    return {kind: (sides[0][kind], sides[1][kind]) for kind in sides[0]}


def _row(searched: Searched, pair: Pair, at: int) -> LedgerRow:
    chunk = searched.chunks[pair.row]
    return LedgerRow(
        dataset="triplets",
        teaches="example",
        record_id=f"{at}",
        query=pair.query,
        text=chunk.bare.strip() or chunk.text,
        chunk_id=chunk.id,
        place=section_of(chunk),
    )
