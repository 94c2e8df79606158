"""ArgillaTrainer against the frameworks' own trainers, on real text with known labels: paragraphs of a
documentation, labelled by the part of it that they come from. Of three simulated annotators one is wrong each
tenth time.

Both sides train the first layers (--layers) of the embedding model that clayloop brings, to end in minutes.
Accuracy is that on the same held-out records, beside what chance and the most frequent label would reach. The
overhead and the import are told in processor time, which other processes disturb less: ours holds reading,
unifying, training, measuring and saving, theirs training, measuring and saving. Ten thousand records are read
from a folder of Dataset.to_disk and from a live Argilla.

    python -m benchmarks trainer [--eval ../shared/eval] [--set django] [--records 1000] [--epochs 3]
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, at_most, figure
from serving import EmbeddingSettings, resolve_model
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite
from training import ArgillaTrainer, TrainingTask

MOST_DIFFERENCE = 0.01
MOST_OVERHEAD = 1.1
MOST_READING_SECONDS = 30.0
MOST_READING_MEMORY = 500.0  # MB
MOST_IMPORT_SECONDS = 0.3
READ_RECORDS = 10_000
_LEAST_WORDS = 15  # of a paragraph
_LEAST_PARAGRAPHS = 100  # of a part of the documentation that is a label
_TASK = TrainingTask.for_text_classification(text="text", label="part")
_READ = """\
import re, sys, time
from pathlib import Path
started = time.perf_counter()
from training import ArgillaTrainer, TrainingTask
task = TrainingTask.for_text_classification(text="text", label="part")
dataset = sys.argv[1]
if len(sys.argv) > 2:
    import argilla
    dataset = argilla.Argilla(api_url=sys.argv[2], api_key=sys.argv[3]).datasets(dataset)
data = ArgillaTrainer(dataset, task, "transformers").data
# Not ru_maxrss: it begins at what the process that started this one had.
memory = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(len(data.train), time.perf_counter() - started, memory)
"""
_IMPORT = """\
import time
started = time.process_time()
from clayloop import ArgillaTrainer, TrainingTask
TrainingTask.for_text_classification(text="text", label="label")
print(time.process_time() - started)
"""


@dataclass(frozen=True)
class Side:
    """One side's accuracy on the held-out records, and its processor time in seconds."""

    accuracy: float
    seconds: float


@dataclass(frozen=True)
class Options:
    """What both sides are told alike."""

    model: str
    epochs: int
    max_length: int
    seed: int = 42


def paragraphs(docs: Path) -> list[tuple[str, str]]:
    """Text and part of the documentation (the first folder), of parts that have enough. Directives, lists and
    what is short are left out."""
    found = []
    for path in sorted(docs.rglob("*.rst")):
        parts = path.relative_to(docs).parts
        blocks = path.read_text(encoding="utf-8").split("\n\n") if len(parts) > 1 else []
        for block in blocks:
            if block[:1].isalpha() and len(block.split()) >= _LEAST_WORDS:
                found.append((" ".join(block.split()), parts[0]))
    counted = Counter(part for _, part in found)
    return [(text, part) for text, part in found if counted[part] >= _LEAST_PARAGRAPHS]


def write_dataset(folder: Path, rows: Sequence[tuple[str, str]], seed: int) -> Path:
    """The rows as a folder that Dataset.to_disk could have written, answered by three annotators."""
    draw = random.Random(seed)
    labels = sorted({part for _, part in rows})
    records = []
    for number, (text, part) in enumerate(rows):
        third = draw.choice(labels) if draw.random() < 0.1 else part
        answers = [{"value": said, "user_id": f"user-{who}"} for who, said in enumerate((part, part, third))]
        records.append(
            {
                "id": f"r{number}",
                "fields": {"text": text},
                "responses": {"part": answers},
                "status": "completed",
            }
        )
    options = [{"value": label} for label in labels]
    settings = {
        "fields": [{"name": "text", "settings": {"type": "text"}}],
        "questions": [{"name": "part", "settings": {"type": "label_selection", "options": options}}],
        "distribution": {"strategy": "overlap", "min_submitted": 3},
    }
    (folder / ".argilla").mkdir(parents=True)
    (folder / ".argilla" / "settings.json").write_text(json.dumps(settings))
    (folder / ".argilla" / "dataset.json").write_text(json.dumps({"name": "parts"}))
    (folder / "records.json").write_text(json.dumps(records))
    return folder


