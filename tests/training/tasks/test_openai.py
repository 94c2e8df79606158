"""Fine-tuning through the OpenAI client, against a stand-in: the real one cannot be reached here."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from curation import SettingsError, StateError
from tests.training.tasks import folders
from tests.training.tasks.folders import record, write_folder
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer, prepare_for_training


class OpenAiStandIn(BaseHTTPRequestHandler):
    """A stand-in for OpenAI: it takes files, a job of it needs two looks, and its model says what it learned
    for the same question, else the first answer of all."""

    files: ClassVar[dict[str, list[Any]]] = {}
    jobs: ClassVar[dict[str, Any]] = {}
    ends_with: ClassVar[str] = "succeeded"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != "Bearer good":
            self._answer({"error": {"message": "no such key"}}, 401)
        elif self.path == "/v1/files":
            lines = re.findall(rb'^\{"messages".*$', body, re.MULTILINE)
            name = f"file-{len(self.files)}"
            self.files[name] = [json.loads(line)["messages"] for line in lines]
            self._answer({"id": name, "object": "file"})
        elif self.path == "/v1/fine_tuning/jobs":
            job = {"id": f"job-{len(self.jobs)}", "status": "queued", "asked": json.loads(body), "looks": 0}
            self.jobs[job["id"]] = job
            self._answer(job)
        else:
            asked = json.loads(body)
            chats = self.files[self.jobs[asked["model"].removeprefix("ft:")]["asked"]["training_file"]]
            said = [chat[-1]["content"] for chat in chats if chat[:-1] == asked["messages"]]
            message = {"role": "assistant", "content": (said or [chats[0][-1]["content"]])[0]}
            self._answer({"id": "c", "choices": [{"index": 0, "message": message}]})

    def do_GET(self) -> None:
        job = self.jobs[self.path.rsplit("/", 1)[-1]]
        job["looks"] += 1
        if job["looks"] > 1:
            job["status"] = self.ends_with
            job["fine_tuned_model"] = f"ft:{job['id']}"
            job["error"] = {"code": "c", "message": "bad data"} if self.ends_with == "failed" else None
        self._answer(job)

    def _answer(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    monkeypatch.setattr(OpenAiStandIn, "files", {})
    monkeypatch.setattr(OpenAiStandIn, "jobs", {})
    server = HTTPServer(("127.0.0.1", 0), OpenAiStandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api_key": "good"}
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def support(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As in the guide: messages of users, their context, and what should be answered."""
    made = [
        record(
            f"c{number}",
            {"user-message": f"where is {person} {number}", "context": f"{person} works for acme"},
            response=["at acme" if person != "ann" else "at home"],
        )
        for number, person in enumerate(folders.PEOPLE * 4)
    ]
    folder = tmp_path_factory.mktemp("openai") / "support"
    return write_folder(folder, ["user-message", "context"], [folders.text("response")], made)


def to_chat(sample: dict[str, Any]) -> Iterator[list[tuple[str, str, str, str]]]:
    if sample["response"]:
        yield [
            (sample["id"], "0", "system", "You are an expert"),
            (sample["id"], "1", "user", f"{sample['context']}: {sample['user-message']}"),
            (sample["id"], "2", "assistant", sample["response"][0]["value"]),
        ]


CHATS = TrainingTask.for_chat_completion(formatting_func=to_chat)


def trainer_of(dataset: Path, task: TrainingTask, options: dict[str, Any], **other: Any) -> ArgillaTrainer:
    made = ArgillaTrainer(dataset, task, "openai", model="gpt", framework_kwargs=options, **other)
    made.update_config(n_epochs=2, poll_seconds=0.01)
    return made


def test_chat_completion(support: Path, options: dict[str, Any], tmp_path: Path) -> None:
    trainer = trainer_of(support, CHATS, options, train_size=0.75)
    with pytest.raises(StateError, match="not trained yet"):
        trainer.predict("Hello")
    trained = trainer.train(output_dir=tmp_path / "chat-completion")
    assert (trained.trained_on, trained.held_out, dict(trained.metrics)) == (12, 4, {})
    (job,) = OpenAiStandIn.jobs.values()
    assert job["asked"]["method"]["supervised"]["hyperparameters"] == {"n_epochs": 2}
    assert job["asked"]["model"] == "gpt"
    assert [len(chats) for chats in OpenAiStandIn.files.values()] == [12, 4]
    saved = json.loads((tmp_path / "chat-completion" / "openai.json").read_text())
    assert saved["model"] == "ft:job-0"
    chat = trainer.data.train[0].columns["messages"]
    assert trainer.predict(chat[:-1]) == {"text": chat[-1]["content"]}
    for written in ("README.md", "training.json", "openai.json"):
        assert "api_key" not in (tmp_path / "chat-completion" / written).read_text()
    assert "'good'" not in repr(trainer)


def test_classification_and_text2text(
    support: Path, emotions: Path, names: Path, options: dict[str, Any], tmp_path: Path
) -> None:
    classes = trainer_of(emotions, TrainingTask.for_text_classification("text", "label"), options)
    classes.train(tmp_path / "classes")
    text = classes.data.train[1].columns
    assert classes.predict(text["text"])["label"] == text["label"]
    topics = trainer_of(names, TrainingTask.for_text_classification("text", "topics"), options)
    topics.train(tmp_path / "topics")
    first = topics.data.train[0].columns
    assert topics.predict([first["text"]])[0]["label"] == first["label"]
    assert '["early", "firm"]' in OpenAiStandIn.files["file-1"][0][0]["content"]
    answers = trainer_of(
        support, TrainingTask.for_text2text("user-message", "response"), options, train_size=0.75
    )
    assert "token F1" in answers.train(tmp_path / "answers").metrics
    (suggested,) = answers.predict("where is dan", as_argilla_records=True)
    assert suggested.fields["user-message"] == "where is dan"


def test_prepared_as_json_lines(support: Path) -> None:
    train, test = prepare_for_training(support, "openai", CHATS, train_size=0.75)
    assert (train.count("\n"), test.count("\n")) == (12, 4)
    assert [one["role"] for one in json.loads(train.splitlines()[0])["messages"]] == [
        "system",
        "user",
        "assistant",
    ]


def test_what_openai_refuses(
    support: Path, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    address = {"base_url": options["base_url"]}
    for given, says in (({**options, "api_key": "bad"}, "API key is refused"), (address, "no connection")):
        with pytest.raises(SettingsError, match=says):
            trainer_of(support, CHATS, given).train(tmp_path / "model")
    monkeypatch.setattr(OpenAiStandIn, "ends_with", "failed")
    with pytest.raises(StateError, match="The job job-0 has failed: bad data"):
        trainer_of(support, CHATS, options).train(tmp_path / "model")
    with pytest.raises(StateError, match="at least 10 examples, and there are 3"):
        trainer_of(support, CHATS, options, max_records=3).train(tmp_path / "model")
    with pytest.raises(SettingsError, match="No model was named"):
        ArgillaTrainer(support, CHATS, "openai", framework_kwargs=options).train(tmp_path / "model")
    backwards = TrainingTask.for_chat_completion(lambda sample: [(sample["id"], "0", "user", "Hi")])
    with pytest.raises(SettingsError, match="Record 'c0': its chat ends with the user"):
        trainer_of(support, backwards, options).train(tmp_path / "model")
    assert not (tmp_path / "model").exists()
