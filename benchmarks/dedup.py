"""Duplicates among many rows: how long finding them takes, and how many of the planted ones are found.

Rows are made of words with the letters and frequencies of a language; a fifth of them are copies: some exact
up to case, white space and Unicode width, most with a typing error or a word exchanged. A copy counts as
found when it is dropped for the row that it was made from; every other dropped row is a loss. Meaning is
compared on made-up vectors of 384 dimensions, in which a copy is at a cosine of 0.97 to 0.99 from its
original. The seed fixes all of it. Times are those of the processor, so that other work on the machine does
not count; the clock's stand beside them. Last come the data steps of a retrain, by wording, in which each row
asks about one of a fifth as many chunks, and a third as many refusals.

    python -m benchmarks dedup [--rows 100000] [--seed 17]
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Row, at_least, at_most
from curation import (
    Chunk,
    DedupSettings,
    find_duplicates,
    find_matches,
    jaccard,
    matches_in_meaning,
    normalise,
    same_meaning,
    shingles,
)
from training import (
    LedgerRow,
    PrepareContext,
    Teaches,
    choose_negatives,
    chunk_groups,
    drop_leaks,
    drop_repeated,
    held_groups,
    section_of,
    settle_conflicts,
    take_sides,
)

Found = TypeVar("Found")

WANTED = 0.99  # recall and precision
MOST_SECONDS = 10.0  # for 100,000 rows
_PLANTED = 0.2
_EXACT = 0.2  # of the planted ones


def make_rows(number: int, seed: int, least_similar: float) -> tuple[list[str], dict[int, int]]:
    """``number`` texts of 8 to 20 words, and which of them (row) was made from which other (row).

    A changed copy is at least ``least_similar`` to its original, as shingles count it; what is less is drawn
    again.
    """
    chance = random.Random(seed)
    letters = "etaoinshrdlcumwfgypbvk"
    weights = [1 / (place + 2) for place in range(len(letters))]
    words = ["".join(chance.choices(letters, weights, k=chance.randint(3, 9))) for _ in range(30_000)]
    originals = [
        " ".join(chance.choices(words, k=chance.randint(8, 20)))
        for _ in range(round(number * (1 - _PLANTED)))
    ]
    rows, made_from = list(originals), {}
    while len(rows) < number:
        source = chance.randrange(len(originals))
        copy = _copy(originals[source], words, chance)
        alike = jaccard(shingles(normalise(copy)), shingles(normalise(originals[source])))
        if alike >= least_similar:
            made_from[len(rows)] = source
            rows.append(copy)
    return rows, made_from


def _copy(text: str, words: list[str], chance: random.Random) -> str:
    if chance.random() < _EXACT:
        wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isalpha() else letter for letter in text)
        return chance.choice([text.upper(), text.replace(" ", "  "), f" {text}\n", wide])
    if chance.random() < 0.5:
        place = chance.randrange(len(text))
        return text[:place] + chance.choice("xzq") + text[place + 1 :]
    parts = text.split()
    parts[chance.randrange(len(parts))] = chance.choice(words)
    return " ".join(parts)


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args(arguments)
    settings = DedupSettings()
    rows, made_from = make_rows(given.rows, given.seed, settings.threshold)
    print(
        f"{len(rows):,} rows, {len(made_from):,} of them planted copies, threshold "
        f"{settings.threshold}, seed {given.seed}\n"
    )
    print(f"{'':34}{'CPU s':>9}{'clock s':>9}{'found':>9}{'recall':>9}{'precision':>11}")
    figures: list[Row] = []

    matches, seconds = _timed(lambda: find_duplicates(rows, settings))
    right = sum(_origin(made_from, match.index) == _origin(made_from, match.kept) for match in matches)
    figures += _line("within the training rows", seconds, len(matches), right, len(made_from), given.rows)

    held, training = rows[: len(rows) // 10], rows[len(rows) // 10 :]
    leaks = {row - len(held): source for row, source in made_from.items() if source < len(held)}
    matches, seconds = _timed(lambda: find_matches(training, held, settings))
    right = sum(leaks.get(match.index) == match.kept for match in matches)
    figures += _line("training rows like held-out ones", seconds, len(matches), right, len(leaks), given.rows)

    vectors = make_vectors(len(rows), made_from, given.seed)
    keys = [str(_origin(made_from, row) // 3) for row in range(len(rows))]
    matches, seconds = _timed(lambda: same_meaning(vectors, keys, settings.semantic_threshold))
    right = sum(_origin(made_from, match.index) == _origin(made_from, match.kept) for match in matches)
    figures += _line(
        "meaning, about the same chunk", seconds, len(matches), right, len(made_from), given.rows
    )

    matches, seconds = _timed(
        lambda: matches_in_meaning(vectors[len(held) :], vectors[: len(held)], settings.semantic_threshold)
    )
    right = sum(leaks.get(match.index) == match.kept for match in matches)
    figures += _line("meaning, training and held out", seconds, len(matches), right, len(leaks), given.rows)

    exact, seconds = _timed(lambda: find_duplicates(rows, DedupSettings(near=False)))
    print(
        f"{'exact wording only, to compare':34}{seconds[0]:9.2f}{seconds[1]:9.2f}{len(exact):9,}"
        f"{len(exact) / len(made_from):9.4f}"
    )
    _data_steps(rows, given.seed)
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    return figures


def make_vectors(number: int, made_from: dict[int, int], seed: int) -> npt.NDArray[np.float32]:
    """Unit vectors, those of copies close to their originals'."""
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((number, 384), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, sources = np.array(list(made_from)), np.array(list(made_from.values()))
    cosine = chance.uniform(0.97, 0.99, (len(rows), 1)).astype(np.float32)
    aside = vectors[rows]
    aside -= (aside * vectors[sources]).sum(axis=1, keepdims=True) * vectors[sources]
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    vectors[rows] = cosine * vectors[sources] + np.sqrt(1 - cosine**2) * aside
    return vectors


def _data_steps(queries: list[str], seed: int) -> None:
    """Print what the steps between decisions and training rows take, without embedding."""
    chance = random.Random(seed)
    words = sorted({word for query in queries[:2_000] for word in query.split()})
    chunks = []
    for number in range(max(1, len(queries) // 5)):
        text = f"Part {number}\n\n{' '.join(chance.choices(words, k=90))}"
        chunks.append(
            Chunk(
                id=f"c{number}",
                document_id="d",
                source="s",
                path=f"p{number // 5}.md",
                section=(f"Part {number}",),
                text=text,
                tokens=200,
                position=number,
            )
        )

    def row(number: int, query: str, teaches: Teaches) -> LedgerRow:
        chunk = chance.choice(chunks)
        return LedgerRow(
            dataset="triplets",
            record_id=f"r{number}",
            teaches=teaches,
            query=query,
            text=chunk.text,
            chunk_id=chunk.id,
            version=chunk.id,
            place=section_of(chunk),
            certain=True,
        )

    rows = [row(number, query, "example") for number, query in enumerate(queries)]
    refused = len(queries) // 3
    rows += [row(-number, " ".join(chance.choices(words, k=9)), "refusal") for number in range(1, refused)]
    chosen = DedupSettings(semantic=False)
    print(f"\n{'data steps':34}{'CPU s':>9}{'clock s':>9}  {len(chunks):,} chunks, {refused - 1:,} refusals")
    groups = _step("chunk groups", lambda: chunk_groups(chunks, chosen, rows))
    setting = PrepareContext(chunks=chunks, groups=groups, dedup=chosen)
    rows, _ = _step("conflicts", lambda: settle_conflicts(rows, setting))
    setting = replace(setting, held=_step("held groups", lambda: held_groups(rows, setting)))
    for step in (take_sides, drop_repeated, drop_leaks, choose_negatives):
        rows = _step(step.__name__.replace("_", " "), partial(step, rows, setting))


def _step(what: str, work: Callable[[], Found]) -> Found:
    found, seconds = _timed(work)
    print(f"{what:34}{seconds[0]:9.2f}{seconds[1]:9.2f}", flush=True)
    return found


def _timed(work: Callable[[], Found]) -> tuple[Found, tuple[float, float]]:
    """What ``work`` returns; seconds of the processor and of the clock."""
    used, started = time.process_time(), time.perf_counter()
    found = work()
    return found, (time.process_time() - used, time.perf_counter() - started)


def _origin(made_from: dict[int, int], row: int) -> int:
    return made_from.get(row, row)


def _line(
    what: str, seconds: tuple[float, float], found: int, right: int, planted: int, rows: int
) -> list[Row]:
    recall, precision = right / planted, right / found if found else 0.0
    print(f"{what:34}{seconds[0]:9.2f}{seconds[1]:9.2f}{found:9,}{recall:9.4f}{precision:11.4f}")
    return [
        at_least(f"{what}: recall", recall, WANTED),
        at_least(f"{what}: precision", precision, WANTED),
        at_most(f"{what}: seconds of the processor", seconds[0], MOST_SECONDS * rows / 100_000),
    ]
