"""The web page's files, made once per version instead of at each import of argilla_server.

Whenever argilla_server is imported, even in processes that serve no page, it copies 14 MB in 1,333 files to a
new temporary folder, to put its base path into some of them (_app.py:257). That took a third of the time of a
start and most of that of a stop. Here the import copies nothing, and the server mounts a folder of the home.

In those files the page is also told to show a suggested label or rating without choosing it. As released it
chooses it in advance: its key then takes the answer away, the next key answers the wrong question, and Enter
submits what nobody has looked at. And where a question has ten labels or more, a digit that may begin the
number of another label waits 0.3 s for a second one: any other key within that time, such as the Enter that
submits, made the page forget it, and who typed more slowly chose label 1 instead of 10. Here the label is
chosen before any other key, and the second digit has a second. `argilla-lite up --no-patches` leaves all
this as it is.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.routing import Mount

from argilla_lite import archive, patches
from argilla_lite.home import Home

_LAYOUT = 6  # raise it when the files are made differently
_BASE_PATH = b"@@baseUrl@@"
# Two fonts from Google. The page has fallback fonts, and Google need not learn who annotates.
_FONTS_FROM_OUTSIDE = re.compile(rb"@import url\(https://fonts\.googleapis\.com/[^)]*\);?")
_WITH_BASE_PATH = {".js", ".html"}
_NEVER_SERVED = {".br", ".gz"}  # 825 of the 1,333 files: compressed twins that the server does not look for
# Where a record that its reader has not answered takes over a suggestion (c) of a question (i), and its twin
# that does not for the types whose keys choose one value.
_CHOSEN = b"r.isPending?i.response(c):i.response(u)"
_ONLY_SHOWN = b"r.isPending?(i.isSingleLabelType||i.isRatingType||i.response(c)):i.response(u)"
# Where a label's question hears a key, and what it does first if a digit is waiting and the key is none.
_HEARS_KEY = re.compile(rb"keyboardHandler:function keyboardHandler\((\w)\)\{")
_CHOOSES_FIRST = (
    rb"\g<0>if(this.timer&&!/^\\d$/.test(\1.key)){clearTimeout(this.timer);"
    rb"this.selectByKeyCode({preventDefault(){},stopPropagation(){}},this.keyCode)}"
)
_WAITS = re.compile(rb"(selectByKeyCode\(\w,\w\.keyCode\)\}\)),300\)")
_WAITS_LONGER = rb"\1,1000)"


@contextlib.contextmanager
def not_copied() -> Iterator[None]:
    """Keeps argilla_server from copying the page while it is imported in this context."""
    copy = shutil.copytree

    def copytree(source: Any, target: Any, *arguments: Any, **options: Any) -> Any:
        if Path(source).parts[-2:] == ("argilla_server", "static"):
            return target
        return copy(source, target, *arguments, **options)

    with mock.patch.object(shutil, "copytree", copytree):
        yield


def prepare(home: Home) -> Path:
    """Makes the page's folder for the installed version if it is missing, and deletes all others. Raises
    OSError when there is no room for it."""
    is_mended = patches.wanted()
    variant = "" if is_mended else "-as-released"
    folder = home.web_dir / f"{importlib.metadata.version('argilla-server')}-{_LAYOUT}{variant}"
    if folder.is_dir():
        return folder
    home.web_dir.mkdir(exist_ok=True, mode=0o700)
    for old in home.web_dir.iterdir():
        shutil.rmtree(old)
    with archive.scratch_folder(home.web_dir, "page") as scratch:
        for source in sorted(_source().rglob("*")):
            target = scratch / "page" / source.relative_to(_source())
            if source.is_dir():
                target.mkdir(parents=True, exist_ok=True, mode=0o700)
                continue
            if source.suffix in _NEVER_SERVED:
                continue
            content = source.read_bytes()
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if source.suffix in _WITH_BASE_PATH:
                content = content.replace(_BASE_PATH, b"")
                if is_mended:
                    content = content.replace(_CHOSEN, _ONLY_SHOWN)
                    content = _HEARS_KEY.sub(_CHOOSES_FIRST, content)
                    content = _WAITS.sub(_WAITS_LONGER, content)
            elif source.suffix == ".css":
                content = _FONTS_FROM_OUTSIDE.sub(b"", content)
            target.write_bytes(content)
        (scratch / "page").rename(folder)
    return folder


def mount(application: FastAPI, folder: Path) -> None:
    """Has the application serve that folder. Raises RuntimeError when it has no page to replace."""
    for route in application.router.routes:
        if isinstance(route, Mount) and route.name == "static" and isinstance(route.app, StaticFiles):
            route.app = type(route.app)(directory=folder, html=True, check_dir=False)
            return
    raise RuntimeError("argilla_server serves no web page")


def _source() -> Path:
    spec = importlib.util.find_spec("argilla_server")
    assert spec is not None and spec.submodule_search_locations  # noqa: S101 - it is a dependency
    return Path(spec.submodule_search_locations[0]) / "static"
