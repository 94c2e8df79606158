"""What goes wrong is told: what, where, and what to do; and nothing that was good is lost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer

from clayloop.cli import app as application
from clayloop.demo.visitors import chat
from clayloop.up.services import free_port
from curation import SILENT, ClayloopError, SettingsError
from tests.clayloop.command import Command
from tests.curation.fake_endpoint import FakeRequest, fake_endpoint

UNUSED_PORT = "http://127.0.0.1:9"  # discard: nothing listens there


def commands(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command below ``command`` that --help lists, with its own."""
    yield names, command
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from commands(below, *names, name)


def test_every_command_has_a_help_page_that_says_all_of_its_text(clayloop: Command) -> None:
    for names, command in commands(typer.main.get_command(application.app)):
        shown = clayloop.well(*names, "--help").out
        missing = [word for word in command.help.split() if word not in shown and "`" not in word]
        assert not missing, (names, missing)


def test_both_retrain_commands_have_the_same_options() -> None:
    inside = dict(commands(typer.main.get_command(application.app)))[("retrain",)]
    options = {one.name for one in application.retrain_alone().params}
    assert options == {one.name for one in inside.params} | {"config", "home", "verbose", "version"}


@pytest.mark.parametrize("library", [OSError, RuntimeError, Exception])
def test_a_full_disk_is_told_whatever_the_library_calls_it(
    clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch, library: type[Exception]
) -> None:
    def fills(*_: object, **__: object) -> None:
        raise library("I/O error: No space left on device (os error 28)")

    clayloop.well("ingest", str(pottery))
    monkeypatch.setattr("sentence_transformers.SentenceTransformer.save_pretrained", fills)
    ended = clayloop("bootstrap")
    assert ended.code == 8, ended.err
    assert "No space left" in ended.err
    assert "Traceback" not in ended.err


