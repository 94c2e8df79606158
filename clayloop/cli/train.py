"""train: any task from any Argilla dataset."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import out, print_json, print_table
from clayloop.context import Context
from curation import SettingsError

if TYPE_CHECKING:
    from training import TrainedModel


def train(
    ctx: typer.Context,
    dataset: Annotated[
        str, typer.Option("--dataset", help="A dataset in Argilla, or a folder that Dataset.to_disk wrote.")
    ],
    task: Annotated[
        str,
        typer.Option(
            "--task",
            help="text-classification, token-classification, question-answering, text2text, "
            "sentence-similarity; or with --formatting-func also supervised-fine-tuning, reward-modeling, "
            "proximal-policy-optimization, direct-preference-optimization, chat-completion.",
        ),
    ],
    framework: Annotated[str, typer.Option("--framework", help="The library that trains.")] = "transformers",
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="COLUMN=NAME",
            help="The field or question for a column of the task, such as text=review. Default: the one of "
            "that name, or the only one that fits. Repeatable.",
        ),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", help="How several answers become one (docs/trainer.md).")
    ] = None,
    formatting_func: Annotated[
        str | None,
        typer.Option(
            "--formatting-func",
            metavar="MODULE:FUNCTION",
            help="A Python function that makes examples of a record (docs/trainer.md). Modules "
            "are looked for in the current folder too.",
        ),
    ] = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", help="Default: that of the settings file.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="A folder, a Hugging Face name or package:NAME.")
    ] = None,
    train_size: Annotated[
        float, typer.Option("--train-size", help="Share of the records to train on; the rest is held out.")
    ] = 1.0,
    limit: Annotated[int | None, typer.Option("--limit", help="At most so many records.")] = None,
    query: Annotated[str | None, typer.Option("--query", help="Only records that hold these words.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the split and of the training.")] = 42,
    device: Annotated[
        int | None, typer.Option("--device", help="A GPU's number; -1: the CPU. Default: what there is.")
    ] = None,
    output_dir: Annotated[Path, typer.Option("--output-dir", help="Folder for the model.")] = Path("model"),
    update_config: Annotated[
        str, typer.Option("--update-config", metavar="JSON", help="Parameters of the training.")
    ] = "{}",
    some_labels: Annotated[
        bool,
        typer.Option("--some-labels", help="Train although nobody gave some labels: they are never found."),
    ] = False,
    cross_encoder: Annotated[
        bool, typer.Option("--cross-encoder", help="For sentence-transformers: train a cross-encoder.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a model on the annotations of any Argilla dataset."""
    from training import ArgillaTrainer, infer_task

    context = context_of(ctx)
    config = _config(update_config)
    function = None if formatting_func is None else _function(formatting_func)
    source = _source(context, dataset, workspace)
    trainer = ArgillaTrainer(
        dataset=source,
        task=infer_task(source, task, _columns(column or []), strategy, function),
        framework=framework,
        model=model,
        train_size=train_size,
        seed=seed,
        filter_by=query,
        max_records=limit,
        framework_kwargs={"cross_encoder": True} if cross_encoder else {},
        gpu_id=device,
        all_labels=not some_labels,
        progress=context.progress,
    )
    trainer.update_config(**config)
    _print(trainer.train(output_dir), as_json)


def _print(made: TrainedModel, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "folder": str(made.folder),
                "trained_on": made.trained_on,
                "held_out": made.held_out,
                "metrics": dict(made.metrics),
            }
        )
        return
    out.print(
        f"Trained on {made.trained_on:,} examples, {made.held_out:,} held out. The model is in "
        f"{made.folder}.",
        markup=False,
    )
    if made.metrics:
        print_table("", ["on what was held out", ""], list(made.metrics.items()))


def _source(context: Context, name: str, workspace: str | None) -> Any:
    """A folder's path, or the dataset of that name in Argilla."""
    if Path(name).is_dir():
        return name
    wanted = workspace or context.settings.curation.argilla.workspace
    client = context.argilla(make_workspace=False)
    found = None if client.workspaces(wanted) is None else client.datasets(name, workspace=wanted)
    if found is None:
        raise SettingsError(
            f"There is no folder {name!r}, and no dataset of that name in Argilla's workspace {wanted!r}.",
            "Look in Argilla's page; --workspace names another workspace.",
        )
    return found


def _columns(given: list[str]) -> dict[str, str]:
    made: dict[str, str] = {}
    for one in given:
        column, equals, name = one.partition("=")
        if not equals or not column.strip() or not name.strip():
            raise SettingsError(f"--column {one!r} is not clear.", "Say COLUMN=NAME, such as text=review.")
        made[column.strip()] = name.strip()
    return made


def _function(given: str) -> Any:
    """The function that MODULE:FUNCTION names. Raises SettingsError."""
    module, _, name = given.partition(":")
    if not module or not name:
        raise SettingsError(f"--formatting-func {given!r} is not clear.", "Say MODULE:FUNCTION.")
    sys.path.insert(0, "")  # the current folder, as for python -m
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever the user's module does
        raise SettingsError(
            f"--formatting-func {given!r} cannot be loaded: {type(error).__name__}: {error}",
            "Call it from the folder where the module is, and name a function in it.",
        ) from error
    finally:
        sys.path.remove("")


def _config(given: str) -> dict[str, Any]:
    try:
        made = json.loads(given)
    except ValueError as error:
        raise SettingsError(
            f"--update-config is no JSON: {error}", "For example '{\"num_train_epochs\": 3}'."
        ) from error
    if not isinstance(made, dict):
        raise SettingsError(
            f"--update-config is {given!r} and no JSON object.", "For example '{\"num_train_epochs\": 3}'."
        )
    return made
