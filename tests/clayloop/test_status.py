"""What `clayloop status` says about a watcher that answers and cannot look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clayloop.services import note_address
from clayloop.settings import Settings
from clayloop.status import read_status
from clayloop.watch.receiver import Receiver

DOWN = "Argilla at http://127.0.0.1:6900 does not answer."


@pytest.mark.parametrize(
    ("health", "told"),
    [
        ({"status": "ok", "trouble": ""}, "(answers)"),
        ({"status": "trouble", "trouble": DOWN}, f"(answers, but cannot look: {DOWN})"),
        ({"status": "trouble", "trouble": f"{DOWN}\nIs it up?"}, f"(answers, but cannot look: {DOWN})"),
    ],
)
def test_it_tells_the_watchers_trouble(tmp_path: Path, health: dict[str, Any], told: str) -> None:
    settings = Settings(home=tmp_path)
    with Receiver("127.0.0.1", 0, lambda *_: False, lambda _: None, lambda: health) as receiver:
        note_address(settings.state, "watch", receiver.url)
        assert read_status(settings)["services"] == {"watch": f"{receiver.url} {told}"}
    assert read_status(settings)["services"] == {"watch": f"{receiver.url} (does not answer)"}
