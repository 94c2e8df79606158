"""The rules of the house: who may import whom, what a room shows to others, and how long things may be."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = {"curation": 0, "serving": 1, "training": 2, "dashboards": 3, "clayloop": 4}
ROOMS = tuple(FLOORS)
WITH_FACE = ("curation", "serving", "training", "dashboards")  # no other room imports from clayloop
# The sub-rooms of training and the files beside them, from the ground up. Nothing imports from its own line
# or a later one, except from its own sub-room.
TRAINING_ORDER = (
    ("settings",),
    ("ledger",),
    ("prepare",),
    ("fit", "judge"),
    ("runs",),
    ("report",),
    ("decide",),
    ("retrain",),
    ("tasks",),
    ("answering",),
)
# What stands apart in training: it knows nothing of the rest, nor the rest of it.
APART = "tasks"
BRIDGE = "answering"  # trains a task for a release
HEAVY = (
    *("torch", "lancedb", "gradio", "argilla", "sentence_transformers", "datasets", "streamlit"),
    *("transformers", "distilabel", "sklearn", "scipy"),
)
# What shared helpers of the tests may use of a room beyond its face.
SHARED_HELPERS_MAY_USE = {"clayloop.up.model_server"}

LONGEST_FILE = 450
WIDEST_LINE = 110
MOST_PARAMETERS = 6
VAGUE = {"utils", "helpers", "common", "misc", "base", "core", "tools", "stuff"}


@cache
def files(*tops: str) -> tuple[Path, ...]:
    """The Python files and faces below ``tops``, relative to the repository."""
    found = (path for top in tops for path in (ROOT / top).rglob("*.py*"))
    return tuple(sorted(path.relative_to(ROOT) for path in found if path.suffix in (".py", ".pyi")))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> tuple[tuple[str, str], ...]:
    """Each import of a file as (module, name); the name is "" for ``import module``."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found += [(node.module or "", alias.name) for alias in node.names]
    return tuple(found)


def room_of(path: Path) -> str:
    """The room that a file belongs to, or whose inside it may test; "" for benchmarks and shared helpers."""
    parts = path.parts[1:] if path.parts[0] == "tests" else path.parts
    return parts[0] if parts[0] in FLOORS and len(parts) > 1 else ""


def past_the_face(path: Path) -> Iterator[str]:
    """What a file imports or patches of another room that is not one of the names of its ``__init__``."""
    own = room_of(path)
    for module, name in imported(path):
        room = module.partition(".")[0]
        if room in FLOORS and room != own and (module != room or name not in names_of(room)):
            yield f"{module} {name}".strip()
    for node in ast.walk(tree(path)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "setattr"
        ):
            target = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
            room, _, rest = str(target).partition(".")
            if room in FLOORS and room != own and rest.partition(".")[0] not in names_of(room):
                yield str(target)


