"""`python -m benchmarks asked_again` on a small made-up documentation, with a tiny model."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks import asked_again
from benchmarks.rows import StageRow, at_least, at_most, read_rows, write_rows
from curation import Home
from serving import RetrievalSettings
from tests.training import rounds

PAGES, NEEDS = rounds.THINGS[:12], rounds.THINGS[:6]
FAQ = rounds.THINGS[12:18]
WASH, MEND = rounds.JOBS[0], rounds.JOBS[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ordinary pages about twelve things and six of a FAQ; six needs of each kind."""
    made = tmp_path_factory.mktemp("eval") / "house"
    (made / "docs" / "faq").mkdir(parents=True)
    for thing, _ in PAGES:
        for job, _, body in rounds.JOBS[:4]:
            text = f"# {job} a {thing}\n\n{body.format(thing)}\n"
            (made / "docs" / f"{thing}-{job}.md").write_text(text)
    for number, (thing, _) in enumerate(FAQ):
        (made / "docs" / "faq" / f"{number}.md").write_text(f"{WASH[2].format(thing)}\n")
    queries = [{"_id": f"q{number}", "text": f"Cleaning a {thing}"} for number, (thing, _) in enumerate(FAQ)]
    reworded = [
        {"_id": f"q{number}", "a": f"How do I wash my {thing}?", "b": f"best way to wash a {other}"}
        for number, (thing, other) in enumerate(FAQ)
    ]
    pages = [
        {"_id": f"p{number}", "a": f"How do I mend my {other}?", "b": f"I want to mend the {other}",
         "paths": [f"{thing}-{MEND[0]}.md"], "section": f"{MEND[0]} a {thing}"}
        for number, (thing, other) in enumerate(NEEDS)
    ]  # fmt: skip
    for name, rows in {"queries": queries, "reworded": reworded, "pages": pages}.items():
        (made / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    qrels = "".join(f"q{number}\tfaq/{number}.md\t1\n" for number in range(len(FAQ)))
    (made / "qrels.tsv").write_text(qrels)
    return made


@pytest.fixture(scope="module")
def asked(
    folder: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[asked_again.Asked]:
    scratch = tmp_path_factory.mktemp("asked")
    training = rounds.training(min_queries=5, margin=1.0, holdout_share=0.4)
    serving = rounds.serving(tiny_model).model_copy(update={"retrieval": RetrievalSettings(min_score=-1.0)})
    return asked_again.measure(folder, Home(scratch / "home"), serving, training, scratch)


def test_each_stage_has_a_row_for_each_kind(asked: list[asked_again.Asked]) -> None:
    rows = [row for row in asked_again.report(asked) if isinstance(row, StageRow)]
    kinds = {"faq", "pages"}
    everybody = {
        ("house", kind, "all", wording, stage)
        for kind in kinds
        for wording in "ab"
        for stage in ("plain", "first", "headings")
    }
    halves = {
        ("house", kind, needs, "b", stage)
        for kind in kinds
        for needs in ("annotated", "others")
        for stage in ("first", "last")
    }
    assert {(row.set, row.kind, row.needs, row.wording, row.stage) for row in rows} == everybody | halves
    assert len(rows) == len(everybody | halves)
    assert all(row.ours is not None and 0 <= row.ours <= 1 for row in rows)


def test_every_second_need_is_annotated_and_others_are_not(asked: list[asked_again.Asked]) -> None:
    for one, letter in zip(asked, "qp", strict=True):
        assert one.keys("annotated") == [f"{letter}{number}" for number in (0, 2, 4)]
        assert one.keys("others") == [f"{letter}{number}" for number in (1, 3, 5)]
        halves = [one.mean("first", needs, ["b"]) for needs in asked_again.HALVES]
        assert math.isclose(sum(halves) / 2, one.mean("first", "all", ["b"]))
        assert 0 < one.affirmed <= 3
        assert len(one.outcomes) == 2
        assert one.mean("last", "all", ["b"]) > one.mean("first", "all", ["b"])


def test_the_file_is_a_list_of_rows(asked: list[asked_again.Asked], tmp_path: Path) -> None:
    rows = asked_again.report(asked)
    write_rows(rows, tmp_path / "rows.json")
    written = json.loads((tmp_path / "rows.json").read_text())
    keys = ["what", "ours", "other", "ratio", "bar", "ok"]
    stage = ["set", "kind", "needs", "wording", "stage"]
    assert all(list(row) in (keys, keys + stage) for row in written)
    assert read_rows(tmp_path / "rows.json") == rows
    whole = [row for row in written if "stage" not in row]
    assert all(row["bar"] is not None and row["ok"] in (True, False) for row in whole)
    named = [row["what"] for row in whole]
    assert len(set(named)) == len(named)
    assert sum("FAQ pages" in name for name in named) == 8
    assert sum("ordinary pages" in name for name in named) == 11


def test_needs_are_taken_from_beside_where_the_set_has_none(folder: Path, tmp_path: Path) -> None:
    lines = [{"_id": key, "a": "one", "b": "two", "paths": ["lamp.md"]} for key in ("x1", "x2")]
    (tmp_path / "pages.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (bare := tmp_path / "bare").mkdir()
    found = asked_again.load_needs(bare, tmp_path)
    assert [(one.kind, one.keys("all")) for one in found] == [("pages", ["x1", "x2"])]
    assert [one.kind for one in asked_again.load_needs(folder, tmp_path)] == ["faq", "pages"]
    assert asked_again.load_needs(folder, tmp_path)[1].keys("all")[0] == "p0"
    with pytest.raises(SystemExit, match="neither"):
        asked_again.load_needs(bare, bare)


def test_a_bar_is_held_against_the_ratio_where_there_is_another_side() -> None:
    assert at_least("x", 3.0, 1.5, other=2.0).ok
    assert not at_least("x", 2.9, 1.5, other=2.0).ok
    assert at_least("x", -0.01, -0.01).ok
    assert not at_most("x", 51.0, 50.0).ok
    assert at_most("x", 10.0, 0.5, other=20.0).ratio == 0.5
    assert at_least("x", 1.0, 1.0, other=0.0).ok is False
