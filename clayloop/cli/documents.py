"""init, ingest, drop, synthesize: from nothing to a corpus with training queries."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table
from clayloop.settings import CONFIG_NAME
from curation import SettingsError, write_text

if TYPE_CHECKING:
    from clayloop.context import Context
    from curation import Experience, IngestReport

_ONLY_JSON = {"output_tokens", "tokens_per_second"}
_LABELS = {
    "selected": "chunks chosen for the model",
    "generated": "chunks that it was asked about now",
    "triplets": "triplets, by origin",
    "styles": "styles of the generated ones",
}
_NEAR = 10  # a search finds a chunk when it is among so many


def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(CONFIG_NAME),
    show: Annotated[bool, typer.Option("--print", help="Print it on stdout instead.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write clayloop.toml with every setting, its default and what it means."""
    from clayloop.template import settings_template

    text = settings_template()
    if show:
        sys.stdout.write(text)
        return
    if path.exists() and not force:
        raise SettingsError(f"{path} is already there.", "Give --force to replace it, or another path.")
    write_text(path, text)
    out.print(f"Wrote {path}. Every key in it is commented out: the defaults work.", markup=False)


def ingest(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders, pypi:NAME, github:OWNER/REPO, url:ADDRESS (a page or a sitemap), python:PACKAGE, "
            "hub:DATASET; default: those in the settings. docs/maintainers.md has each one's long form."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Read documentation and cut it into chunks. A second run changes only what changed."""
    from curation import ingest as run
    from serving import ModelTokenCounter, ReleaseStore

    context = context_of(ctx)
    settings = context.settings.curation.documents
    wanted = sources or settings.sources
    if not wanted:
        raise SettingsError(
            "No source was given.",
            "For example: clayloop ingest docs/   or   clayloop ingest pypi:distilabel   (or set "
            "curation.documents.sources)",
        )
    embedding = context.settings.serving.embedding
    counter = ModelTokenCounter(embedding.model)
    report = run(wanted, context.home, settings, counter, context.progress, embedding.workers)
    if as_json:
        print_json(report)
        return
    _show(report)
    if ReleaseStore(context.home).served_id() is None:
        out.print("Next: `clayloop bootstrap` makes the first release from them.")
    elif report.added or report.removed:
        out.print("Next: `clayloop reindex` brings that to the bot.")


def _show(report: IngestReport) -> None:
    """What was read, and what was not."""
    from curation import NO_PAGES, OUTSIDE

    out.print(
        f"{report.documents:,} documents, {report.chunks:,} chunks: {report.added:,} new, {report.removed:,} "
        f"gone, {report.unchanged:,} unchanged."
    )
    for remark in report.remarks:
        out.print(remark, markup=False, soft_wrap=True)
    without = [one.source for one in report.read if one.pages == NO_PAGES]
    rows = [
        (one.source, one.documents, one.passed_over, "none" if one.pages == NO_PAGES else one.pages)
        for one in report.read
    ]
    print_table("Read", ["source", "pages", "passed over", "links to published pages"], rows)
    if without:
        out.print(
            "Without links, answers name a file and a line. Where these pages are published is set so:\n"
            f'  [curation.documents.pages."{without[0]}"]\n  url = "https://docs.example.org/{{path}}.html"',
            markup=False,
            soft_wrap=True,
        )
    if report.skipped:
        print_table("Passed over", ["why", "files", "first"], _by_reason(report))
    if report.not_included:
        missing = [(one.target, one.reason, one.where) for one in report.not_included]
        print_table("Includes not found", ["file", "why", "where"], missing)
        if any(one.reason == OUTSIDE for one in report.not_included):
            out.print("To include what lies outside the source, ingest a folder above, which holds both.")
    for title, met in (
        ("Markup that is not known; its text is kept", report.unknown),
        ("Left out on purpose", report.left_out),
    ):
        if met:
            print_table(title, ["name", "times", "first"], [(one.name, one.times, one.first) for one in met])


def _by_reason(report: IngestReport) -> list[tuple[str, int, str]]:
    """Files by the reason why they were passed over: how many, and the first."""
    paths: dict[str, list[str]] = {}
    for item in report.skipped:
        paths.setdefault(item.reason, []).append(item.path)
    return [(reason, len(files), files[0]) for reason, files in paths.items()]


def drop(
    ctx: typer.Context,
    source: Annotated[
        str, typer.Argument(help="What was given to ingest: a folder (it may be gone), pypi:NAME and so on.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Take a source out of the documents. Run `clayloop reindex` and `clayloop push` afterwards."""
    from curation import drop_source

    report = drop_source(source, context_of(ctx).home)
    if as_json:
        print_json(report)
        return
    out.print(
        f"{report.source} is out: {report.documents:,} documents, {report.chunks:,} chunks. "
        f"{report.total_documents:,} documents, {report.total_chunks:,} chunks stay.",
        markup=False,
        soft_wrap=True,
    )
    out.print("`clayloop reindex` takes them out of the bot, `clayloop push` out of Argilla.", markup=False)


def synthesize(
    ctx: typer.Context,
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=0, help="Generate for this many chunks (0: all); see the settings."),
    ] = None,
    headings_only: Annotated[
        bool,
        typer.Option("--headings-only", help="No language model: section headings are the only queries."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make training queries for the chunks: by a language model, and from the section headings."""
    from clayloop.up.services import model_address
    from curation import LanguageModel, synthesize as run

    context = context_of(ctx)
    corpus = context.corpus(newest=True)  # nothing could be saved after hours of work
    settings = context.settings.curation.synthesis
    if sample is not None:
        settings = settings.model_copy(update={"sample": sample})
    with ExitStack() as stack:
        model: LanguageModel | None = None
        if not headings_only:
            address = model_address(context.settings, stack, context.progress.say)
            model = LanguageModel(context.settings.curation.language_model, address)
            model.check()
        experience = _experience(context) if model else None
        report = run(context.home, corpus, settings, model, context.progress, experience)
    if as_json:
        print_json(report)
        return
    if not report.total:
        context.progress.say(
            "No query came out of it: no section has a heading of its own that could be asked, and no "
            "generated query was usable."
        )
    told = report.model_dump(mode="json", exclude_defaults=True, exclude=_ONLY_JSON)
    told["queries thrown away"] = told.pop("malformed_reasons", {}) or "none"
    told.pop("malformed", None)
    found = told.pop("found", {})
    if searched := told.pop("searched", {}):
        counted = [f"{found.get(style, 0)} of {count} {style}" for style, count in searched.items()]
        told[f"the chunk is among the first {_NEAR} found"] = ", ".join(counted)
    rows = [(_LABELS.get(name, name.replace("_", " ")), _told(one)) for name, one in told.items()]
    print_table("", ["synthesis", ""], rows)
    out.print("Next: `clayloop push` brings them to Argilla.", markup=False)


def _experience(context: Context) -> Experience:
    """What the served release is good for, if there is one."""
    from curation import Experience
    from serving import ReleaseStore, load_release
    from training import taught_triplets

    store = ReleaseStore(context.home)
    release = store.current_id()
    if release is None:
        return Experience()

    def finds(asked: Sequence[tuple[str, str]]) -> list[bool]:
        search = load_release(store, release, context.settings.serving, quick=True).search
        return [
            any(hit.chunk.id == chunk for hit in search(query, _NEAR, only_documents=True))
            for query, chunk in asked
        ]

    return Experience(taught_triplets(store, release), finds)


def _told(value: object) -> object:
    """A table of counts in words, everything else as it is."""
    if isinstance(value, dict):
        return ", ".join(f"{count:,} {name}" for name, count in value.items())
    return value
