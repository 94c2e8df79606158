"""Documentations to read, from source distributions on PyPI, and what their own tools make of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from curation import download_sdist

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "reading"
TOOLS = ("sphinx", "myst-parser", "mkdocs", "mkdocs-material")


@dataclass(frozen=True)
class Tree:
    """A package's documentation below ``docs``; without ``on_pypi`` a test set's. ``targets``: its directives
    that only mark a place."""

    name: str
    docs: str
    tool: Literal["text", "html", "mkdocs"] = "text"
    targets: tuple[str, ...] = ()
    on_pypi: bool = True

    def fetch(self, sets: Path) -> tuple[str, Path]:
        """Its version and the folder that it lies in, unpacked when it is asked for the first time."""
        if not self.on_pypi:
            return "of shared/eval", sets.resolve() / self.name
        kept = sorted(CACHE.glob(f"{self.name}==*"))
        if not kept:
            with download_sdist(self.name) as (archive, version):
                part = CACHE / f".{self.name}.part"
                shutil.rmtree(part, ignore_errors=True)
                with tarfile.open(archive) as tar:
                    tar.extractall(part, filter="data")
                kept = [CACHE / f"{self.name}=={version}"]
                next(path for path in part.iterdir() if path.is_dir()).rename(kept[0])
                shutil.rmtree(part)
        return kept[-1].name.partition("==")[2], kept[-1]


WORD_TREES = (
    Tree("scrapy", "docs", targets=("setting", "signal", "command", "reqmeta"), on_pypi=False),
    Tree("django", "docs", targets=("setting", "templatetag", "fieldlookup", "ticket"), on_pypi=False),
    Tree("celery", "docs", targets=("setting", "event", "sig", "state", "control", "signal")),
    Tree("trio", "docs/source"),
    Tree("borgbackup", "docs"),
    Tree("jupyterhub", "docs/source", "html"),
    Tree("starlette", "docs", "mkdocs"),
)
# Sphinx, MyST, MkDocs, notebooks and MDX.
LEFTOVER_TREES = (
    *WORD_TREES[2:],
    Tree("attrs", "docs"),
    Tree("zarr", "docs"),
    Tree("structlog", "docs"),
    Tree("nbconvert", "docs/source"),
    Tree("fastmcp", "docs"),
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
