"""Reading sources into the corpus: read, cut, compare with what is there, and write only what changed."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from curation.documents.chunking import RECIPE_VERSION
from curation.documents.corpus import Corpus
from curation.documents.editions import other_editions
from curation.documents.edits import former_chunks
from curation.documents.in_parts import Uncut, cut_pages, read_pages
from curation.documents.markup.blocks import is_data
from curation.documents.markup.markdown.dialects import added_dialects
from curation.documents.markup.page import Notice, Page
from curation.documents.markup.references import Titles, with_titles
from curation.documents.markup.rst.names import GENERATED, short_name
from curation.documents.partials import not_pages
from curation.documents.readings import Reading, Readings
from curation.documents.report import IngestReport, SourceCount, counted, not_included
from curation.documents.shared import fetch, held, save_shared
from curation.documents.sources.files import Skipped, Source, SourceFile
from curation.documents.sources.kinds import FORMS, downloads_of, open_source, source_name
from curation.documents.splitting import TokenCounter
from curation.errors import SourceError
from curation.files import write_json
from curation.home import Home
from curation.progress import SILENT, Progress
from curation.records.chunk import Chunk
from curation.records.document import Document
from curation.records.identity import content_id
from curation.settings import ChunkSettings
from curation.workers import Workers, in_process

log = logging.getLogger(__name__)

# Different tokenizers cut this text differently: its tokens stand for the tokenizer in a recipe.
_PROBE = "Tokenizers disagree: naïve façade, 数据库, __init__.py, 0x1F, don't, HTTPServerError!"


def ingest(
    specs: Sequence[str],
    home: Home,
    settings: ChunkSettings,
    counter: TokenCounter,
    progress: Progress = SILENT,
    workers: Workers = in_process,
) -> IngestReport:
    """Read ``specs`` (see curation.documents.sources) into the corpus, replacing what they gave before.
    Where a source has many pages, ``workers`` read and cut them.

    Other sources stay as they are. Nothing is written when nothing changed, and nothing at all when an error
    is raised: SourceError (nothing to ingest, everything skipped), BusyError (another ingest runs, here or
    on a machine that shares the corpus), StateError.
    """
    if not specs:
        raise SourceError(
            "There is nothing to ingest.", f"Give a source, or set curation.documents.sources. It is {FORMS}."
        )
    with held(home):
        fetch(home)
        old = Corpus.load(home) if Corpus.exists(home) else Corpus([], [])
        reading = _Reading(old, settings, counter, progress, home, workers)
        for spec in dict.fromkeys(specs):
            with progress.task(f"Opening {spec}"):
                source = open_source(spec, settings, home.downloads)
            reading.read(source, spec)
        return reading.finish()


class DropReport(BaseModel):
    """What a drop did. ``chunks`` counts those that are gone: a chunk that another source has too stays."""

    source: str
    documents: int
    chunks: int
    total_documents: int
    total_chunks: int


def drop_source(spec: str, home: Home) -> DropReport:
    """Take a source out of the corpus. Releases keep what they hold until the next reindex or retrain.

    ``spec`` is what was given to ``ingest``, or the source's name. Raises SourceError when the corpus has no
    such source, BusyError while an ingest runs, StateError when there is no corpus; then nothing is changed.
    """
    with held(home):
        fetch(home)
        old = Corpus.load(home)
        known = sorted({document.source for document in old.documents} | set(old.recipes))
        name = source_name(spec, known)
        if name is None:
            raise SourceError(
                f"The documents have no source {spec!r}.",
                f"These they have: {', '.join(known)}." if known else "There is none at all.",
            )
        new = Corpus(
            [document for document in old.documents if document.source != name],
            [chunk for chunk in old.stored_chunks if chunk.source != name],
            {source: recipe for source, recipe in old.recipes.items() if source != name},
        )
        new.former = former_chunks(old, new)
        save_shared(home, new.save)
        shutil.rmtree(downloads_of(name, home.downloads), ignore_errors=True)
    report = DropReport(
        source=name,
        documents=len(old.documents) - len(new.documents),
        chunks=len(old.chunks) - len(new.chunks),
        total_documents=len(new.documents),
        total_chunks=len(new.chunks),
    )
    log.info("dropped %s", report.model_dump_json())
    return report


class _Reading:
    def __init__(
        self,
        old: Corpus,
        settings: ChunkSettings,
        counter: TokenCounter,
        progress: Progress,
        home: Home,
        workers: Workers,
    ) -> None:
        self.old = old
        self.settings = settings
        self.counter = counter
        self.progress = progress
        self.workers = workers
        self.recipe = content_id(
            "recipe",
            str(RECIPE_VERSION),
            *added_dialects(),
            str(settings.max_tokens),
            str(settings.overlap),
            str(counter.offsets(_PROBE)),
        )
        self.names: dict[str, str] = {}
        self.recipes: dict[str, str] = {}
        self.documents: list[Document] = []
        self.chunks: list[Chunk] = []
        self.skipped: list[Skipped] = []
        self.counts: list[SourceCount] = []
        self.remarks: list[str] = []
        self.pages: list[Page] = []
        self.home = home
        self.readings = Readings(home, self.recipe)
        self._known: dict[str, list[Chunk]] = {}

    def read(self, source: Source, spec: str) -> None:
        """Add every document of ``source``. Raises SourceError when that leaves none."""
        if source.name in self.names:
            raise SourceError(
                f"{spec} is given twice: {self.names[source.name]} is the same source.",
                "Name each source once.",
            )
        name = f"{source.name}=={source.version}" if source.version else source.name
        self.names[source.name] = name
        recipe = self.recipes[source.name] = content_id("source", self.recipe, repr(source.links))
        if self.old.recipes.get(source.name) == recipe:
            for chunk in self.old.stored_chunks:
                if chunk.source == source.name:
                    self._known.setdefault(f"{source.name}\n{chunk.document_id}", []).append(chunk)
        before, skipped_before = len(self.documents), len(self.skipped)
        readings = self._pages_of(source)
        self._cut(source, readings)
        read, passed_over = len(self.documents) - before, len(self.skipped) - skipped_before
        if not read:
            raise _nothing(spec, self.skipped[skipped_before:])
        self.counts.append(
            SourceCount(source=name, documents=read, passed_over=passed_over, pages=str(source.links))
        )
        from_code = sum(
            short_name(notice.name) in GENERATED for reading in readings for notice in reading.page.left_out
        )
        if from_code:
            package = source.name.removeprefix("pypi:") if source.name.startswith("pypi:") else "NAME"
            self.remarks.append(
                f"{name}: {from_code:,} places of API documentation are made from code and were left out. To "
                f"include them: `clayloop ingest python:{package}`, with the package installed here."
            )
        if source.remark:
            self.remarks.append(source.remark)
        log.info("read %s: %d documents", name, read)

    def _pages_of(self, source: Source) -> list[Reading]:
        """What was met in each file of ``source`` that may be a page."""
        self.readings.begin(source)
        found: list[Reading | SourceFile] = []
        with self.progress.task(f"Reading {self.names[source.name]}", len(source), "files") as advance:
            for item in source.read():
                if isinstance(item, SourceFile) and not is_data(item.text):
                    found.append(self.readings.known(source, item) or item)
                    continue
                if isinstance(item, SourceFile):
                    reason = "data: a line of over a million characters"
                    item = Skipped(path=item.path, reason=reason)
                if item is not None:
                    self._skip(source, item)
                advance(1)
            new = [one for one in found if isinstance(one, SourceFile)]
            parsed = read_pages(new, source, self.workers)
            readings = []
            for one in found:
                known = one if isinstance(one, Reading) else self.readings.note(source, one, *next(parsed))
                readings.append(known)
                advance(1)
        self.pages += [reading.page for reading in readings]
        return readings

    def _cut(self, source: Source, readings: Sequence[Reading]) -> None:
        """Add the documents and chunks of those that are pages of their own."""
        parts = not_pages([reading.page for reading in readings], source)
        parts |= other_editions({reading.page.path: reading.file.text for reading in readings})
        titles = Titles({reading.page.path: reading.page.titles for reading in readings})
        found: list[tuple[Document, list[Chunk] | None]] = []
        new: list[tuple[Reading, Document, Mapping[str, str]]] = []
        for reading in readings:
            empty = "no text below its headings" if reading.empty else ""
            if reason := parts.get(reading.page.path) or empty:
                self._skip(source, Skipped(path=reading.page.path, reason=reason))
                continue
            shown = titles.of(reading.page.references, reading.file.path)
            document = _document(source, reading, shown)
            chunks = self._known.get(f"{source.name}\n{document.id}")
            if chunks is None:
                new.append((reading, document, shown))
            found.append((document, chunks))
        with self.progress.task(f"Cutting {self.names[source.name]}", len(found), "pages") as advance:
            unread = [reading.file for reading, _, _ in new if not reading.parsed]
            parsed = read_pages(unread, source, self.workers)
            uncut = [
                Uncut(
                    document,
                    with_titles(reading.parsed or next(parsed).document, shown),
                    reading.file.anchors,
                )
                for reading, document, shown in new
            ]
            cut = cut_pages(uncut, self.counter, self.settings, self.workers)
            for document, chunks in found:
                self.documents.append(document)
                self.chunks.extend(next(cut) if chunks is None else chunks)
                advance(1)

    def finish(self) -> IngestReport:
        """Save the new corpus if it differs from the old one, and report."""
        kept_documents = [document for document in self.old.documents if document.source not in self.names]
        kept_chunks = [chunk for chunk in self.old.stored_chunks if chunk.source not in self.names]
        recipes = {**self.old.recipes, **self.recipes}
        new = Corpus([*kept_documents, *self.documents], [*kept_chunks, *self.chunks], recipes)
        new.former = former_chunks(self.old, new)
        if not (new.holds_the_same(self.old) and Corpus.exists(self.home)):
            with self.progress.task("Writing the corpus"):
                save_shared(self.home, new.save)
        self.readings.save()
        before = {chunk.id for chunk in self.old.stored_chunks if chunk.source in self.names}
        now = {chunk.id for chunk in self.chunks}
        report = IngestReport(
            sources=list(self.names.values()),
            documents=len(self.documents),
            chunks=len(now),
            added=len(now - before),
            removed=len(before - now),
            unchanged=len(now & before),
            read=self.counts,
            remarks=self.remarks,
            skipped=self.skipped,
            unknown=counted(self._notices("unknown")),
            left_out=counted(self._notices("left_out")),
            not_included=not_included(self._notices("missing")),
            total_documents=len(new.documents),
            total_chunks=len(new.chunks),
        )
        log.info(
            "ingested %s", report.model_dump_json(exclude={"skipped", "unknown", "left_out", "not_included"})
        )
        write_json(self.home.ingest_report, report.model_dump(mode="json"))
        return report

    def _notices(self, kind: Literal["unknown", "left_out", "missing"]) -> Iterator[tuple[str, Notice]]:
        for page in self.pages:
            notices: list[Notice] = getattr(page, kind)
            yield from ((page.path, notice) for notice in notices)

    def _skip(self, source: Source, item: Skipped) -> None:
        log.info("skipped %s in %s: %s", item.path, source.name, item.reason)
        self.skipped.append(item)


def _document(source: Source, reading: Reading, shown: Mapping[str, str]) -> Document:
    """The document of a page in which the titles ``shown`` of other pages stand."""
    file = reading.file
    return Document(
        id=Document.make_id(file.path, repr((reading.document, shown))) if shown else reading.document,
        source=source.name,
        version=source.version,
        path=file.path,
        url=file.url,
        markup=file.markup,
        title=reading.page.titles[""] or file.path.rsplit("/", 1)[-1],
        text=file.text,
    )


def _nothing(spec: str, skipped: Sequence[Skipped]) -> SourceError:
    if not skipped:
        return SourceError(
            f"There is no documentation in {spec}.",
            "Looked for .md, .markdown, .mdx, .qmd, .Rmd, .ipynb, .rst, .html, .pdf, and reStructuredText "
            "in .txt.",
        )
    shown = [f"{item.path}: {item.reason}" for item in skipped[:5]]
    more = [f"… and {len(skipped) - 5} more"] if len(skipped) > 5 else []
    return SourceError(
        f"Every file in {spec} was skipped, so there is nothing to ingest:\n" + "\n".join([*shown, *more]),
        "Correct the files or the setting curation.documents.max_file_bytes.",
    )
