"""What the index is made of, without training: how much each token counts, how chunks and their pieces are
scored, how strongly the space is whitened, and how much an accepted question adds to its chunk.

    python -m benchmarks index_choice --eval FOLDER [--sets scrapy,django] [--json FILE]

Sets and needs as in ``asked_again``. All in numpy: nothing is served, no gate is asked. An annotated need is
accepted for the nearest chunk of a right page. NDCG@10 by file, a page being as good as its best chunk:
chunks alone, pieces alone and their mean at each strength of whitening, with tokens weighed and without,
beside the plain model; wording b after every second need's
wording a was accepted, by weight, threshold and share of the rival (`boosts`), alone and with all needs of
the other kind accepted too; the weight that the accepted questions choose (`chosen_weight`); and for each
strength and choice of piece lengths the change against the default, both wordings of a need together, with
the ends of its 95% interval: whether another choice would surely be better for this corpus.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks.asked_again import BOTH, METRIC, NAMES, NEEDS, Asked, Wording, load_needs
from benchmarks.options import parser_over_sets
from benchmarks.rows import Row, figure
from benchmarks.simulated import Lines
from curation import ChunkSettings, Corpus, Home, TestSet, ingest
from serving import (
    Embedder,
    EmbeddingSettings,
    ModelTokenCounter,
    Vectors,
    pieces,
    truncate_vectors,
    weigh_tokens,
    whitening,
)
from training import mean_interval, score

STRENGTHS = (0.0, 0.1, 0.15, 0.2, 0.3)
STRENGTH, PIECE_TOKENS = 0.1, 128
GRAINS: Sequence[tuple[int, ...]] = ((), (128,), (64,), (128, 64))  # tokens of pieces beside the chunks
# weight, threshold, share of the rival
RULES = [(0.3, 0.2, 0.0), (0.5, 0.2, 0.0), (0.5, 0.15, 0.0), (1.0, 0.2, 0.0)]
RULES += [(weight, 0.15, share) for share in (0.8, 0.85, 0.9) for weight in (0.3, 0.5, 0.75)]
WEIGHTS = (0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
MOST_LOSS = 0.01
FEWEST = 40  # accepted questions that can choose a weight; fewer get the largest
AGAIN = 0.9  # from this cosine on, a question is taken to be asked again


@dataclass(frozen=True)
class Space:
    """One set at one strength of whitening: unit vectors, and whose they are. ``pieces`` and ``first``, the
    first piece of each chunk, by the pieces' length in tokens."""

    paths: Sequence[str]
    chunks: Vectors
    pieces: Mapping[int, Vectors]
    first: Mapping[int, Sequence[int]]
    questions: Mapping[str, Vectors]

    def cosines(self, asked: Vectors) -> tuple[Vectors, Vectors]:
        """Of each question with each chunk, and with the chunk's best piece."""
        return asked @ self.chunks.T, self.best_piece(asked, PIECE_TOKENS)

    def best_piece(self, asked: Vectors, tokens: int) -> Vectors:
        found: Vectors = np.maximum.reduceat(asked @ self.pieces[tokens].T, self.first[tokens], axis=1)
        return found

    def of_grains(self, asked: Vectors, grains: Sequence[int]) -> Vectors:
        """The mean of a chunk's own cosine and that of its best piece of each length."""
        parts = [asked @ self.chunks.T, *(self.best_piece(asked, tokens) for tokens in grains)]
        mean: Vectors = np.mean(parts, axis=0)
        return mean

    def base(self, asked: Vectors) -> Vectors:
        """The score of each chunk, without accepted questions."""
        chunk, piece = self.cosines(asked)
        return (chunk + piece) / 2

    def asked(self, needs: TestSet) -> Vectors:
        return np.stack([self.questions[text] for text in needs.queries.values()])

    def found(self, needs: TestSet, scores: Vectors) -> dict[str, float]:
        """NDCG@10 of each need, from the scores of all chunks."""
        run: dict[str, dict[str, float]] = {}
        for key, row in zip(needs.queries, scores, strict=True):
            run[key] = {}
            for path, value in zip(self.paths, row, strict=True):
                run[key][path] = max(float(value), run[key].get(path, -1.0))
        return {key: values[METRIC] for key, values in score(needs.qrels, run).questions.items()}


@dataclass(frozen=True)
class Accepted:
    """Accepted questions, and the chunk (a row of the space) that each leads to."""

    vectors: Vectors
    chunks: Sequence[int]

    def of(self, rows: Sequence[int]) -> Accepted:
        return Accepted(self.vectors[rows], [self.chunks[row] for row in rows])

    def and_of(self, other: Accepted) -> Accepted:
        return Accepted(np.concatenate([self.vectors, other.vectors]), [*self.chunks, *other.chunks])


