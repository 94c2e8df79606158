"""The house: a room never imports from its own floor or one above it, and only clayloop/ reads the
environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {"curation": 0, "serving": 1, "training": 2, "dashboards": 3, "clayloop": 4}
LONGEST = 450
VAGUE = {"utils", "helpers", "common", "misc"}
FILES = sorted(path for room in FLOORS for path in (ROOT / room).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_to_its_floor(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    text = path.read_text(encoding="utf-8")
    rooms = {name.split(".")[0] for name in imported(ast.parse(text))} & FLOORS.keys() - {room}
    assert [name for name in rooms if FLOORS[name] >= FLOORS[room]] == []
    assert text.count("\n") <= LONGEST
    assert path.stem not in VAGUE
