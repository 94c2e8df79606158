"""calibrate: how far a language model's verdicts are those of people."""

from __future__ import annotations

import typer

from clayloop.cli.generations import find_judge
from clayloop.cli.options import JsonFlag, context_of
from clayloop.console import print_json, print_table
from curation import SettingsError


def calibrate(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Ask the judge (curation.judge) about answers that people have judged, and compare, per release."""
    from curation import Remembered, calibrate, read_decisions, write_json

    context = context_of(ctx)
    judge = find_judge(context, Remembered(context.home.generations))
    if judge is None:
        raise SettingsError(
            "No language model is there to judge.", "Set curation.judge.base_url and curation.judge.model."
        )
    client = context.argilla(make_workspace=False)
    decisions = read_decisions(client, context.settings.curation.argilla, context.progress)
    by_id = context.corpus().by_id

    def text_of(chunk: str) -> str:
        return by_id[chunk].text if chunk in by_id else ""

    name = context.settings.curation.judge.model
    found = calibrate(judge, name, decisions, text_of, context.progress)
    write_json(context.home.calibration, found.model_dump(mode="json"))
    if as_json:
        print_json(found)
        return
    print_table(
        f"{found.judge}, beside people",
        ["release", "judged", "as people", "too kind", "too strict", "alpha"],
        [
            (
                one.release,
                f"{one.judged} of {one.decided}",
                one.same,
                one.too_kind,
                one.too_strict,
                "not defined" if one.alpha.value is None else f"{one.alpha.value:.2f}",
            )
            for one in found.releases
        ],
    )
