"""What it changes that annotators have decided some of the visitors' questions: which real ones the bot
refuses, and which about something else it answers.

    python -m benchmarks refusing --eval FOLDER [--sets scrapy,jupyterhub] [--json FILE]

Each set's first release is asked the needs of both kinds (as in asked_again) and benchmarks/needs/elsewhere.
Of 50 decided questions every fifth is about something else; the others are wordings of needs. What is asked
then are the other needs, in both wordings, and the other strange questions. Means of 20 draws, beside the
threshold of a release for which nobody has decided anything.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from benchmarks.asked_again import NEEDS, load_needs
from benchmarks.options import over_sets, parser_over_sets
from benchmarks.rows import Row, figure
from benchmarks.simulated import Project
from benchmarks.visitors import ELSEWHERE
from curation import Home
from serving import INDEX_FOLDER, DecidedQuestions, SearchSpace, ServingSettings, calibrate_threshold

DRAWS, DECIDED, STRANGE = 20, 50, 10


def measure(folder: Path, home: Home) -> list[Row]:
    """One set's rows: the share of real questions refused and of strange ones answered, after and before."""
    project = Project.begin(folder / "docs", home, ServingSettings())
    bot, chunks = project.served(home), project.corpus.chunks
    embedder, space = bot.embedder, SearchSpace.load(home.releases / bot.release.id / INDEX_FOLDER)
    asked = load_needs(folder, NEEDS / folder.name)
    wordings = [list(one.wordings.values()) for one in asked]
    needs = [[texts.queries[key] for texts in both] for both in wordings for key in both[0].queries]
    strange = [json.loads(line)["text"] for line in ELSEWHERE.read_text(encoding="utf-8").splitlines()]
    texts = [*strange, *(text for need in needs for text in need)]
    near = dict(zip(texts, space.near(embedder.queries(texts)).tolist(), strict=True))
    before = calibrate_threshold(embedder, chunks, space)
    found: list[tuple[float, ...]] = []
    for seed in range(DRAWS):
        chance = random.Random(seed)
        chance.shuffle(needs)
        chance.shuffle(strange)
        answered = [chance.choice(need) for need in needs[: min(DECIDED - STRANGE, len(needs) // 2)]]
        real = [text for need in needs[len(answered) :] for text in need]
        decided = DecidedQuestions(answered, strange[:STRANGE])
        after = calibrate_threshold(embedder, chunks, space, decided)
        found.append(
            tuple(
                share
                for threshold in (after, before)
                for share in (
                    fmean(near[text] < threshold for text in real),
                    fmean(near[text] >= threshold for text in strange[STRANGE:]),
                )
            )
        )
    refused, accepted, refused_before, accepted_before = (
        fmean(column) for column in zip(*found, strict=True)
    )
    return [
        figure(f"{folder.name}: real questions refused", refused, refused_before),
        figure(f"{folder.name}: questions about something else answered", accepted, accepted_before),
    ]


def main(arguments: Sequence[str]) -> list[Row]:
    given = parser_over_sets("refusing", __doc__, "scrapy,jupyterhub").parse_args(arguments)
    return over_sets(given, measure)
