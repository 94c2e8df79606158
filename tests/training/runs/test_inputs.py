"""What a run depends on counts by its contents: test sets, the base model, and how it is computed with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from curation import SILENT, Corpus, Home, StateError, normalise
from serving import ReleaseStore, ServingSettings
from tests.training import rounds
from tests.training.material import accepted_triplets, make_chunks, settings
from training.ledger.rows import of
from training.ledger.selection import EVERYTHING
from training.ledger.store import read_ledger
from training.prepare.prepared import LEDGER_FILE, RunContext
from training.report.text import RetrainSummary
from training.retrain import retrain_from_annotations
from training.runs.record import RunInputs, digest_of_model, digest_of_test_sets, run_inputs
from training.runs.run import RunStore
from training.settings import INDEX_ONLY, RerankerSettings, TestSetSettings, TrainingSettings

CHUNKS = make_chunks()
CORPUS = Corpus(documents=[], chunks=CHUNKS)
DECISIONS = accepted_triplets(CHUNKS)[:60]
PATHS = {chunk.id: chunk.path for chunk in CHUNKS}
ACCEPTED = {one.fields["positive"]: PATHS[str(one.metadata["chunk_id"])] for one in DECISIONS}


def _settings(folder: Path, min_queries: int = 5) -> TrainingSettings:
    quick = settings(learning_rate=0.02)
    gate = quick.gate.model_copy(update={"min_queries": min_queries})
    return quick.model_copy(update={"gate": gate, "testsets": [TestSetSettings(folder=str(folder))]})


def _write(folder: Path, questions: Mapping[str, str]) -> None:
    """A test set: question → path of the file that answers it."""
    folder.mkdir(exist_ok=True)
    rows = [{"_id": f"q{number}", "text": text} for number, text in enumerate(questions)]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [f"q{number}\t{path}\t1\n" for number, path in enumerate(questions.values())]
    (folder / "qrels.tsv").write_text("".join(lines))


@pytest.fixture
def home(bootstrapped: Home, tmp_path: Path) -> Home:
    return rounds.copied(bootstrapped, tmp_path / "home")


def _retrain(home: Home, chosen: TrainingSettings, serving: ServingSettings) -> RetrainSummary:
    return retrain_from_annotations(home, CORPUS, chosen, serving, lambda: list(DECISIONS))


def test_a_run_is_not_resumed_with_questions_that_it_has_trained_on(
    home: Home, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "questions"
    _write(folder, {"where do ships sleep": CHUNKS[0].path})
    chosen, serving = _settings(folder), rounds.serving(tiny_model)

    def too_large(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("training.runs.steps.train_candidate", too_large)
        with pytest.raises(StateError, match="Memory ran out"):
            _retrain(home, chosen, serving)
    _write(folder, ACCEPTED)
    summary = _retrain(home, chosen, serving)
    runs = RunStore(home)
    assert not summary.resumed
    (given_up,) = (run for run in runs.list() if run.status == "abandoned")
    assert given_up.verdict == "changed since it was interrupted: what is in the test sets"
    ledger = read_ledger(runs.folder(summary.run or "") / "prepare" / LEDGER_FILE)
    trained_on = of(ledger, "example", "train")
    asked = {normalise(question) for question in ACCEPTED}
    assert not asked & {normalise(example.query) for example in trained_on}


def test_what_was_not_enough_is_tried_again_when_questions_were_added(
    home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "questions"
    _write(folder, {"where do ships sleep": CHUNKS[0].path})
    chosen, serving = _settings(folder, min_queries=100), rounds.serving(tiny_model)
    assert _retrain(home, chosen, serving).rung == INDEX_ONLY, "too little to train on"
    assert _retrain(home, chosen, serving).outcome == "nothing-new"
    _write(folder, {"where do ships sleep": CHUNKS[0].path, "how do boats rest": CHUNKS[0].path})
    again = _retrain(home, chosen, serving)
    assert (again.outcome, again.resumed) == ("not-enough", False)
    _write(folder, {"where do ships sleep": CHUNKS[9].path, "how do boats rest": CHUNKS[0].path})
    assert _retrain(home, chosen, serving).outcome == "not-enough", "a corrected answer counts too"
    assert _retrain(home, chosen, serving).outcome == "nothing-new"


def test_the_base_models_files_and_arithmetic_are_inputs(
    home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    store = ReleaseStore(home)

    def inputs(chosen: TrainingSettings, serving: ServingSettings) -> RunInputs:
        context = RunContext(home, CORPUS, chosen, serving, store, store.current(), SILENT)
        return run_inputs(context, DECISIONS, EVERYTHING)

    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    serving = rounds.serving(model)

    def embedding(**changed: object) -> ServingSettings:
        return serving.model_copy(update={"embedding": serving.embedding.model_copy(update=changed)})

    before = inputs(settings(), serving)
    assert before == inputs(settings(), embedding(threads=3, batch_size=5))
    # Vectors are kept in the chunks' order, which a source's name changes.
    chunks = [one.model_copy(update={"source": f"{999 - row}"}) for row, one in enumerate(CORPUS.chunks)]
    turned = Corpus(documents=CORPUS.documents, chunks=chunks)
    other = RunContext(home, turned, settings(), serving, store, store.current(), SILENT)
    assert before.corpus != run_inputs(other, DECISIONS, EVERYTHING).corpus
    for changed in ({"precision": "bfloat16"}, {"device": "cuda"}):
        assert before != inputs(settings(), embedding(**changed))
    reranked = settings().model_copy(update={"reranker": RerankerSettings(model=str(model))})
    with_reranker = inputs(reranked, rounds.serving(tiny_model))
    for path in sorted(model.rglob("*.safetensors")):
        path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))
    assert before.model != inputs(settings(), serving).model
    assert with_reranker.model != inputs(reranked, rounds.serving(tiny_model)).model
    changed_weights = inputs(settings(), serving)
    (model / "README.md").write_text("only words")
    assert inputs(settings(), serving) == changed_weights


def test_of_a_large_file_a_change_all_over_shows(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(bytes(20_000_000))
    before = digest_of_model(str(tmp_path))
    assert digest_of_model(str(tmp_path)) == before
    shutil.copytree(tmp_path, tmp_path.parent / "elsewhere")
    assert digest_of_model(str(tmp_path.parent / "elsewhere")) == before, "only what is in it counts"
    weights.write_bytes(bytes(10_000_000) + b"\x01" * 10_000_000)
    assert digest_of_model(str(tmp_path)) != before
    weights.write_bytes(bytes(20_000_001))
    assert digest_of_model(str(tmp_path)) != before


FILES = st.dictionaries(
    st.sampled_from(["queries.jsonl", "qrels.tsv", "qrels/test.tsv", "corpus.jsonl"]), st.binary(max_size=6)
)


@given(one=st.lists(FILES, max_size=2), other=st.lists(FILES, max_size=2))
def test_two_digests_of_test_sets_are_equal_where_their_files_are(
    tmp_path_factory: pytest.TempPathFactory, one: list[dict[str, bytes]], other: list[dict[str, bytes]]
) -> None:
    digests = []
    for sets in (one, other):
        root = tmp_path_factory.mktemp("sets")
        for number, files in enumerate(sets):
            for name, content in files.items():
                path = root / str(number) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        places = [TestSetSettings(folder=str(root / str(number))) for number in range(len(sets))]
        digests.append(digest_of_test_sets(places))
    assert (digests[0] == digests[1]) == (one == other)
