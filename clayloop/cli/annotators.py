"""annotators: who may annotate, and what they did."""

from __future__ import annotations

from typing import Annotated

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The user name in Argilla.")]

annotators = typer.Typer(no_args_is_help=True, help="Add, list or remove the people who annotate.")


@annotators.command()
def add(ctx: typer.Context, name: _Name) -> None:
    """Let somebody annotate, and print the password of a new user once."""
    from curation import add_annotator

    context = context_of(ctx)
    client = context.argilla()
    password = add_annotator(client, context.settings.curation.argilla, name)
    if password is None:
        out.print(f"{name} may annotate, with the password of before.", markup=False)
        return
    out.print(f"{name} may annotate at {client.api_url}", markup=False)
    out.print(f"password: {password}", markup=False)
    out.print("It is kept nowhere: hand it over now. docs/annotators.md is the guide, and")
    out.print("`clayloop annotators list` has the addresses to start from.")


@annotators.command("list")
def list_all(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List who may annotate, or has, with the numbers of answers."""
    from curation import list_annotators

    context = context_of(ctx)
    found = list_annotators(context.argilla(make_workspace=False), context.settings.curation.argilla)
    if as_json:
        print_json(found)
        return
    rows = [
        (one.name, one.role, "yes" if one.may_annotate else "no", one.submitted, one.draft, one.discarded)
        for one in found
    ]
    print_table("", ["annotator", "role", "may annotate", "submitted", "drafts", "discarded"], rows)
    names: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for one in found:
        names.setdefault(tuple(one.queues.items()), []).append(one.name)
    for queues, who in names.items():
        if queues:
            out.print(f"\nTo annotate as {' or '.join(who)}, what matters most first:", markup=False)
        for dataset, address in queues:
            out.print(f"{dataset}\n  {address}", markup=False, soft_wrap=True)
    experts = set(context.settings.curation.argilla.experts)
    if unknown := sorted(experts - {one.name for one in found}):
        out.print(
            f"\ncuration.argilla.experts names nobody who may annotate: {', '.join(unknown)}.", markup=False
        )


@annotators.command()
def remove(
    ctx: typer.Context,
    name: _Name,
    with_answers: Annotated[
        bool, typer.Option("--with-answers", help="Delete the user and every answer, for good.")
    ] = False,
    sure: Annotated[bool, typer.Option("--yes", help="Do not ask before answers are deleted.")] = False,
) -> None:
    """Let somebody annotate no more. The answers stay, and count, unless you say otherwise."""
    from curation import list_annotators, remove_annotator

    context = context_of(ctx)
    client, settings = context.argilla(make_workspace=False), context.settings.curation.argilla
    known = {one.name: one for one in list_annotators(client, settings)}
    answers = known[name].answers if name in known else 0
    if with_answers and not sure:
        typer.confirm(
            f"Delete {name} and {answers:,} answers in clayloop's datasets, and all others in this Argilla?",
            abort=True,
        )
    remove_annotator(client, settings, name, with_answers)
    if with_answers:
        out.print(f"{name} is gone, with {answers:,} answers.", markup=False)
        return
    if answers:
        out.print(f"{name} may annotate no more; {answers:,} answers stay and count.", markup=False)
        out.print(
            "To learn without them: training.without_annotators in the settings, or "
            f"`clayloop annotators remove {name} --with-answers`.",
            markup=False,
        )
    else:
        out.print(f"{name} may annotate no more.", markup=False)