def spaces(folder: Path, scratch: Path, asked: Sequence[Asked], weighed: bool = True) -> dict[float, Space]:
    """The set's vectors at each strength, with tokens ``weighed`` or not. Only the chunks are fitted to."""
    settings = EmbeddingSettings(precision="float32")
    embedder = Embedder(settings.model, settings)
    counter = ModelTokenCounter(embedder.settings.model)
    home = Home(scratch)
    ingest([str(folder / "docs")], home, ChunkSettings(), counter, Lines())
    chunks = Corpus.load(home).chunks
    paths = [chunk.path for chunk in chunks]
    texts = list(
        dict.fromkeys(text for one in asked for of in BOTH for text in one.wordings[of].queries.values())
    )
    if weighed:
        weigh_tokens(embedder, chunks)
    whole = embedder.documents([chunk.text for chunk in chunks])
    small, first = dict[int, Vectors](), dict[int, Sequence[int]]()
    for tokens in {size for grains in GRAINS for size in grains}:
        cut = [pieces(chunk, tokens, counter) for chunk in chunks]
        first[tokens] = np.cumsum([0, *map(len, cut)])[:-1].tolist()
        small[tokens] = embedder.documents([text for texts_ in cut for text in texts_])
    questions = embedder.queries(texts)
    made = {}
    for strength in STRENGTHS:
        matrix = whitening(whole, strength, paths)

        def turned(vectors: Vectors, matrix: Vectors = matrix) -> Vectors:
            return truncate_vectors(vectors @ matrix, embedder.dimension)

        fine = {tokens: turned(vectors) for tokens, vectors in small.items()}
        asked_so = dict(zip(texts, turned(questions), strict=True))
        made[strength] = Space(paths, turned(whole), fine, first, asked_so)
    return made


def accept(space: Space, one: Asked, wording: Wording, keys: Sequence[str]) -> Accepted:
    """The needs' questions, each for the best chunk of its right pages."""
    vectors, rows = [], []
    for key in keys:
        question = space.questions[one.wordings[wording].queries[key]]
        right = [row for row, path in enumerate(space.paths) if path in one.wordings[wording].qrels[key]]
        vectors.append(question)
        rows.append(right[int(space.base(question[None, :])[0, right].argmax())])
    return Accepted(np.stack(vectors), rows)


def boosts(
    space: Space, asked: Vectors, accepted: Accepted, rule: tuple[float, float, float], again: bool = True
) -> Vectors:
    """What the ``accepted`` questions add to each chunk's score: weight times what its best question's cosine
    has above the threshold, and above a share of the rival's.

    The rival is the best accepted question that leads to another page: where both are near, the asked
    question is about their topic, and nothing says that it is the need of either. A question that is
    asked ``again`` word for word puts its chunk first, whatever the weight.
    """
    weight, threshold, share = rule
    added = np.zeros((len(asked), len(space.paths)), dtype=np.float32)
    if not len(accepted.chunks):
        return added
    cosines = asked @ accepted.vectors.T
    _, page = np.unique([space.paths[row] for row in accepted.chunks], return_inverse=True)
    best = np.full((len(asked), page.max() + 2), -1.0, dtype=np.float32)
    np.maximum.at(best.T, page, cosines.T)
    order = np.sort(best, axis=1)
    is_best = best.argmax(axis=1)[:, None] == page[None, :]
    rival = np.where(is_best, order[:, -2:-1], order[:, -1:])
    above = weight * np.maximum(cosines - np.maximum(threshold, share * rival), 0)
    if again:
        above += 5 * np.maximum(cosines - AGAIN, 0)
    np.maximum.at(added.T, np.asarray(accepted.chunks), above.T)
    return added


def chosen_weight(space: Space, accepted: Accepted) -> float:
    """The largest weight that costs the accepted questions at most ``MOST_LOSS`` of NDCG@10, each asked
    without any question of its own page: so they stand for needs that nobody annotated."""
    right = [space.paths[row] for row in accepted.chunks]
    if len(right) < FEWEST:
        return WEIGHTS[0]
    base = space.base(accepted.vectors)
    needs = TestSet(
        name="accepted",
        queries={str(number): "" for number in range(len(right))},
        qrels={str(number): {path: 1} for number, path in enumerate(right)},
    )
    before = fmean(space.found(needs, base).values())
    for weight in WEIGHTS:
        scores = base.copy()
        for row, path in enumerate(right):
            others = accepted.of([other for other, its in enumerate(right) if its != path])
            scores[row] += boosts(space, accepted.vectors[[row]], others, (weight, 0.15, 0.85), again=False)[
                0
            ]
        if fmean(space.found(needs, scores).values()) >= before - MOST_LOSS:
            return weight
    return 0.0


