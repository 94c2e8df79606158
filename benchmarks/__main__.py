"""`make bench`: every benchmark, one after the other, each printing both of its sides from one run.

    python -m benchmarks [--eval ../shared/eval] [--quick]

``--eval`` is a folder with test sets in the form of docs/maintainers.md: ``NAME/docs``,
``NAME/queries.jsonl``, ``NAME/qrels.tsv``. ``--quick`` leaves the largest set out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Runs them all; the number of those that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--eval", type=Path, default=HERE.parent.parent / "shared" / "eval")
    parser.add_argument("--quick", action="store_true", help="scrapy's questions only")
    options = parser.parse_args()
    if not options.eval.is_dir():
        parser.error(f"{options.eval} is not a folder: give the test sets with --eval")
    sets = sorted(folder.name for folder in options.eval.iterdir() if (folder / "qrels.tsv").exists())
    if not sets:
        parser.error(f"{options.eval} holds no test set (NAME/docs, NAME/queries.jsonl, NAME/qrels.tsv)")
    docs = str(options.eval / ("scrapy" if "scrapy" in sets else sets[0]) / "docs")
    chosen = "scrapy" if options.quick and "scrapy" in sets else ",".join(sets)
    failed = 0
    for name, arguments in {
        "index_build": ["--docs", docs],
        "search_latency": ["--docs", docs],
        "dedup": [],
        "tutorial_recipe": ["--eval", str(options.eval), "--set", "scrapy" if "scrapy" in sets else sets[0]],
        "retrain_speed": ["--eval", str(options.eval), "--set", "django" if "django" in sets else sets[0]],
        "retrieval_quality": ["--eval", str(options.eval), "--sets", chosen],
        "second_loop": ["--eval", str(options.eval), "--sets", "scrapy" if "scrapy" in sets else sets[0]],
        "poisoned_rounds": ["--seeds", "5", "--decisions", "160"],
    }.items():
        print(f"\n=== {name} ===", flush=True)
        failed += bool(
            subprocess.run([sys.executable, str(HERE / f"{name}.py"), *arguments], check=False).returncode
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
