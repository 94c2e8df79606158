"""How long reading takes: beside the bare parsers, and the second time."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser
from docutils.utils import new_document
from markdown_it import MarkdownIt

from benchmarks.rows import Row, at_least, at_most
from curation import ChunkSettings, Home, Page, TokenCounter, ingest, parse

LEAST = 0.7
ROUNDS = 3
NOTHING_CHANGED, ONE_PERCENT_CHANGED = 0.10, 0.12


def speed_rows(name: str, folder: Path) -> Iterator[Row]:
    """Pages a second of the markup that the folder holds most pages in, the best of three rounds each.

    What is included is not there: a page is parsed by itself, as the bare parsers do it.
    """
    pages: dict[str, list[str]] = {"rst": [], "md": []}
    for path in sorted(folder.rglob("*")):
        kind = {".rst": "rst", ".txt": "", ".md": "md"}.get(path.suffix, "")
        if kind and path.is_file():
            pages[kind].append(path.read_text(encoding="utf-8", errors="replace"))
    kind = max(pages, key=lambda one: len(pages[one]))
    texts, markdown = pages[kind], MarkdownIt("commonmark").enable(["table", "strikethrough"])
    settings: Any = get_default_settings(Parser)
    settings.report_level = settings.halt_level = 5
    settings.warning_stream, settings.file_insertion_enabled = False, False

    def bare_docutils(text: str) -> None:
        Parser().parse(text, new_document("page", settings))

    def ours(text: str) -> None:
        parse(text, "markdown" if kind == "md" else "restructuredtext", Page(f"page.{kind}"))

    bare: Callable[[str], Any] = markdown.parse if kind == "md" else bare_docutils
    rates = {"ours": 0.0, "bare": 0.0}
    for _ in range(ROUNDS):
        for side, read in (("ours", ours), ("bare", bare)):
            start = time.process_time()
            for text in texts:
                read(text)
            rates[side] = max(rates[side], len(texts) / (time.process_time() - start))
    parser = "markdown-it" if kind == "md" else "docutils"
    yield at_least(
        f"{name}: pages a second, beside {parser}'s bare parse", rates["ours"], LEAST, rates["bare"]
    )


def again_rows(name: str, folder: Path, counter: TokenCounter) -> Iterator[Row]:
    """CPU seconds of an ingest: the first, with nothing changed, and with every hundredth page changed.

    All in one process that has ingested before, so that no import is counted.
    """
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        docs, home = Path(scratch) / "docs", Home(Path(scratch) / "home")
        shutil.copytree(folder, docs)
        pages = sorted(path for path in docs.rglob("*") if path.suffix in {".rst", ".md", ".txt"})
        _warm_up(Path(scratch) / "small", counter)

        def seconds() -> float:
            start = time.process_time()
            ingest([str(docs)], home, ChunkSettings(), counter)
            return time.process_time() - start

        first, same = seconds(), seconds()
        for path in pages[::100]:
            path.write_text(path.read_text(encoding="utf-8") + "\n\nOne more sentence.\n", encoding="utf-8")
        changed = seconds()
    said = f"{name}: seconds of an ingest, beside the first"
    yield at_most(f"{said}, nothing changed", same, NOTHING_CHANGED, first)
    yield at_most(f"{said}, 1% of the pages changed", changed, ONE_PERCENT_CHANGED, first)


def _warm_up(folder: Path, counter: TokenCounter) -> None:
    docs = folder / "docs"
    docs.mkdir(parents=True)
    for text in ("one", "two"):
        (docs / "a.md").write_text(f"# A\n\nA page of {text}.\n", encoding="utf-8")
        (docs / "b.rst").write_text("B\n=\n\nAnother page.\n", encoding="utf-8")
        ingest([str(docs)], Home(folder / "home"), ChunkSettings(), counter)
