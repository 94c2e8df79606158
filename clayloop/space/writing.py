"""Writing the folder of a Space: the app, what it requires, a README that explains it, and clayloop."""

from __future__ import annotations

import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

from curation import SettingsError, replace_folder

_HERE = Path(__file__).parent
_ROOMS = ("clayloop", "curation", "serving", "training", "dashboards")
_MADE_HERE = "Made by `clayloop space`."
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# What a bot never loads: the dashboard, the synthesis, the embedded language model, training.
NOT_SERVED = frozenset(
    {
        "accelerate",
        "altair",
        "distilabel",
        "docutils",
        "ir-measures",
        "rensa",
        "streamlit",
        "unearth",
        "xllamacpp",
    }
)


def write_space(target: Path, release: str, title: str, name: str) -> list[str]:
    """Write the Space ``name`` that serves the Hub's repository ``release`` into the folder ``target``, all
    or nothing, and return the names of its files but for clayloop's own code.

    Raises SettingsError for a name that is none, or a folder that holds something else, StateError when it
    cannot be written.
    """
    if not _NAME.fullmatch(release):
        raise SettingsError(f"{release!r} is no repository on the Hub.", "Say OWNER/NAME.")
    app = target / "app.py"
    is_ours = app.is_file() and _MADE_HERE in app.read_text(encoding="utf-8", errors="replace")
    if target.exists() and not is_ours and (not target.is_dir() or any(target.iterdir())):
        raise SettingsError(f"{target} holds something else than a Space.", "Name another --folder.")
    values = {
        "release": release,
        "title": title,
        "name": name,
        "gradio": metadata.version("gradio"),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    files = {
        "app.py": _filled("app.py.jinja", values),
        "README.md": _filled("README.md.jinja", values),
        "requirements.txt": _requirements(),
    }
    with replace_folder(target) as folder:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        for room in _ROOMS:
            shutil.copytree(
                _HERE.parents[1] / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
            )
    return list(files)


def _filled(name: str, values: dict[str, str]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # What is made is Python and Markdown, no HTML; in Python a value is a JSON string.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(_HERE), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(name).render(values)


def _requirements() -> str:
    """What clayloop requires to serve, in the versions that it runs with here."""
    from packaging.requirements import Requirement

    lines = []
    for line in metadata.requires("clayloop") or []:
        wanted = Requirement(line)
        applies = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        if not applies or wanted.name in NOT_SERVED:
            continue
        extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
        version = metadata.version(wanted.name).partition("+")[0]  # a CPU build has a local version
        lines.append(f"{wanted.name}{extras}=={version}")
    return "\n".join(sorted(lines)) + "\n"
