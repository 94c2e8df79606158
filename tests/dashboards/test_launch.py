"""How the page is started, and what stays secret meanwhile."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from curation import ArgillaSettings, Home, SettingsError
from dashboards.handover import FILE_NAME, read_handover
from dashboards.launch import prepare
from tests.dashboards.state import told

SECRET = "a-key-nobody-may-see"


def test_secrets_travel_in_a_file_for_the_owner_only(home: Home) -> None:
    argilla = ArgillaSettings(url="http://127.0.0.1:6900", api_key=SecretStr(SECRET))
    given = told(home, accounts={"ada": f"{SECRET} of ada"}).model_copy(update={"argilla": argilla})
    launch = prepare(given)
    said = " ".join([*launch.command, *launch.environment, *launch.environment.values()])
    assert SECRET not in said
    path = home.root / FILE_NAME
    assert launch.command[-1] == str(path.absolute())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_handover(path) == given, "secrets and all else as it was"


def test_without_a_key_none_is_written(home: Home) -> None:
    prepare(told(home))
    assert json.loads((home.root / FILE_NAME).read_text())["argilla"]["api_key"] == ""


def test_a_relative_home_means_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepare(told(Home(Path("state")))).command[-1] == str(tmp_path / "state" / FILE_NAME)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:6999"),
        ("::1", "http://[::1]:6999"),
        ("0.0.0.0", "http://127.0.0.1:6999"),  # noqa: S104
    ],
)
def test_the_address_can_be_opened(home: Home, host: str, url: str) -> None:
    assert prepare(told(home, host=host, port=6999)).url == url


def test_on_loopback_only_our_own_names_are_answered(home: Home) -> None:
    launch = prepare(told(home))
    assert launch.environment["STREAMLIT_SERVER_ALLOWED_HOSTS"].split() == ["127.0.0.1", "localhost", "::1"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", f'{{"argilla": {{"api_key": "{SECRET}", "surprise": 1}}}}']
)
def test_a_damaged_file_is_a_clear_error_without_its_content(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(content)
    with pytest.raises(SettingsError) as caught:
        read_handover(path)
    assert str(path) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_streamlit_knows_every_option_and_serves_our_page(home: Home, tmp_path: Path) -> None:
    launch = prepare(told(home, port=6999))
    script = launch.command[4]
    assert Path(script).is_file()
    shown = subprocess.run(
        [
            sys.executable,
            "-m",
            "streamlit",
            "config",
            "show",
            *[flag for flag in launch.command if flag[:2] == "--"][:-1],
        ],
        env={**os.environ, **launch.environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    set_here = {line.strip() for line in shown.splitlines() if line and not line.startswith("#")}
    for line in (
        "headless = true",
        'address = "127.0.0.1"',
        "port = 6999",
        'fileWatcherType = "none"',
        "enableCORS = true",
        "enableXsrfProtection = true",
        "gatherUsageStats = false",
    ):
        assert line in set_here