def ours(dataset: Path, framework: str, options: Options, folder: Path) -> Side:
    """A training by ArgillaTrainer, from the folder to the saved model."""
    started = time.process_time()
    trainer = ArgillaTrainer(
        dataset, _TASK, framework, options.model, train_size=0.8, seed=options.seed, gpu_id=-1
    )
    trainer.update_config(max_length=options.max_length, **_config(framework, options))
    trained = trainer.train(folder)
    return Side(trained.metrics["accuracy"], time.process_time() - started)


def theirs(dataset: Path, framework: str, options: Options, folder: Path) -> Side:
    """The same with the framework's own trainer, from the examples that ours prepared."""
    made = ArgillaTrainer(dataset, _TASK, framework, train_size=0.8, seed=options.seed).prepare_for_training()
    started = time.process_time()
    predict = {"transformers": _transformers, "setfit": _setfit}[framework](made["train"], options, folder)
    found = predict(made["test"]["text"])
    right = sum(one == wanted for one, wanted in zip(found, made["test"]["label"], strict=True))
    return Side(right / len(found), time.process_time() - started)


def small_model(name: str, layers: int, folder: Path) -> Path:
    """The first ``layers`` of the embedding model ``name``."""
    from sentence_transformers import SentenceTransformer

    whole = SentenceTransformer(str(resolve_model(name)), device="cpu")
    encoder = whole[0].auto_model
    encoder.encoder.layer = encoder.encoder.layer[:layers]
    encoder.config.num_hidden_layers = layers
    whole.save_pretrained(str(folder), create_model_card=False)
    return folder


def _config(framework: str, options: Options) -> dict[str, Any]:
    if framework == "setfit":
        return {"num_epochs": 1, "num_iterations": 1, "batch_size": 16}
    return {"num_train_epochs": options.epochs, "learning_rate": 5e-5, "per_device_train_batch_size": 8}


def _transformers(train: Any, options: Options, folder: Path) -> Callable[[Sequence[str]], list[int]]:
    import torch
    import transformers

    transformers.set_seed(options.seed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    labels = train.features["label"].names
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        options.model, num_labels=len(labels), use_safetensors=True
    )

    def encode(batch: Any) -> Any:
        return tokenizer(batch["text"], truncation=True, max_length=options.max_length)

    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "scratch"),
        seed=options.seed,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        logging_strategy="no",
        disable_tqdm=True,
        **_config("transformers", options),
    )
    trainer = transformers.Trainer(
        model,
        arguments,
        train_dataset=train.map(encode, batched=True, remove_columns=["id", "text"]),
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
    )
    trainer.train()
    model.eval().save_pretrained(folder / "model")

    def predict(texts: Sequence[str]) -> list[int]:
        found: list[int] = []
        for start in range(0, len(texts), 32):
            batch = tokenizer(
                list(texts[start : start + 32]),
                truncation=True,
                max_length=options.max_length,
                padding=True,
                return_tensors="pt",
            )
            with torch.inference_mode():
                found += model(**batch).logits.argmax(-1).tolist()
        return found

    return predict


def _setfit(train: Any, options: Options, folder: Path) -> Callable[[Sequence[str]], list[int]]:
    import setfit
    import transformers
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    transformers.set_seed(options.seed)
    body = SentenceTransformer(options.model, device="cpu")
    model = setfit.SetFitModel(model_body=body, model_head=LogisticRegression())
    arguments = setfit.TrainingArguments(
        output_dir=str(folder / "scratch"),
        seed=options.seed,
        use_amp=False,
        report_to="none",
        save_strategy="no",
        show_progress_bar=False,
        max_length=options.max_length,
        **_config("setfit", options),
    )
    trainer = setfit.Trainer(
        model=model, args=arguments, train_dataset=train.remove_columns("id"), metric=lambda found, wanted: {}
    )
    trainer.train()
    body.save_pretrained(str(folder / "model"), create_model_card=False)
    return lambda texts: [int(one) for one in model.predict(list(texts), show_progress_bar=False)]


def seconds_to_import() -> float:
    """The quickest of three, each in a process of its own."""
    return min(float(_child(_IMPORT)[0]) for _ in range(3))


