"""Documentations to read, from packages on PyPI and npm, and what their own tools make of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from curation import download_sdist

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "reading"
TOOLS = ("sphinx", "myst-parser", "mkdocs", "mkdocs-material")


@dataclass(frozen=True)
class Tree:
    """The documentation below ``docs`` of a source distribution on PyPI, of a package on npm, or of a test
    set. ``targets``: its directives that only mark a place."""

    name: str
    docs: str
    tool: Literal["text", "html", "mkdocs"] = "text"
    targets: tuple[str, ...] = ()
    place: Literal["pypi", "npm", "sets"] = "pypi"

    def fetch(self, sets: Path) -> tuple[str, Path]:
        """Its version and the folder that it lies in, unpacked when it is asked for the first time."""
        if self.place == "sets":
            return "of shared/eval", sets.resolve() / self.name
        name = self.name.replace("/", "+")
        kept = sorted(CACHE.glob(f"{name}==*"))
        if not kept:
            with (download_sdist if self.place == "pypi" else _from_npm)(self.name) as (archive, version):
                part = CACHE / f".{name}.part"
                shutil.rmtree(part, ignore_errors=True)
                with tarfile.open(archive) as tar:
                    tar.extractall(part, filter="data")
                kept = [CACHE / f"{name}=={version}"]
                next(path for path in part.iterdir() if path.is_dir()).rename(kept[0])
                shutil.rmtree(part)
        return kept[-1].name.partition("==")[2], kept[-1]


@contextmanager
def _from_npm(name: str) -> Iterator[tuple[Path, str]]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["npm", "pack", "--json", name], check=True, cwd=folder, capture_output=True, text=True
        )
        (packed,) = json.loads(done.stdout)
        yield Path(folder) / packed["filename"], packed["version"]


WORD_TREES = (
    Tree("scrapy", "docs", targets=("setting", "signal", "command", "reqmeta"), place="sets"),
    Tree("django", "docs", targets=("setting", "templatetag", "fieldlookup", "ticket"), place="sets"),
    Tree("celery", "docs", targets=("setting", "event", "sig", "state", "control", "signal")),
    Tree("trio", "docs/source"),
    Tree("borgbackup", "docs"),
    Tree("jupyterhub", "docs/source", "html"),
    Tree("starlette", "docs", "mkdocs"),
)
# Sphinx, MyST, MkDocs, notebooks and MDX; VitePress and MDX from npm.
LEFTOVER_TREES = (
    *WORD_TREES[2:],
    Tree("attrs", "docs"),
    Tree("zarr", "docs"),
    Tree("structlog", "docs"),
    Tree("nbconvert", "docs/source"),
    Tree("fastmcp", "docs"),
    Tree("@directus/docs", ".", place="npm"),
    Tree("@mastra/mcp-docs-server", ".docs/raw", place="npm"),
    Tree("@workos/mcp-docs-server", ".docs/organized", place="npm"),
)


def rendered(tree: Tree, root: Path) -> Any:
    """``{"pages": {path: text}, "dropped": {what: how often}}`` by the tree's own tool."""
    python = CACHE / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "venv")], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "-q", *TOOLS], check=True)
    out = CACHE / f"{tree.name}.json"
    folder = root if tree.tool == "mkdocs" else root / tree.docs
    script = Path(__file__).with_name("rendered.py")
    subprocess.run(
        [str(python), str(script), tree.tool, str(folder), str(out), *tree.targets],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return json.loads(out.read_text(encoding="utf-8"))
