"""serving/ has an order: settings, retrieval, releases, bot. Nothing imports from a later sub-room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[2] / "serving"
ORDER = ("settings", "retrieval", "releases", "bot")


def imported(source: str) -> set[str]:
    """The modules that ``source`` imports by full path, wherever in it: those for types only count too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            name = f"{'.' * node.level}{node.module or ''}"
            found |= {name, *(f"{name}.{alias.name}" for alias in node.names)}
    return found


def wrong_imports(part: str, source: str) -> set[str]:
    """The imports of a file in the sub-room ``part`` that are relative or run to a later sub-room."""
    allowed = ORDER[: ORDER.index(part) + 1]
    inside = {name for name in imported(source) if name.split(".")[0] in ("", "serving")}
    return {name for name in inside if (name + "..").split(".")[1] not in allowed}


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOM)))
def test_nothing_imports_from_a_later_sub_room(path: Path) -> None:
    part = path.relative_to(ROOM).parts[0].removesuffix(".py")
    if part == "__init__":
        assert not wrong_imports("settings", path.read_text(encoding="utf-8"))
    else:
        assert not wrong_imports(part, path.read_text(encoding="utf-8"))


def test_every_file_is_in_a_sub_room() -> None:
    names = {path.stem for path in ROOM.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert names - {"__pycache__", "__init__"} == set(ORDER)


@pytest.mark.parametrize(
    "source",
    [
        "from serving.bot.chat import ChatService",
        "from serving.bot import chat",
        "import serving.bot.chat",
        "from serving import run_bot",
        "from serving import bot",
        "from ..bot import chat",
        "def later():\n    import serving.bot",
    ],
)
def test_it_would_be_seen(source: str) -> None:
    assert wrong_imports("releases", source)
    assert not wrong_imports("releases", "from serving.retrieval.index import Hit\nimport curation")
