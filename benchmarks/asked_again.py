"""What people decided, asked again: what the first release, headings and annotated questions change for those
who ask the same need in other words.

    python -m benchmarks asked_again --eval FOLDER [--sets scrapy,django] [--json FILE]

FOLDER/NAME has the formats of shared/eval: ``docs/``; for FAQ pages ``queries.jsonl``, ``qrels.tsv`` and
``reworded.jsonl``; for ordinary pages ``pages.jsonl``. Either kind or both. What benchmarks/needs/NAME has of
``reworded.jsonl`` and ``pages.jsonl`` is taken where the folder has none. Each need has two wordings, *a* and
*b*. The stages, all through the product:

plain     the base model on our chunks, exact cosine, nothing else
first     the release of ``clayloop bootstrap``, as it is served
headings  headings alone were accepted, and a retrain with its gate is over
last      then wording a of every second need was asked of the bot (retrieval only, no language model), the
          answers annotated as an annotator could who knows the right page, and a second retrain is over

An answer is accepted when its first source is of a right page, else rejected, and the best source is the
first of a right page among those that the bot showed, or "none". Wording b of all needs is asked at the end.
Each kind is annotated in a copy of its own, so that neither helps the other. Figures are NDCG@10 by file; a
kind's means weigh each set the same. The needs of the two kinds are never put together.

Where the answer was wrong, the annotator also writes what it should have been. Such a curated answer takes
no rank; how often it is the first source is told by itself. Embedding is in float32, since what ``auto``
finds faster changes with the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Literal

from benchmarks.options import over_sets, parser_over_sets
from benchmarks.rows import Row, StageRow, at_least
from benchmarks.simulated import Project, converse
from curation import Home, TestSet, load_qrels, load_queries, place_named_sources
from serving import Embedder, EmbeddingSettings, Hit, Retriever, SearchSpace, ServingSettings
from training import RetrainSummary, SearchModel, TrainingSettings, evaluate_set, score

Kind = Literal["faq", "pages"]
Needs = Literal["annotated", "others", "all"]
Wording = Literal["a", "b"]
Stage = Literal["plain", "first", "headings", "last"]

NAMES: Mapping[Kind, str] = {"faq": "FAQ pages", "pages": "ordinary pages"}
BOTH: tuple[Wording, ...] = ("a", "b")
ONLY_B: tuple[Wording, ...] = ("b",)
BEFORE_ANYBODY_ASKED: tuple[Stage, ...] = ("plain", "first", "headings")
FIRST_AND_LAST: tuple[Stage, ...] = ("first", "last")
HALVES: tuple[Needs, ...] = ("annotated", "others")
METRIC = "ndcg@10"
NEEDS = Path(__file__).with_name("needs")
DEPTH = 200  # chunks looked up for a question: enough for ten files


@dataclass(frozen=True)
class Bars:
    """Of one kind. Ratios are of mean NDCG@10; ``worst``: the least change of any set, in points."""

    first: float
    headings: float
    headings_worst: float | None
    annotated: float
    annotated_to_plain: float


BARS: Mapping[Kind, Bars] = {
    "faq": Bars(1.14, 1.0, None, 1.12, 1.30),
    "pages": Bars(1.06, 1.02, -0.01, 1.04, 1.12),
}
CURATED: Mapping[Wording, float] = {"a": 0.95, "b": 0.70}
FIRST_WORST, OTHERS_MEAN, OTHERS_WORST, RIGHT_FIRST = -0.01, -0.01, -0.02, 0.95


@dataclass
class Asked:
    """The needs of one kind of one set, and how each was found: NDCG@10 by stage, wording and need."""

    name: str
    kind: Kind
    wordings: Mapping[Wording, TestSet]
    found: dict[tuple[Stage, Wording], Mapping[str, float]] = field(default_factory=dict)
    right_first: float = 0.0  # share of annotated needs, wording a, after the last retrain
    affirmed: int = 0  # annotated needs for which a source was accepted or named
    corrected: list[str] = field(default_factory=list)  # annotated needs whose answer was wrong
    curated: dict[Wording, float] = field(default_factory=dict)  # share of those found first
    outcomes: list[str] = field(default_factory=list)

    def keys(self, needs: Needs) -> list[str]:
        """Ids of the needs. Every second one is annotated, from the first on."""
        every = list(self.wordings["a"].queries)
        return {"all": every, "annotated": every[::2], "others": every[1::2]}[needs]

    def mean(self, stage: Stage, needs: Needs, wordings: Sequence[Wording]) -> float:
        return fmean(self.found[stage, one][key] for one in wordings for key in self.keys(needs))


def load_needs(folder: Path, beside: Path) -> list[Asked]:
    """The kinds that a set has. Raises SettingsError for a line that is wrong, SystemExit for a set without
    any."""

    def lines(name: str) -> list[dict[str, str]]:
        path = next((one / name for one in (folder, beside) if (one / name).exists()), None)
        text = path.read_text(encoding="utf-8") if path else ""
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    right: dict[Kind, dict[str, dict[str, int]]] = {}
    reworded, pages = lines("reworded.jsonl"), lines("pages.jsonl")
    if reworded:
        qrels = load_qrels(folder / "qrels.tsv", load_queries(folder / "queries.jsonl"))
        right["faq"] = {one["_id"]: qrels[one["_id"]] for one in reworded}
    if pages:
        right["pages"] = {one["_id"]: dict.fromkeys(one["paths"], 1) for one in pages}
    if not right:
        raise SystemExit(
            f"{folder.name} has neither reworded.jsonl nor pages.jsonl, in {folder} or {beside}."
        )
    texts = {"faq": reworded, "pages": pages}
    return [Asked(folder.name, kind, _wordings(kind, texts[kind], qrels)) for kind, qrels in right.items()]


def _wordings(
    kind: Kind, texts: Sequence[Mapping[str, str]], qrels: dict[str, dict[str, int]]
) -> dict[Wording, TestSet]:
    if len(texts) < 2:
        raise SystemExit(f"One need of {NAMES[kind]} can't be halved: two at least are needed.")
    return {
        wording: TestSet(
            name=f"{kind} {wording}", queries={one["_id"]: one[wording] for one in texts}, qrels=qrels
        )
        for wording in BOTH
    }


def files_of(hits: Sequence[Hit]) -> dict[str, float]:
    """File → score, in the order of their best chunks."""
    paths = dict.fromkeys(hit.chunk.path for hit in hits)
    return {path: 1 / place for place, path in enumerate(paths, start=1)}


def ask(retriever: Retriever, asked: Sequence[Asked], stage: Stage) -> None:
    """Note how the served release finds every need, in both wordings."""
    for one in asked:
        for wording, needs in one.wordings.items():
            hits = (retriever.search(text, DEPTH, only_documents=True) for text in needs.queries.values())
            run = dict(zip(needs.queries, map(files_of, hits), strict=True))
            scores = score(needs.qrels, run).questions
            one.found[stage, wording] = {key: values[METRIC] for key, values in scores.items()}


def ask_plain(project: Project, asked: Sequence[Asked]) -> None:
    """The same for the base model, compared with every chunk."""
    settings = project.serving.embedding
    embedder = Embedder(settings.model, settings)
    chunks = project.corpus.chunks
    model = SearchModel(embedder, SearchSpace.plain(embedder.documents([chunk.text for chunk in chunks])))
    for one in asked:
        for wording, needs in one.wordings.items():
            scores = evaluate_set(model, needs, chunks, [embedder.dimension])[embedder.dimension].questions
            one.found["plain", wording] = {key: values[METRIC] for key, values in scores.items()}


def is_right_first(retriever: Retriever, needs: TestSet, key: str) -> bool:
    hits = retriever.search(needs.queries[key], 1, only_documents=True)
    return bool(hits) and hits[0].chunk.path in needs.qrels[key]


def curated_first(retriever: Retriever, one: Asked, wording: Wording) -> float:
    """How often a curated answer comes first, of the needs that have one."""
    asked = (one.wordings[wording].queries[key] for key in one.corrected)
    return fmean(
        bool(hits) and hits[0].chunk.id in retriever.answers for hits in map(retriever.search, asked)
    )


def told(summary: RetrainSummary) -> str:
    return f"{summary.outcome}: {summary.verdict}"


def measure(
    folder: Path, home: Home, serving: ServingSettings, training: TrainingSettings, beside: Path = NEEDS
) -> list[Asked]:
    """All stages of one set, for each kind that it has."""
    asked = load_needs(folder, beside / folder.name)
    project = Project.begin(folder / "docs", home, serving)
    ask_plain(project, asked)
    ask(project.served(home), asked, "first")
    with_headings = told(project.retrain(home, project.headings, training))
    bot = project.served(home)
    ask(bot, asked, "headings")
    for one in asked:
        first_wording = one.wordings["a"]
        corpus = project.corpus
        turns = [converse(bot, corpus, first_wording, key, silent=False) for key in one.keys("annotated")]
        pairs = zip(one.keys("annotated"), turns, strict=True)
        one.corrected = [key for key, turn in pairs if turn.correction is not None]
        one.affirmed = sum(turn.affirms for turn in place_named_sources(turns, corpus.chunks))
        copy = project.copied(one.kind)
        with_turns = told(project.retrain(copy, [*project.headings, *turns], training))
        one.outcomes = [with_headings, with_turns]
        last = project.served(copy)
        ask(last, [one], "last")
        if one.corrected:
            one.curated = {wording: curated_first(last, one, wording) for wording in BOTH}
        one.right_first = fmean(is_right_first(last, first_wording, key) for key in one.keys("annotated"))
    return asked


def stage_rows(asked: Sequence[Asked]) -> list[Row]:
    """NDCG@10 of each set and kind at each stage."""
    wanted: list[tuple[Stage, Needs, Wording]] = [
        *((stage, "all", wording) for stage in BEFORE_ANYBODY_ASKED for wording in BOTH),
        *((stage, needs, "b") for stage in FIRST_AND_LAST for needs in HALVES),
    ]
    return [
        StageRow(
            what="NDCG@10",
            ours=one.mean(stage, needs, [wording]),
            set=one.name,
            kind=one.kind,
            needs=needs,
            wording=wording,
            stage=stage,
        )
        for one in asked
        for stage, needs, wording in wanted
    ]


def mean_rows(asked: Sequence[Asked], kind: Kind) -> list[Row]:
    """Means over the sets of a kind, against the bars."""
    sets = [one for one in asked if one.kind == kind]
    if not sets:
        return []

    def means(stage: Stage, needs: Needs, wordings: Sequence[Wording] = ONLY_B) -> list[float]:
        return [one.mean(stage, needs, wordings) for one in sets]

    def compared(what: str, bar: float, new: list[float], old: list[float]) -> Row:
        return at_least(f"{what}, {NAMES[kind]}", fmean(new), bar, fmean(old))

    def changed(
        what: str, bar: float, new: list[float], old: list[float], over: Callable[[list[float]], float]
    ) -> Row:
        changes = [after - before for after, before in zip(new, old, strict=True)]
        return at_least(f"{what}, {NAMES[kind]}", over(changes), bar)

    bars = BARS[kind]
    plain, first, headings = (means(stage, "all", BOTH) for stage in BEFORE_ANYBODY_ASKED)
    annotated, others = (means("last", needs) for needs in HALVES)
    annotated_before, others_before = (means("first", needs) for needs in HALVES)
    rows = [
        compared("first release against the plain model", bars.first, first, plain),
        changed(
            "first release against the plain model: least change of a set", FIRST_WORST, first, plain, min
        ),
        compared("after headings, against the first release", bars.headings, headings, first),
    ]
    if bars.headings_worst is not None:
        what = "after headings, against the first release: least change of a set"
        rows.append(changed(what, bars.headings_worst, headings, first, min))
    what = "b of needs nobody annotated, against the first release"
    return [
        *rows,
        compared(
            "b of annotated needs, against the first release", bars.annotated, annotated, annotated_before
        ),
        compared(
            "b of annotated needs, against the plain model",
            bars.annotated_to_plain,
            annotated,
            means("plain", "annotated"),
        ),
        changed(f"{what}: change of the mean", OTHERS_MEAN, others, others_before, fmean),
        changed(f"{what}: least change of a set", OTHERS_WORST, others, others_before, min),
        at_least(
            f"a asked again: right page first, {NAMES[kind]}",
            fmean(one.right_first for one in sets),
            RIGHT_FIRST,
        ),
        *(
            at_least(
                f"a curated answer is the first source, wording {wording}, {NAMES[kind]}",
                fmean(one.curated[wording] for one in sets if one.curated),
                CURATED[wording],
            )
            for wording in BOTH
            if any(one.curated for one in sets)
        ),
    ]


def print_stages(asked: Sequence[Asked]) -> None:
    """One line for each set and kind."""
    print(f"\n{'':28}{'all needs, a / b':^42}{'b, first → last':^36}")
    heads = "".join(f"{stage:>14}" for stage in BEFORE_ANYBODY_ASKED)
    print(f"{'NDCG@10':28}{heads}{'annotated':>18}{'others':>18}  right first")
    for one in asked:
        cells = [
            f"{one.mean(stage, 'all', ['a']):.3f} / {one.mean(stage, 'all', ['b']):.3f}"
            for stage in BEFORE_ANYBODY_ASKED
        ]
        moves = [
            f"{one.mean('first', needs, ONLY_B):.3f} → {one.mean('last', needs, ONLY_B):.3f}"
            for needs in HALVES
        ]
        line = "".join(f"{cell:>14}" for cell in cells) + "".join(f"{move:>18}" for move in moves)
        print(f"{f'{one.name}, {NAMES[one.kind]}':28}{line}{one.right_first:>12.0%}")
    for one in asked:
        annotated = len(one.keys("annotated"))
        named = f"{one.affirmed} of {annotated} annotated needs have a source that is right"
        print(f"\n{one.name}, {NAMES[one.kind]}: {named}")
        for after, outcome in zip(("headings", "conversations"), one.outcomes, strict=True):
            print(f"  after {after}: {outcome}")


def report(asked: Sequence[Asked]) -> list[Row]:
    """Print the stages; every row."""
    print_stages(asked)
    return [*stage_rows(asked), *mean_rows(asked, "faq"), *mean_rows(asked, "pages")]


def main(arguments: Sequence[str]) -> list[Row]:
    given = parser_over_sets("asked_again", __doc__, "scrapy,django").parse_args(arguments)
    serving = ServingSettings(embedding=EmbeddingSettings(precision="float32"))
    return report(over_sets(given, lambda folder, home: measure(folder, home, serving, TrainingSettings())))
