"""generations: what language models answer to the bot's own questions, for annotators to judge."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.cli.language_models import open_model
from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import print_json, print_table
from clayloop.context import Context
from curation import SettingsError

if TYPE_CHECKING:
    from curation import AskedQuestions, Judge, LanguageModel, Remembered
    from serving import Answerer, Generated, Retriever


def generations(
    ctx: typer.Context,
    release: Annotated[
        list[str] | None, typer.Option("--release", help="A release's id; twice: both answer.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="A name at the endpoint, another endpoint's address, or a GGUF file; twice: both answer.",
        ),
    ] = None,
    prompt: Annotated[
        list[Path] | None,
        typer.Option("--prompt", help='JSON with "system" and "template"; twice: both are used.'),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most questions, the newest first.")] = 200,
    as_json: JsonFlag = False,
) -> None:
    """Answer what people asked the bot, by two releases, models or prompts, and log it to Argilla."""
    from curation import Remembered, log_generations, read_questions
    from serving import generate

    context = context_of(ctx)
    remembered = Remembered(context.home.generations)
    _check_counts(release, model, prompt)
    judge = find_judge(context, remembered)
    argilla = context.settings.curation.argilla
    client = context.argilla()
    with ExitStack() as stack:
        # First, so that a model that does not answer is told before the questions are read.
        answerers = _answerers(context, remembered, (release, model, prompt), stack)
        asked = read_questions(client, argilla, context.progress)
        made = generate(answerers, asked.questions[:limit], judge, context.progress)
    reports = log_generations(client, argilla, made.answered, context.progress) if made.answered else []
    counts = _counts(asked, made, limit)
    if as_json:
        print_json({**counts, "datasets": reports})
        return
    print_table("", ["questions", ""], [(name.replace("_", " "), count) for name, count in counts.items()])
    print_table(
        "",
        ["dataset", "new", "updated", "unchanged"],
        [(done.name, done.added, done.updated, done.unchanged) for done in reports],
    )


def _counts(asked: AskedQuestions, made: Generated, limit: int) -> dict[str, int]:
    return {
        "asked": min(limit, len(asked.questions)),
        "answered": len(made.answered),
        "answered_differently": sum(len(one.different) > 1 for one in made.answered),
        "not_for_the_model": made.unasked,
        "failed": made.failed,
        "unjudged": made.unjudged,
        "follow_ups_left_out": asked.follow_ups,
        "out_of_bounds_left_out": asked.out_of_bounds,
    }


_Given = tuple[Sequence[str] | None, Sequence[str] | None, Sequence[Path] | None]


def _check_counts(*given: Sequence[object] | None) -> None:
    """Raises SettingsError where it is not clear what is compared with what."""
    counts = [len(one or ()) for one in given]
    if max(counts) > 2 or counts.count(2) > 1:
        raise SettingsError(
            "It is not clear which answers are to be compared.",
            "Give one of --release, --model and --prompt twice, and each of the others at most once.",
        )


def _answerers(context: Context, remembered: Remembered, given: _Given, stack: ExitStack) -> list[Answerer]:
    """Who answers: one, or two that differ in what was given twice."""
    from serving import Answerer, Prompt, ReleaseStore, load_release

    releases, models, prompts = given
    settings = context.settings.serving
    read = [Prompt.read(path) for path in prompts or ()]
    store = ReleaseStore(context.home)
    retrievers = [load_release(store, one, settings) for one in releases or (None,)]
    opened: dict[tuple[str, str], LanguageModel] = {}
    answering: list[tuple[Retriever, LanguageModel]] = []
    for retriever in retrievers:
        for one in models or ("",):
            key = (one, repr(retriever.release.answering))
            if key not in opened:
                opened[key] = open_model(context, one, stack, retriever.release)
            answering.append((retriever, opened[key]))
    if len(read) > 1 and answering[0][1].few_shot:
        raise SettingsError(
            f"{answering[0][1].model} gets the prompt for very small models, whatever --prompt says.",
            "Name another model under [curation.language_model], or set few_shot = false there.",
        )
    return [
        Answerer(retriever, model, settings.bot, remembered, prompt)
        for retriever, model in answering
        for prompt in read or (None,)
    ]


def find_judge(context: Context, remembered: Remembered) -> Judge | None:
    """The stronger model, if one is configured. Raises LanguageModelError when it does not answer."""
    from curation import Judge, LanguageModel, LanguageModelSettings

    own = context.settings.curation.judge
    if not own.base_url:
        return None
    settings = LanguageModelSettings(**own.model_dump())
    model = LanguageModel(settings, section="curation.judge")
    model.check()
    return Judge(model, remembered)