def score_rows(
    made: Mapping[float, Space], without: Mapping[float, Space], asked: Sequence[Asked]
) -> list[Row]:
    """Chunks alone, pieces alone and the mean of both, beside chunks that are not whitened, ``without`` token
    weights."""
    rows = []
    for one in asked:
        for wording, needs in one.wordings.items():
            bare = without[0.0]
            plain = fmean(bare.found(needs, bare.cosines(bare.asked(needs))[0]).values())
            sides = [("", made), (", tokens not weighed", without)]
            for said, strength, space in [(said, *at) for said, side in sides for at in side.items()]:
                chunk, piece = space.cosines(space.asked(needs))
                for name, scores in (("chunks", chunk), ("pieces", piece), ("mean", (chunk + piece) / 2)):
                    what = f"{one.name}, {NAMES[one.kind]}, {wording}: {name}, whitened {strength}{said}"
                    rows.append(figure(what, fmean(space.found(needs, scores).values()), plain))
    return rows


def grain_rows(made: Mapping[float, Space], asked: Sequence[Asked]) -> list[Row]:
    """The change of NDCG@10 by another strength or other pieces, and the ends of its interval."""
    rows = []
    for one in asked:

        def found(strength: float, grains: Sequence[int], one: Asked = one) -> list[float]:
            """Of each need, the mean of its wordings."""
            space, both = made[strength], []
            for needs in one.wordings.values():
                both.append(space.found(needs, space.of_grains(space.asked(needs), grains)))
            return [fmean(values[key] for values in both) for key in one.keys("all")]

        usual = found(STRENGTH, (PIECE_TOKENS,))
        for strength in made:
            for grains in GRAINS:
                pairs = zip(found(strength, grains), usual, strict=True)
                change = mean_interval([new - old for new, old in pairs], 0.95)
                lengths = " + ".join(map(str, (256, *grains)))
                what = f"{one.name}, {NAMES[one.kind]}: whitened {strength}, {lengths}, change"
                ends = {"": change.estimate, ", lower end": change.low, ", upper end": change.high}
                rows += [figure(f"{what}{end}", value) for end, value in ends.items()]
    return rows


def question_rows(space: Space, asked: Sequence[Asked]) -> list[Row]:
    """Wording b beside the same index without questions, and how often wording a finds its page first."""
    rows = []
    for one in asked:
        own = accept(space, one, "a", one.keys("annotated"))
        crowd = own
        for other in asked:
            if other.kind != one.kind:
                for wording in BOTH:
                    crowd = crowd.and_of(accept(space, other, wording, other.keys("all")))
        for around, accepted in (("alone", own), ("in a crowd", crowd))[: 1 + (crowd is not own)]:
            said = f"{one.name}, {NAMES[one.kind]}, {len(accepted.chunks)} accepted, {around}"
            rows.append(figure(f"{said}: chosen weight", chosen_weight(space, accepted)))
            for rule in RULES:
                rows += rule_rows(space, one, accepted, rule, f"{said}, {rule}")
    return rows


def rule_rows(
    space: Space, one: Asked, accepted: Accepted, rule: tuple[float, float, float], said: str
) -> list[Row]:
    scores = {}
    for wording, needs in one.wordings.items():
        base = space.base(space.asked(needs))
        after = base + boosts(space, space.asked(needs), accepted, rule)
        scores[wording] = (space.found(needs, base), space.found(needs, after), after)
    before, now, _ = scores["b"]
    rows = [
        figure(f"{said}: b, {half}", fmean(now[key] for key in keys), fmean(before[key] for key in keys))
        for half in ("annotated", "others")
        for keys in [one.keys("annotated" if half == "annotated" else "others")]
    ]
    first = dict(zip(one.wordings["a"].queries, scores["a"][2].argmax(axis=1).tolist(), strict=True))
    right = [space.paths[first[key]] in one.wordings["a"].qrels[key] for key in one.keys("annotated")]
    return [*rows, figure(f"{said}: a, right page first", fmean(right))]


def main(arguments: Sequence[str]) -> list[Row]:
    given = parser_over_sets("index_choice", __doc__, "scrapy,django").parse_args(arguments)
    rows = list[Row]()
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        for name in given.sets.split(","):
            asked = load_needs(given.eval / name, NEEDS / name)
            without, made = (
                spaces(given.eval / name, Path(scratch) / name, asked, of) for of in (False, True)
            )
            rows += [*score_rows(made, without, asked), *grain_rows(made, asked)]
            rows += question_rows(made[STRENGTH], asked)
    return rows
