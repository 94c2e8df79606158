"""`make bench`: every benchmark, one after the other, or the one that is named.

    python -m benchmarks [--eval ../shared/eval] [--quick] [--json FILE]
    python -m benchmarks NAME [its own options] [--json FILE]      (NAME --help tells them)

Each prints both of its sides from one run. FILE gets a list of rows (benchmarks/rows.py). The exit status
is 1 when a bar is missed or a benchmark failed.

``--eval`` is a folder with test sets in the form of docs/maintainers.md: ``NAME/docs``,
``NAME/queries.jsonl``, ``NAME/qrels.tsv``. ``--quick`` leaves the largest set out.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import Row, print_rows, read_rows, write_rows

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

HERE = Path(__file__).resolve().parent
NAMES = (
    "asked_again",
    "click_to_answer",
    "curation",
    "curation_order",
    "curation_push",
    "dashboard",
    "dedup",
    "gate_rates",
    "index_build",
    "index_choice",
    "killed",
    "names",
    "poisoned_rounds",
    "reading",
    "refusing",
    "release_notes",
    "retrain_speed",
    "retrieval_quality",
    "scale",
    "search_latency",
    "second_loop",
    "serving",
    "serving_speed",
    "small_projects",
    "trainer",
    "training_passes",
    "tutorial_recipe",
    "watch_look",
)


def main() -> int:
    """Runs one or all: 0 when all went well and no bar is missed."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    if first and not first.startswith("-") and first not in NAMES:
        sys.exit(f"There is no benchmark {first!r}: choose from {', '.join(NAMES)}.")
    output = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    output.add_argument("--json", type=Path)
    given, others = output.parse_known_args(sys.argv[1:])
    failed = False
    if first in NAMES:
        rows: list[Row] = importlib.import_module(f"benchmarks.{first}").main(others[1:])
        print_rows(rows)
    else:
        rows, failed = run_all(others)
    if given.json:
        write_rows(rows, given.json)
    return int(failed or any(row.ok is False for row in rows))


def run_all(arguments: Sequence[str]) -> tuple[list[Row], bool]:
    """The rows of all of them, each run in a process of its own, and whether one did not come to an end."""
    options, chosen = parse_all(arguments)
    rows, failed = list[Row](), False
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        for name, own in plan(options.eval, chosen, options.quick).items():
            print(f"\n=== {name} ===", flush=True)
            file = Path(scratch) / f"{name}.json"
            command = [sys.executable, "-m", "benchmarks", name, *own, "--json", str(file)]
            subprocess.run(command, check=False, cwd=HERE.parent)
            if file.exists():
                rows += read_rows(file)
            else:
                failed = True
    return rows, failed


def parse_all(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options and the names of the test sets."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--eval", type=Path, default=HERE.parent.parent / "shared" / "eval")
    parser.add_argument("--quick", action="store_true", help="scrapy's questions only")
    options = parser.parse_args(arguments)
    options.eval = options.eval.resolve()
    if not options.eval.is_dir():
        parser.error(f"{options.eval} is not a folder: give the test sets with --eval")
    sets = sorted(folder.name for folder in options.eval.iterdir() if (folder / "qrels.tsv").exists())
    if not sets:
        parser.error(f"{options.eval} holds no test set (NAME/docs, NAME/queries.jsonl, NAME/qrels.tsv)")
    return options, sets


def plan(folder: Path, sets: Sequence[str], quick: bool) -> dict[str, list[str]]:
    """Benchmark → its options. ``gate_rates`` is not among them: it reads the files of earlier runs."""
    small = "scrapy" if "scrapy" in sets else sets[0]
    large = "django" if "django" in sets else sets[0]
    at, docs = ["--eval", str(folder)], ["--docs", str(folder / small / "docs")]
    chosen = ["--sets", small if quick and "scrapy" in sets else ",".join(sets)]
    return {
        "index_build": docs,
        "index_choice": [*at, *chosen],
        "search_latency": docs,
        "reading": at,
        "serving_speed": docs,
        "dashboard": [],
        "dedup": [],
        "trainer": [*at, "--set", large],
        "training_passes": [],
        "tutorial_recipe": [*at, "--set", small],
        "retrain_speed": [*at, "--set", large],
        "retrieval_quality": [*at, *chosen],
        "asked_again": [*at, *chosen],
        "names": [*at, *chosen],
        "refusing": [*at, *chosen],
        "release_notes": [*at, *chosen],
        "second_loop": [*at, "--sets", small],
        "serving": [],
        "killed": [],
        "watch_look": [],
        "click_to_answer": [],
        "curation": [*at, *chosen],
        "poisoned_rounds": ["--seeds", "5", "--decisions", "160"],
    }


if __name__ == "__main__":
    sys.exit(main())
