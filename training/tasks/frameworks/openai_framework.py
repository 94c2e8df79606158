"""Fine-tuning at OpenAI, or at a service with the same interface: upload, job, and use of what comes out."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from curation import SettingsError, StateError, first_line
from training.tasks.examples import Example, TrainingData
from training.tasks.frameworks.arguments import check_names
from training.tasks.frameworks.framework import Framework, Prediction, Setup, texts_in, untrained
from training.tasks.frameworks.snippets import on_disk
from training.tasks.shapes import TaskKind

MODEL_FILE = "openai.json"
_HYPERPARAMETERS = ("n_epochs", "batch_size", "learning_rate_multiplier")
_LEAST = 10  # examples that OpenAI wants
_ENDED = ("succeeded", "failed", "cancelled")
_SNIPPET = """\
import json
from pathlib import Path

from openai import OpenAI

model = json.loads(Path(PLACE, "openai.json").read_text())["model"]
messages = [{"role": "user", "content": "A text"}]
print(OpenAI().chat.completions.create(model=model, messages=messages).choices[0].message.content)"""

log = logging.getLogger(__name__)


class OpenAi(Framework):
    """Parameters: n_epochs, batch_size and learning_rate_multiplier, and ``poll_seconds`` between two looks
    at the job. framework_kwargs: ``base_url`` and ``api_key`` (by default OPENAI_API_KEY's). The texts leave
    this machine."""

    name = "openai"
    tasks: ClassVar[Collection[TaskKind]] = ("chat_completion", "text_classification", "text2text")
    option_names: ClassVar[Collection[str]] = ("base_url", "api_key")
    distributions: ClassVar[Collection[str]] = ("openai",)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.config = {"n_epochs": "auto", "poll_seconds": 10.0}
        self._model = ""
        self._system = ""
        self._data: TrainingData | None = None

    def prepare(self, data: TrainingData) -> Any:
        """JSON lines, each a chat; a pair with those of the held-out examples where there are any."""
        self._system = _instruction(data)
        train = self._lines(data.train)
        return (train, self._lines(data.held_out)) if data.held_out else train

    def train(self, data: TrainingData, folder: Path) -> None:
        from curation import write_json

        check_names(self.config, [*_HYPERPARAMETERS, "poll_seconds"], "OpenAI's hyperparameters")
        if len(data.train) < _LEAST:
            raise StateError(
                f"OpenAI wants at least {_LEAST} examples, and there are {len(data.train)}.",
                "Annotate more records, or widen filter_by.",
            )
        prepared = self.prepare(data)
        sides = prepared if isinstance(prepared, tuple) else (prepared,)
        with self._client() as client:
            files = [
                client.files.create(file=(f"{name}.jsonl", side.encode()), purpose="fine-tune").id
                for name, side in zip(("train", "held-out"), sides, strict=False)
            ]
            given = {name: self.config[name] for name in _HYPERPARAMETERS if name in self.config}
            job = client.fine_tuning.jobs.create(
                model=self.model_name,
                training_file=files[0],
                **({"validation_file": files[1]} if len(files) > 1 else {}),
                method={"type": "supervised", "supervised": {"hyperparameters": given}},
                seed=self.setup.seed,
            )
            log.warning("The job %s runs there and goes on whatever happens here", job.id)
            while job.status not in _ENDED:
                time.sleep(float(self.config["poll_seconds"]))
                job = client.fine_tuning.jobs.retrieve(job.id)
        if job.status != "succeeded":
            said = job.error.message if job.error else "no reason was given"
            raise StateError(f"The job {job.id} has {job.status}: {said}.", "Look at the job at OpenAI.")
        self._model, self._data = str(job.fine_tuned_model), data
        write_json(folder / MODEL_FILE, {"model": self._model, "job": job.id, "files": files})

    def predict(self, inputs: Sequence[Any]) -> list[Prediction]:
        if self._data is None:
            raise untrained(self.name)
        found = []
        with self._client() as client:
            for one in inputs:
                chat = list(one) if isinstance(one, (list, tuple)) else self._asked(one)
                answer = client.chat.completions.create(model=self._model, messages=chat)
                found.append(_prediction(self._data, answer.choices[0].message.content or ""))
        return found

    def evaluate(self, data: TrainingData, examples: Sequence[Example]) -> dict[str, float]:
        """Of chats nothing: there is no single right answer."""
        return {} if data.kind == "chat_completion" else super().evaluate(data, examples)

    def snippet(self, place: str) -> str:
        return on_disk(_SNIPPET, place)

    def default_model(self) -> str:
        raise SettingsError(
            "No model was named.",
            'Give model= one that OpenAI fine-tunes, such as "gpt-4.1-nano-2025-04-14".',
        )

    def _lines(self, examples: Sequence[Example]) -> str:
        return "".join(
            json.dumps({"messages": self._chat(one)}, ensure_ascii=False) + "\n" for one in examples
        )

    def _chat(self, one: Example) -> list[dict[str, str]]:
        columns = one.columns
        if "messages" in columns:
            chat: list[dict[str, str]] = columns["messages"]
            if chat[-1]["role"] != "assistant":
                raise SettingsError(
                    f"Record {one.record!r}: its chat ends with the {chat[-1]['role']}.",
                    "The last turn must be the assistant's: it is what is learned.",
                )
            return chat
        target = columns.get("target", columns.get("label"))
        content = target if isinstance(target, str) else json.dumps(target, ensure_ascii=False)
        return [*self._asked(columns["text"]), {"role": "assistant", "content": content}]

    def _asked(self, text: Any) -> list[dict[str, str]]:
        system = [{"role": "system", "content": self._system}] if self._system else []
        return [*system, {"role": "user", "content": texts_in([text])[0]}]

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """A client whose errors say what to do."""
        import openai

        options = {name: self.setup.options[name] for name in self.option_names if name in self.setup.options}
        try:
            with openai.OpenAI(**options) as client:
                yield client
        except openai.AuthenticationError as error:
            raise SettingsError(
                f"The API key is refused: {first_line(error)}",
                'Set OPENAI_API_KEY, or framework_kwargs={"api_key": …}.',
            ) from error
        except openai.APIError as error:
            raise StateError(
                f"OpenAI did not do it: {first_line(error)}", "See what it says, then try again."
            ) from error
        except openai.OpenAIError as error:  # no key at all
            raise SettingsError(
                f"There is no connection to OpenAI: {first_line(error)}",
                'Set OPENAI_API_KEY, or framework_kwargs={"api_key": …}.',
            ) from error


def _instruction(data: TrainingData) -> str:
    """What the model is told beside a text: which labels there are."""
    if data.kind != "text_classification":
        return ""
    labels = json.dumps(list(data.labels), ensure_ascii=False)
    wanted = "a JSON list of those that hold:" if data.multi else "one of"
    return f"Answer with {wanted} {labels}"


def _prediction(data: TrainingData, answer: str) -> dict[str, Any]:
    if data.kind != "text_classification":
        return {"text": answer}
    if not data.multi:
        return {"label": answer.strip(), "score": None}
    try:
        found = json.loads(answer)
    except ValueError:
        found = []
    labels = [one for one in data.labels if isinstance(found, list) and one in found]
    return {"label": labels, "score": None}
