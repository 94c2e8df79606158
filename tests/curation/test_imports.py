"""Inside the room no modules import each other in a circle, and no function takes more than six things."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
TREES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
        path.read_text()
    )
    for path in sorted((ROOT / "curation").rglob("*.py"))
}


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = {name: _imported(tree) - {name} for name, tree in TREES.items()}
    TopologicalSorter(imports).prepare()  # raises CycleError


def test_no_function_takes_more_than_six_parameters() -> None:
    many = [
        f"{module}.{node.name}"
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and len({part.arg for part in (*node.args.args, *node.args.kwonlyargs)} - {"self", "cls"}) > 6
    ]
    assert many == []


def _imported(tree: ast.Module) -> set[str]:
    """The modules of the room that a module imports, also inside its functions."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{part.name}" for part in node.names}
            found |= names & TREES.keys() or {node.module} & TREES.keys()
    return found
