"""What release notes among the documents cost those who ask how something is done.

    python -m benchmarks release_notes --eval FOLDER [--sets scrapy,jupyterhub] [--json FILE]

The sets hold no release notes, while nearly every real documentation does. Here each project's are added from
its source distribution. "Ours" is the search as it is served, "other" the same without putting release notes
later. NDCG@10 by file and wording, both kinds apart, and how many of the four passages are release notes.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from unittest.mock import patch

from benchmarks.asked_again import DEPTH, METRIC, NAMES as KINDS, NEEDS, files_of, load_needs
from benchmarks.faq_sets import SOURCES, read_texts
from benchmarks.options import over_sets, parser_over_sets
from benchmarks.rows import Row, figure
from benchmarks.simulated import Project
from curation import Home, download_sdist, is_surely_release_note
from serving import Retriever, ServingSettings
from training import score

_PAGES = re.compile(r"(?:^|/)(?:news|releases?|changelogs?|changes|history)\b", re.IGNORECASE)
_SHOWN = 4


def measure(folder: Path, home: Home) -> list[Row]:
    docs = home.root / "documents"
    shutil.copytree(folder / "docs", docs)
    root = SOURCES[folder.name].root if folder.name in SOURCES else "docs"
    with download_sdist(folder.name) as (archive, version):
        pages = {path: text for path, text in read_texts(archive, root).items() if _PAGES.search(path)}
    for path, text in pages.items():
        (docs / path).parent.mkdir(parents=True, exist_ok=True)
        (docs / path).write_text(text)
    project = Project.begin(docs, home, ServingSettings())
    bot = project.served(home)
    name = f"{folder.name} with the release notes of {version}"
    rows, ours_shown, other_shown = list[Row](), list[float](), list[float]()
    for one in load_needs(folder, NEEDS / folder.name):
        for wording, needs in one.wordings.items():
            ours, shown = asked(bot, needs.queries, needs.qrels)
            with patch("serving.releases.retriever.has_release_notes", return_value=False):
                other, shown_before = asked(bot, needs.queries, needs.qrels)
            rows.append(figure(f"{name}, {KINDS[one.kind]}, {wording}", ours, other))
            ours_shown.append(shown)
            other_shown.append(shown_before)
    what = f"{name}: release notes among the {_SHOWN} passages"
    return [*rows, figure(what, fmean(ours_shown), fmean(other_shown))]


def asked(
    bot: Retriever, texts: Mapping[str, str], qrels: Mapping[str, Mapping[str, int]]
) -> tuple[float, float]:
    """NDCG@10 by file, and how many of the passages shown are release notes in the mean."""
    found = {key: bot.search(text, DEPTH, only_documents=True) for key, text in texts.items()}
    run = {key: files_of(hits) for key, hits in found.items()}
    notes = [sum(is_surely_release_note(hit.chunk) for hit in hits[:_SHOWN]) for hits in found.values()]
    return fmean(values[METRIC] for values in score(qrels, run).questions.values()), fmean(notes)


def main(arguments: Sequence[str]) -> list[Row]:
    given = parser_over_sets("release_notes", __doc__, "scrapy,jupyterhub").parse_args(arguments)
    return over_sets(given, measure)