@cache
def names_of(room: str) -> frozenset[str]:
    """The names of a room's face."""
    return frozenset(importlib.import_module(room).__all__)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_floors_below(room: str) -> None:
    wrong = [
        f"{path}: {module}"
        for path in files(room)
        for module, _ in imported(path)
        if FLOORS.get(other := module.partition(".")[0], -1) >= FLOORS[room] and other != room
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("top", [*ROOMS, "benchmarks", "tests"])
def test_from_another_room_only_the_names_of_its_face_are_imported(top: str) -> None:
    wrong = []
    for path in files(top):
        allowed = SHARED_HELPERS_MAY_USE if path.parent == Path("tests") else set()
        wrong += [f"{path}: {what}" for what in past_the_face(path) if what.split()[0] not in allowed]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", WITH_FACE)
def test_each_name_of_a_face_exists_and_somebody_else_uses_it(room: str) -> None:
    module = importlib.import_module(room)
    missing = [name for name in module.__all__ if getattr(module, name, None) is None]
    assert not missing, "\n".join(missing)
    used = {
        name
        for path in files(*ROOMS, "benchmarks", "tests")
        if room_of(path) != room
        for origin, name in imported(path)
        if origin == room
    }
    unused = sorted(names_of(room) - used)
    assert not unused, "\n".join(unused)


@pytest.mark.parametrize("room", [*WITH_FACE, "clayloop", "clayloop.cli"])
def test_to_import_a_room_loads_nothing_heavy(room: str) -> None:
    script = f"import sys, {room}; print(*sorted(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []


def test_each_file_of_training_has_a_place_in_the_order() -> None:
    places = {name for line in TRAINING_ORDER for name in line} | {"__init__"}
    lost = sorted({_place(path) for path in files("training")} - places)
    assert not lost, "\n".join(lost)


def test_inside_training_nothing_runs_back() -> None:
    floor = {name: number for number, line in enumerate(TRAINING_ORDER) for name in line}
    wrong = []
    for path in files("training"):
        own = _place(path)
        for module in _modules_of("training", path):
            other = module.split(".")[1]
            if other != own and floor.get(other, 0) >= floor.get(own, len(floor)):
                wrong.append(f"{path}: {module}")
    assert not wrong, "\n".join(wrong)


def test_what_stands_apart_in_training_is_on_its_own() -> None:
    wrong = [
        f"{path}: {module}"
        for path in files("training")
        if path.name != "__init__.pyi" and _place(path) != BRIDGE
        for module in _modules_of("training", path)
        if (module.split(".")[1] == APART) != (_place(path) == APART)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", ROOMS)
def test_no_files_of_a_room_import_each_other_in_a_circle(room: str) -> None:
    arrows = {
        ".".join(path.with_suffix("").parts).removesuffix(".__init__"): _modules_of(room, path)
        for path in files(room)
        if path.suffix == ".py"
    }
    while leaves := [module for module, others in arrows.items() if not others & arrows.keys() - {module}]:
        for module in leaves:
            del arrows[module]
    left = sorted(arrows)  # in a circle, or needs a file that is
    assert not left, "\n".join(
        f"{module}: {', '.join(sorted(arrows[module] & set(left)))}" for module in left
    )


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_has_too_many_parameters(room: str) -> None:
    wrong = [
        f"{path}:{node.lineno} {node.name}"
        for path in files(room)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and not _is_command(path, node)
        if len(_parameters(node)) > MOST_PARAMETERS
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("top", [*ROOMS, "benchmarks", "tests"])
def test_files_are_short_and_their_names_say_something(top: str) -> None:
    wrong = []
    for path in files(top):
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        wrong += [f"{path}:{number}" for number, line in enumerate(lines, 1) if len(line) > WIDEST_LINE]
        if len(lines) > LONGEST_FILE or path.stem in VAGUE:
            wrong.append(str(path))
    assert not wrong, "\n".join(wrong)


def test_the_places_that_developers_are_sent_to_exist() -> None:
    text = (ROOT / "docs" / "developers.md").read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{'|'.join(ROOMS)}|tests)/[\w/.]+)`", text)
    missing = sorted({name for name in named if not (ROOT / name).exists()})
    assert named
    assert not missing, "\n".join(missing)


def _place(path: Path) -> str:
    """The sub-room of a file, or its own name where it lies beside them."""
    return Path(path.parts[1]).stem


def _modules_of(room: str, path: Path) -> set[str]:
    """The modules of ``room`` that one of its files imports."""
    found = set()
    for module, name in imported(path):
        if module.partition(".")[0] == room:
            inner = f"{module}.{name}"
            found.add(inner if _is_module(inner) else module)
    return {module for module in found if module != room}


def _is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def _parameters(node: ast.FunctionDef) -> list[str]:
    given: Iterable[ast.arg] = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return [one.arg for one in given if one.arg not in ("self", "cls")]


def _is_command(path: Path, node: ast.FunctionDef) -> bool:
    """A command of the command line: its parameters are the options that people give."""
    return path.parts[:2] == ("clayloop", "cli") and _parameters(node)[:1] == ["ctx"]
