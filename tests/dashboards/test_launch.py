"""How the page is started, and what stays secret meanwhile."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from curation import ArgillaSettings, Home, SettingsError
from dashboards.handover import FILE_NAME, read_handover
from dashboards.launch import prepare
from dashboards.settings import DashboardSettings

SECRET = "a-key-nobody-may-see"


@pytest.fixture
def argilla() -> ArgillaSettings:
    return ArgillaSettings(url="http://127.0.0.1:6900", api_key=SecretStr(SECRET))


def test_secrets_travel_in_a_file_for_the_owner_only(home: Home, argilla: ArgillaSettings) -> None:
    launch = prepare(home.root, DashboardSettings(port=6999), argilla)
    said = " ".join([*launch.command, *launch.environment, *launch.environment.values()])
    assert SECRET not in said
    path = home.root / FILE_NAME
    assert launch.command[-1] == str(path.absolute())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_handover(path).argilla.api_key.get_secret_value() == SECRET


def test_without_a_key_none_is_written(home: Home) -> None:
    prepare(home.root, DashboardSettings(), ArgillaSettings())
    assert json.loads((home.root / FILE_NAME).read_text())["api_key"] == ""


def test_the_page_gets_the_settings_it_was_started_with(home: Home, argilla: ArgillaSettings) -> None:
    settings = DashboardSettings(port=6999, refresh_seconds=2.5)
    prepare(home.root, settings, argilla)
    handover = read_handover(home.root / FILE_NAME)
    assert handover.dashboard == settings
    assert handover.argilla.url == argilla.url
    assert handover.home.root == home.root


def test_a_relative_home_means_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    launch = prepare(Path("state"), DashboardSettings(), ArgillaSettings())
    assert launch.command[-1] == str(tmp_path / "state" / FILE_NAME)


def test_port_0_picks_a_free_port_and_says_which(home: Home) -> None:
    launch = prepare(home.root, DashboardSettings(port=0), ArgillaSettings())
    port = int(launch.url.rpartition(":")[2])
    assert f"--server.port={port}" in launch.command
    assert read_handover(home.root / FILE_NAME).dashboard.port == port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:6999"),
        ("::1", "http://[::1]:6999"),
        ("0.0.0.0", "http://127.0.0.1:6999"),  # noqa: S104
    ],
)
def test_the_address_can_be_opened(home: Home, host: str, url: str) -> None:
    assert prepare(home.root, DashboardSettings(host=host, port=6999), ArgillaSettings()).url == url


def test_on_loopback_only_our_own_names_are_answered(home: Home) -> None:
    launch = prepare(home.root, DashboardSettings(port=6999), ArgillaSettings())
    assert launch.environment["STREAMLIT_SERVER_ALLOWED_HOSTS"].split() == ["127.0.0.1", "localhost", "::1"]


def test_a_host_that_is_not_ours_is_a_clear_error(home: Home) -> None:
    with pytest.raises(SettingsError, match=r"203\.0\.113\.7"):
        prepare(home.root, DashboardSettings(host="203.0.113.7", port=0), ArgillaSettings())


@pytest.mark.parametrize("content", ["", "{", "[]", f'{{"api_key": "{SECRET}", "surprise": 1}}'])
def test_a_damaged_file_is_a_clear_error_without_its_content(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(content)
    with pytest.raises(SettingsError) as caught:
        read_handover(path)
    assert str(path) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_streamlit_knows_every_option_and_serves_our_page(home: Home, tmp_path: Path) -> None:
    launch = prepare(home.root, DashboardSettings(port=6999), ArgillaSettings())
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
