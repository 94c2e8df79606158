"""A retrain in a process of its own: ``python -m tests.training.child HOME DECISIONS [LARGEST_FILE]``.

Reads decisions from a JSON file instead of Argilla and writes the summary as JSON to standard output. Files that it
writes may have at most LARGEST_FILE bytes: writing more fails as on a full disk.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pydantic import TypeAdapter

from curation.corpus import Corpus
from curation.errors import ClayloopError
from curation.home import Home
from curation.records import Decision
from tests.training.material import make_chunks, serving, settings
from training.retrain import retrain_from_annotations


def main() -> int:
    home, decisions = Home(Path(sys.argv[1])), Path(sys.argv[2])
    if len(sys.argv) > 3:
        import resource

        limit = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    def read() -> list[Decision]:
        return TypeAdapter(list[Decision]).validate_json(decisions.read_bytes())

    try:
        summary = retrain_from_annotations(
            home, Corpus(documents=[], chunks=make_chunks()), settings(), serving(), read
        )
    except ClayloopError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return error.exit_code
    sys.stdout.write(summary.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
