"""Duplicates among many rows: how long finding them takes, and how many of the planted ones are found.

Rows are made of words with the letters and frequencies of a language; a fifth of them are copies: some exact up to case,
white space and Unicode width, most with a typing error or a word exchanged. A copy counts as found when it is dropped for
the row that it was made from; every other dropped row is a loss. The seed fixes all of it.

    python benchmarks/dedup.py [--rows 100000] [--seed 17]
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time

from training.dedup import find_duplicates, find_matches, jaccard, normalise, shingles
from training.settings import DedupSettings

WANTED = 0.99  # recall and precision
MOST_SECONDS = 10.0  # for 100,000 rows
_PLANTED = 0.2
_EXACT = 0.2  # of the planted ones


def make_rows(number: int, seed: int, least_similar: float) -> tuple[list[str], dict[int, int]]:
    """``number`` texts of 8 to 20 words, and which of them (row) was made from which other (row).

    A changed copy is at least ``least_similar`` to its original, as shingles count it; what is less is drawn again.
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args()
    settings = DedupSettings()
    rows, made_from = make_rows(given.rows, given.seed, settings.threshold)
    print(
        f"{len(rows):,} rows, {len(made_from):,} of them planted copies, threshold {settings.threshold}, seed {given.seed}\n"
    )
    print(f"{'':34}{'seconds':>9}{'found':>9}{'recall':>9}{'precision':>11}")
    missed = []

    started = time.perf_counter()
    matches = find_duplicates(rows, settings)
    seconds = time.perf_counter() - started
    right = sum(_origin(made_from, match.index) == _origin(made_from, match.kept) for match in matches)
    missed += _line("within the training rows", seconds, len(matches), right, len(made_from), given.rows)

    held, training = rows[: len(rows) // 10], rows[len(rows) // 10 :]
    leaks = {row - len(held): source for row, source in made_from.items() if source < len(held)}
    started = time.perf_counter()
    matches = find_matches(training, held, settings)
    seconds = time.perf_counter() - started
    right = sum(leaks.get(match.index) == match.kept for match in matches)
    missed += _line("training rows like held-out ones", seconds, len(matches), right, len(leaks), given.rows)

    started = time.perf_counter()
    exact = find_duplicates(rows, DedupSettings(near=False))
    print(
        f"{'exact only, for comparison':34}{time.perf_counter() - started:9.2f}{len(exact):9,}{len(exact) / len(made_from):9.3f}"
    )
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


def _origin(made_from: dict[int, int], row: int) -> int:
    return made_from.get(row, row)


def _line(what: str, seconds: float, found: int, right: int, planted: int, rows: int) -> list[str]:
    recall, precision = right / planted, right / found if found else 0.0
    print(f"{what:34}{seconds:9.2f}{found:9,}{recall:9.4f}{precision:11.4f}")
    allowed = MOST_SECONDS * rows / 100_000
    missed = [
        f"{what}: {name} {value:.4f} < {WANTED}"
        for name, value in (("recall", recall), ("precision", precision))
        if value < WANTED
    ]
    return missed + ([f"{what}: {seconds:.1f} s > {allowed:.1f} s"] if seconds > allowed else [])


if __name__ == "__main__":
    sys.exit(main())