def test_a_device_that_is_not_there(
    clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clayloop.well("ingest", str(pottery))
    monkeypatch.setenv("CLAYLOOP_SERVING__EMBEDDING__DEVICE", "xpu")
    ended = clayloop("bootstrap")
    assert ended.code == 2, ended.err
    assert "serving.embedding.device" in ended.err


def test_up_starts_nothing_where_one_port_is_taken(
    clayloop: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for name in ("CURATION__ARGILLA__PORT", "CURATION__LANGUAGE_MODEL__PORT", "SERVING__BOT__PORT"):
            monkeypatch.setenv(f"CLAYLOOP_{name}", "0")
        monkeypatch.setenv("CLAYLOOP_DASHBOARDS__PORT", str(taken.getsockname()[1]))
        ended = clayloop("up")
    assert ended.code == 2
    assert "dashboards.port" in ended.err
    assert not (clayloop.home / "argilla").exists()


def test_a_port_that_cannot_be_had_is_told_with_its_setting(clayloop: Command) -> None:
    assert "65535" in clayloop("serve", "--port", "99999").err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = clayloop("dashboard", "--port", str(taken.getsockname()[1]))
    assert ended.code == 2 and "set --port" in ended.err
    assert f"is taken by {psutil.Process().name()} (process {os.getpid()})" in ended.err


def test_a_port_that_cannot_be_used_is_told_with_the_reason() -> None:
    for host in ("192.0.2.1", "no.such.host.invalid", "a..b"):
        with pytest.raises(SettingsError, match=f"Port 0 on {host} cannot be used: ") as caught:
            free_port("serving.bot.port", 0, host=host)
        assert "set serving.bot.port to another port" in caught.value.hint


def test_up_starts_nothing_where_two_services_have_one_port(
    clayloop: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    for name in ("CURATION__ARGILLA__PORT", "CURATION__LANGUAGE_MODEL__PORT"):
        monkeypatch.setenv(f"CLAYLOOP_{name}", "0")
    for name in ("SERVING__BOT__PORT", "DASHBOARDS__PORT"):
        monkeypatch.setenv(f"CLAYLOOP_{name}", port)
    ended = clayloop("up")
    assert ended.code == 2
    assert "serving.bot.port and dashboards.port are both" in ended.err
    assert not (clayloop.home / "argilla").exists()


@pytest.mark.parametrize("command", [["up"], ["demo"], ["retrain-answers"]])
def test_nothing_begins_where_the_models_file_is_missing(
    clayloop: Command, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("CLAYLOOP_CURATION__LANGUAGE_MODEL__GGUF", "no-such.gguf")
    for name in ("CURATION__ARGILLA", "CURATION__LANGUAGE_MODEL", "SERVING__BOT", "DASHBOARDS"):
        monkeypatch.setenv(f"CLAYLOOP_{name}__PORT", "0")
    ended = clayloop(*command)
    assert ended.code == 5, ended.err
    assert "no-such.gguf does not exist" in ended.err
    assert "curation.language_model.gguf" in ended.err
    assert not (clayloop.home / "argilla").exists()


def test_the_demo_begins_nothing_where_a_server_of_the_settings_does_not_answer(
    clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAYLOOP_CURATION__LANGUAGE_MODEL__BASE_URL", UNUSED_PORT + "/v1")
    assert clayloop("demo", "--source", str(pottery)).code == 5
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__URL", UNUSED_PORT)
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__API_KEY", "a-key")
    assert clayloop("demo", "--source", str(pottery)).code == 4
    assert not clayloop.home.exists()


def test_a_bot_that_fails_ends_the_demo_with_its_log_named() -> None:
    def broken(request: FakeRequest) -> None:
        request.send(500, b'{"detail": "broken"}')

    with fake_endpoint(broken) as endpoint, pytest.raises(ClayloopError) as told:
        endpoint.list_reply = broken
        chat(endpoint.base_url.removesuffix("/v1"), ["how hot?"], SILENT)
    assert "bot.log" in told.value.hint


def test_two_datasets_of_one_name(clayloop: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__CHUNKS", "clayloop-triplets")
    ended = clayloop("status")
    assert ended.code == 2
    assert "chunks and triplets name the same dataset" in ended.err


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("no/such/folder", "no/such/folder"),
        ("ftp:somewhere", "ftp"),
        ("pypi:", "pypi"),
        ("pypi:../../etc", "etc"),
    ],
)
def test_a_source_that_is_none(clayloop: Command, source: str, named: str) -> None:
    ended = clayloop("ingest", source)
    assert ended.code == 3
    assert named in ended.err
    assert "Traceback" not in ended.err


def test_an_empty_folder(clayloop: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = clayloop("ingest", str(tmp_path / "empty"))
    assert ended.code == 3
    assert "empty" in ended.err


def test_a_bad_source_leaves_the_corpus_as_it_was(clayloop: Command, pottery: Path) -> None:
    before = clayloop.well("ingest", str(pottery), "--json").json
    assert clayloop("ingest", "no/such/folder").code == 3
    after = clayloop.well("ingest", str(pottery), "--json").json
    assert after["unchanged"] == before["chunks"]


def test_odd_files_are_skipped_and_reported(clayloop: Command, pottery: Path) -> None:
    (pottery / "latin1.md").write_bytes("# Grüße\n\nÄÖÜ\n".encode("latin-1"))
    (pottery / "empty.md").write_text("")
    with (pottery / "huge.md").open("wb") as file:
        file.truncate(50_000_000)
    report = clayloop.well("ingest", str(pottery), "--json").json
    assert report["documents"] == 5
    skipped = {item["path"]: item["reason"] for item in report["skipped"]}
    assert set(skipped) == {"latin1.md", "empty.md", "huge.md"}
    assert "UTF-8" in skipped["latin1.md"]


def test_argilla_that_is_down(served: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__URL", UNUSED_PORT)
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__API_KEY", "secret-key-of-a-test")
    for command in (["push"], ["retrain"], ["simulate"]):
        ended = served(*command)
        assert ended.code == 4, (command, ended.err)
        assert UNUSED_PORT in ended.err
        assert "secret-key-of-a-test" not in ended.err + ended.out


def test_a_language_model_that_is_down(
    clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clayloop.well("ingest", str(pottery))
    monkeypatch.setenv("CLAYLOOP_CURATION__LANGUAGE_MODEL__BASE_URL", UNUSED_PORT + "/v1")
    ended = clayloop("synthesize")
    assert ended.code == 5
    assert UNUSED_PORT in ended.err


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("[serving.bot]\nprot = 1\n", "serving.bot.prot: there is no such key; did you mean port?"),
        ("[serving.bot]\nproxies = 'a'\n[zzz]\n", "zzz: there is no such key"),
        ("[serving.bot]\nport = 'x'\n", "serving.bot.port: a whole number is wanted"),
        ("[serving.bot]\nproduct 'clay'\n", "at line 2, column 9): product 'clay'"),
    ],
)
def test_a_wrong_setting_is_named_in_the_words_of_the_file(
    clayloop: Command, written: str, told: str
) -> None:
    Path("clayloop.toml").write_text(written)
    ended = clayloop("status")
    assert ended.code == 2
    assert told in ended.err
    assert "unable to parse" not in ended.err


def test_a_line_that_may_hold_a_secret_is_not_shown(clayloop: Command) -> None:
    Path("clayloop.toml").write_text("[curation.argilla]\napi_key 'hunter2'\n")
    ended = clayloop("status")
    assert "line 2" in ended.err
    assert "hunter2" not in ended.err


def test_without_documents_the_first_thing_to_do_is_to_read_some(clayloop: Command, pottery: Path) -> None:
    assert "Run `clayloop ingest SOURCE`, then `clayloop bootstrap`" in clayloop("search", "clay").err
    clayloop.well("ingest", str(pottery))
    assert "Run `clayloop bootstrap`" in clayloop("search", "clay").err


def test_an_address_given_as_a_folder(clayloop: Command) -> None:
    assert "For a web page: url:https://docs.example.org/a" in clayloop("ingest", "docs.example.org/a").err
    assert "For a web page" not in clayloop("ingest", "docs/a.b").err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("ingest", "docs"), "Nothing was changed; run it again."),
        (("retrain",), "run it again to do the rest"),
        (("status",), "Stopped."),
    ],
)
def test_ctrl_c_is_answered(
    clayloop: Command, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], told: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("clayloop.context.load_settings", interrupted)
    ended = clayloop(*command)
    assert ended.code == 130
    assert told in ended.err


def test_a_folder_whose_credentials_lack_the_key_is_named(clayloop: Command, tmp_path: Path) -> None:
    for written in ('{"url": "http://127.0.0.1:9"}', "[]"):
        (tmp_path / "credentials.json").write_text(written)
        ended = clayloop("argilla", "move", str(tmp_path), UNUSED_PORT)
        assert ended.code == 4 and "credentials.json does not hold Argilla's url and api_key" in ended.err


@pytest.mark.parametrize("named", ["clayloop", "retrain-from-annotations"])
def test_ctrl_c_while_everything_is_imported_ends_quietly(tmp_path: Path, named: str) -> None:
    # Who runs the tests in the background ignores the signal, and so would what they start.
    (tmp_path / "typer.py").write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(9)\n"
    )
    call = [str(Path(sys.executable).with_name(named)), "--help"]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        call, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_a_group_without_a_command_lists_its_commands(clayloop: Command) -> None:
    ended = clayloop("annotators")
    assert all(name in ended.out + ended.err for name in ("add", "list", "remove"))


def test_help_lists_what_is_used_first_first(clayloop: Command) -> None:
    told = clayloop.well("--help").out
    places = [
        told.index(f"│ {name} ") for name in ("init", "up", "ingest", "bootstrap", "synthesize", "push")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("queries", "qrels", "named"),
    [
        ("not json\n", "q1\ta.md\t1\n", "queries.jsonl"),
        ('{"_id": "q1", "text": "x"}\n', "q1 a.md\n", "qrels.tsv"),
        ('{"_id": "q1", "text": "x"}\n', "", "qrels.tsv"),
        ("", "q1\ta.md\t1\n", "queries.jsonl"),
    ],
)
def test_questions_that_cannot_be_read(
    served: Command, tmp_path: Path, queries: str, qrels: str, named: str
) -> None:
    (tmp_path / "queries.jsonl").write_text(queries)
    (tmp_path / "qrels.tsv").write_text(qrels)
    ended = served(
        "evaluate",
        "--queries",
        str(tmp_path / "queries.jsonl"),
        "--qrels",
        str(tmp_path / "qrels.tsv"),
        "--json",
    )
    assert ended.code != 0
    assert named in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("model", ["/no/such/model", "package:no-such-package", "."])
def test_an_embedding_model_that_is_not_there(
    clayloop: Command, pottery: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    clayloop.well("ingest", str(pottery))
    monkeypatch.setenv("CLAYLOOP_SERVING__EMBEDDING__MODEL", model)
    ended = clayloop("bootstrap")
    assert ended.code == 2, ended.err
    assert "embedding" in ended.err
    assert "Traceback" not in ended.err
    assert clayloop.well("releases", "--json").json == []


def test_an_empty_question_is_wrong_usage(clayloop: Command) -> None:
    ended = clayloop("search", " ")
    assert ended.code == 2
    assert "empty question" in ended.err


def test_a_source_that_was_never_ingested_cannot_be_dropped(clayloop: Command, pottery: Path) -> None:
    clayloop.well("ingest", str(pottery))
    ended = clayloop("drop", "pypi:potter")
    assert ended.code == 3
    assert str(pottery) in ended.err
    dropped = clayloop.well("drop", str(pottery), "--json").json
    assert (dropped["total_chunks"], dropped["source"]) == (0, f"folder:{pottery}")


def test_what_cannot_be_explained_is_named(clayloop: Command) -> None:
    ended = clayloop("explain")
    assert ended.code == 8
    assert "bootstrap" in ended.err
    ended = clayloop("explain", "r0001-00000000")
    assert ended.code == 6
    assert "r0001-00000000" in ended.err
    ended = clayloop("explain", "../etc")
    assert ended.code == 6


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--filter", "status == done"], "pending or completed"),
        (["--without-records", "no-such-file"], "no-such-file"),
        (["--since", "yesterday"], "yesterday"),
        (["--max-records", "0"], "--max-records"),
    ],
)
def test_a_selection_that_means_nothing(clayloop: Command, options: list[str], named: str) -> None:
    ended = clayloop("retrain", *options)
    assert ended.code == 2
    assert named in ended.err
