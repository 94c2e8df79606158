"""Whether a name in a question finds what it means: settings, classes, functions.

    python -m benchmarks names --eval FOLDER [--sets scrapy,jupyterhub] [--json FILE]

Each set's first release is asked about names that are headings of its documentation (at most 80, evenly
spread), in four wordings; right is a chunk of such a section. Beside that the same search by vectors alone. A
rule about headings must pass such a test, so it says how often vectors fail, and not how well other questions
are found: of a set's needs those with names in them are counted too, by NDCG@10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from benchmarks.asked_again import DEPTH, METRIC, NAMES as KINDS, NEEDS, files_of, load_needs
from benchmarks.options import over_sets, parser_over_sets
from benchmarks.rows import Row, figure
from benchmarks.simulated import Project
from curation import Home
from serving import Hit, ServingSettings
from training import score

WORDINGS = (
    "{}",
    "what does {} do?",
    "how do I set {}",
    "when I run this on our server {} seems to have no effect at all",
)
MOST = 80
_NAME = re.compile(r"\w*[A-Za-z]_\w+|[A-Z][a-z0-9]+[A-Z]\w*|[a-z]\w*\.\w[\w.]*")

Search = Callable[[str, int], Sequence[Hit]]


def measure(folder: Path, home: Home) -> list[Row]:
    project = Project.begin(folder / "docs", home, ServingSettings())
    bot = project.served(home)

    def by_vectors(question: str, k: int) -> Sequence[Hit]:
        return bot.index.search(bot.embedder.queries([question])[0], k, True)

    def as_served(question: str, k: int) -> Sequence[Hit]:
        return bot.search(question, k, only_documents=True)

    headed: dict[str, set[str]] = {}
    for chunk in project.corpus.chunks:
        name = chunk.section[-1].strip("`").split("(")[0] if chunk.section else ""
        if _NAME.fullmatch(name):
            headed.setdefault(name, set()).add(chunk.id)
    names = list(headed)[:: max(1, len(headed) // MOST)][:MOST]
    asked = [(wording.format(name), headed[name]) for name in names for wording in WORDINGS]
    rows = [
        figure(
            f"{folder.name}, {len(names)} names: {what}",
            found(as_served, asked, k),
            found(by_vectors, asked, k),
        )
        for what, k in (("the section first", 1), ("among four", 4))
    ]
    for one in load_needs(folder, NEEDS / folder.name):
        for wording, needs in one.wordings.items():
            texts = {key: text for key, text in needs.queries.items() if _NAME.search(text)}
            if texts:
                what = f"{folder.name}, {KINDS[one.kind]}, {wording}: {len(texts)} needs with names"
                qrels = {key: needs.qrels[key] for key in texts}
                ours, other = (ndcg(search, texts, qrels) for search in (as_served, by_vectors))
                rows.append(figure(what, ours, other))
    return rows


def found(search: Search, asked: Sequence[tuple[str, set[str]]], k: int) -> float:
    """The share of questions for which one of the right chunks is among the first ``k``."""
    return fmean(any(hit.chunk.id in right for hit in search(text, k)) for text, right in asked)


def ndcg(search: Search, texts: Mapping[str, str], qrels: Mapping[str, Mapping[str, int]]) -> float:
    """NDCG@10 by file."""
    run = {key: files_of(search(text, DEPTH)) for key, text in texts.items()}
    return fmean(values[METRIC] for values in score(qrels, run).questions.values())


def main(arguments: Sequence[str]) -> list[Row]:
    given = parser_over_sets("names", __doc__, "scrapy,jupyterhub").parse_args(arguments)
    return over_sets(given, measure)
