"""Real documentation without a network: a folder of Markdown made from the standard library's own
docstrings."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

MODULES = [
    "argparse",
    "asyncio",
    "bisect",
    "calendar",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "datetime",
    "difflib",
    "fractions",
    "functools",
    "glob",
    "gzip",
    "heapq",
    "inspect",
    "json",
    "logging",
    "os",
    "pathlib",
    "random",
    "re",
    "secrets",
    "shutil",
    "socket",
    "statistics",
    "string",
    "subprocess",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "timeit",
    "traceback",
    "unittest",
    "urllib.parse",
    "urllib.request",
    "zipfile",
]


def write_stdlib_docs(folder: Path, modules: int = len(MODULES), longest: int = 900) -> int:
    """One page a module, one section a function or class: its docstring's first line is the heading, the rest
    the body.

    Bodies are cut to ``longest`` characters. Returns how many sections were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sections = 0
    for name in MODULES[:modules]:
        parts = [f"# The module {name}\n"]
        module = importlib.import_module(name)
        for public in sorted(getattr(module, "__all__", dir(module))):
            member = getattr(module, public, None)
            text = inspect.getdoc(member) if inspect.isroutine(member) or inspect.isclass(member) else None
            if not text or public.startswith("_") or getattr(member, "__module__", "") in ("builtins", None):
                continue
            summary, _, body = text.partition("\n\n")
            summary = " ".join(summary.split()).rstrip(".")
            body = body.strip()[:longest]
            if len(body) < 350 or not 15 < len(summary) < 90:
                continue
            parts.append(f"## {summary}\n\nThis is `{name}.{public}`.\n\n" + body.replace("\n#", "\n"))
            sections += 1
        if len(parts) > 1:
            (folder / f"{name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return sections
