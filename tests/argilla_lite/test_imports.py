"""No file of argilla_lite imports itself by way of others."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "argilla_lite" / "src" / "argilla_lite"


def modules_of(package: Path) -> Mapping[str, Path]:
    """Each module's full name and file; a package goes by its own name."""
    named = {path.relative_to(package.parent).with_suffix("").parts: path for path in package.rglob("*.py")}
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path for parts, path in named.items()}


def imported(name: str, path: Path) -> Iterator[str]:
    """What a module names in its import statements, those inside functions too. `from a import b` names a and
    a.b."""
    here = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = here[: len(here) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def cycle_in(package: Path) -> list[str]:
    """The modules of one import cycle, each imported by the one before it or importing it; empty when there
    is none."""
    modules = modules_of(package)
    graph = {name: {*imported(name, path)} & modules.keys() - {name} for name, path in modules.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert len(modules_of(PACKAGE)) > 30
    assert cycle_in(PACKAGE) == []


@pytest.mark.parametrize(
    "statement",
    [
        "from house.rooms.kitchen import cook",
        "import house.rooms.kitchen",
        "def later() -> None:\n    from house.rooms import kitchen",
        "from .rooms import kitchen",
    ],
)
def test_a_cycle_is_found(tmp_path: Path, statement: str) -> None:
    package = tmp_path / "house"
    (package / "rooms").mkdir(parents=True)
    for folder in (package, package / "rooms"):
        (folder / "__init__.py").touch()
    (package / "rooms" / "kitchen.py").write_text("from .. import garden\n\ncook = garden\n")
    garden = package / "garden.py"
    garden.write_text("import ast\n")
    assert cycle_in(package) == []
    garden.write_text(statement + "\n")
    assert {"house.garden", "house.rooms.kitchen"} <= {*cycle_in(package)}