def _child(script: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--eval", type=Path, default=Path(__file__).parents[2] / "shared" / "eval")
    parser.add_argument("--set", default="django")
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3, help="of transformers")
    parser.add_argument("--max-length", type=int, default=128, help="tokens that are read of a text")
    parser.add_argument("--model", default=EmbeddingSettings().model)
    parser.add_argument("--layers", type=int, default=2, help="of the model (the whole one has 6)")
    given = parser.parse_args(arguments)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        place = Path(scratch)
        model = small_model(given.model, given.layers, place / "model")
        options = Options(str(model), given.epochs, given.max_length)
        everything = paragraphs(given.eval / given.set / "docs")
        chosen = random.Random(options.seed).sample(everything, min(given.records, len(everything)))
        dataset = write_dataset(place / "dataset", chosen, options.seed)
        counted = Counter(part for _, part in chosen)
        print(f"{len(chosen)} paragraphs of {given.set}: {dict(counted.most_common())}", flush=True)
        rows += [
            figure("classify paragraphs, accuracy by chance", 1 / len(counted)),
            figure(
                "classify paragraphs, share of the most frequent label",
                counted.most_common(1)[0][1] / len(chosen),
            ),
        ]
        for framework in ("setfit", "transformers"):
            rows += _compared(dataset, framework, options, place / framework)
        rows += _reading(place, everything, options.seed)
    rows.append(
        at_most(
            "import clayloop and make a task, processor seconds", seconds_to_import(), MOST_IMPORT_SECONDS
        )
    )
    return rows


def _import_libraries(framework: str) -> None:
    """Before anything is timed: whoever came first would pay for both."""
    import transformers

    assert transformers.Trainer
    assert transformers.AutoModelForSequenceClassification
    if framework == "setfit":
        import setfit

        assert setfit.Trainer


def _compared(dataset: Path, framework: str, options: Options, place: Path) -> list[Row]:
    (place / "own").mkdir(parents=True)
    _import_libraries(framework)
    own = theirs(dataset, framework, options, place / "own")
    made = ours(dataset, framework, options, place / "ours")
    print(f"{framework}: {made} by ArgillaTrainer, {own} by its own trainer", flush=True)
    return [
        figure(f"{framework}, accuracy, ours and its own trainer's", made.accuracy, own.accuracy),
        at_most(
            f"{framework}, difference of the accuracies", abs(made.accuracy - own.accuracy), MOST_DIFFERENCE
        ),
        at_most(
            f"{framework}, processor seconds, ours and its own trainer's",
            made.seconds,
            MOST_OVERHEAD,
            own.seconds,
        ),
    ]


def _reading(place: Path, everything: Sequence[tuple[str, str]], seed: int) -> list[Row]:
    many = [everything[number % len(everything)] for number in range(READ_RECORDS)]
    folder = write_dataset(place / "many", many, seed)
    with running_argilla_lite(place / "argilla") as server:
        print(
            f"Logging {READ_RECORDS:,} records with three responses each into a fresh argilla_lite",
            flush=True,
        )
        log_dataset(server, folder)
        live = ("many", server.url, server.api_key)
        return [*_read("a folder", str(folder)), *_read("argilla_lite", *live)]


def _read(where: str, *arguments: str) -> list[Row]:
    count, seconds, memory = _child(_READ, *arguments)
    what = f"read and unify {int(count):,} records by three annotators from {where}"
    return [
        at_most(f"{what}, seconds", float(seconds), MOST_READING_SECONDS),
        at_most(f"{what}, MB", float(memory), MOST_READING_MEMORY),
    ]


def log_dataset(server: ArgillaLite, folder: Path) -> None:
    """The records of a folder as the dataset "many", answered by three people."""
    import argilla as rg

    records = json.loads((folder / "records.json").read_text())
    options = json.loads((folder / ".argilla" / "settings.json").read_text())["questions"][0]["settings"][
        "options"
    ]
    client = rg.Argilla(api_url=server.url, api_key=server.api_key, timeout=600)
    people = [client.me]
    for name in ("bench-ann", "bench-bob"):
        people.append(
            rg.User(username=name, password=server.password, role="annotator", client=client).create()
        )
        people[-1].add_to_workspace(client.workspaces(server.workspace))
    settings = rg.Settings(
        fields=[rg.TextField("text")],
        questions=[rg.LabelQuestion("part", [one["value"] for one in options])],
        distribution=rg.TaskDistribution(min_submitted=3),
    )
    made = rg.Dataset("many", workspace=server.workspace, settings=settings, client=client)
    made.create()
    made.records.log(
        [
            rg.Record(
                id=one["id"],
                fields=one["fields"],
                responses=[
                    rg.Response("part", said["value"], user_id=who.id, status="submitted")
                    for who, said in zip(people, one["responses"]["part"], strict=True)
                ],
            )
            for one in records
        ],
        batch_size=500,
    )
