"""A bot's start writes nothing into Gradio's folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from gradio.component_meta import create_or_modify_pyi

from serving.bot.gradio_import import writing_nothing


def test_no_interface_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "part.py"
    source.write_text('"""A part."""\n\nclass Part:\n    """One."""\n')
    spec = importlib.util.spec_from_file_location("part", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "part", module)  # where a class's file is looked up
    with writing_nothing():
        create_or_modify_pyi(module.Part, "Part", ["click"])
    assert not source.with_suffix(".pyi").exists()
    create_or_modify_pyi(module.Part, "Part", ["click"])
    assert source.with_suffix(".pyi").exists(), "Gradio still does what is kept from it"
