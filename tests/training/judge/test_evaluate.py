"""Metrics, test sets and their errors, and the holdout's way of ranking."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from curation import (
    Home,
    SettingsError,
    TestSet,
    generic_set,
    load_files,
    load_folder,
    load_qrels,
    load_queries,
)
from serving import Embedder, ReleaseStore, SearchSpace
from tests.training.material import MODEL, make_chunks, serving
from training.judge.evaluate import (
    METRICS,
    EmbeddedQuestions,
    SearchModel,
    embed_questions,
    evaluate_release,
    evaluate_set,
    measure,
    rank,
    score,
)
from training.judge.questions import HoldoutQuestion


def test_scores_agree_with_the_definitions() -> None:
    qrels = {"first": {"a": 1}, "third": {"b": 1}, "two right": {"a": 1, "b": 1}, "lost": {"z": 1}}
    run = {
        "first": {"a": 0.9, "b": 0.1},
        "third": {"x": 0.9, "y": 0.8, "b": 0.7},
        "two right": {"x": 0.9, "a": 0.5},
        "lost": {},
    }
    found = score(qrels, run)
    assert found.questions["first"] == dict.fromkeys(METRICS, 1.0)
    assert found.questions["third"]["mrr@10"] == pytest.approx(1 / 3)
    assert found.questions["third"]["ndcg@10"] == pytest.approx(1 / math.log2(4))
    assert found.questions["third"]["recall@1"] == 0
    assert found.questions["two right"]["recall@10"] == 0.5
    best = 1 + 1 / math.log2(3)
    assert found.questions["two right"]["ndcg@10"] == pytest.approx((1 / math.log2(3)) / best)
    assert found.questions["lost"] == dict.fromkeys(METRICS, 0.0)
    assert found.metrics["mrr@10"] == pytest.approx((1 + 1 / 3 + 1 / 2 + 0) / 4)


def test_an_item_counts_with_its_best_column() -> None:
    cosines = np.array([[0.1, 0.9, 0.5, 0.2]], dtype=np.float32)
    assert list(rank(cosines, ["q"], ["a", "b", "c", "b"])["q"].items()) == [
        ("b", pytest.approx(0.9)),
        ("c", pytest.approx(0.5)),
        ("a", pytest.approx(0.1)),
    ]


def test_smaller_dimensions_are_cut_and_normalised() -> None:
    documents = np.array([[0.6, 0.8], [0.8, -0.6]], dtype=np.float32)
    asked = np.array([[0.96, 0.28]], dtype=np.float32)
    embedded = EmbeddedQuestions({"q": "?"}, asked, ["a", "b"], SearchSpace.plain(documents))
    found = embedded.scores(["a", "b"], {"q": {"a": 1}}, [2, 1])
    assert found[2].metrics["mrr@10"] == 1.0
    assert set(found) == {2, 1}


def test_a_heading_must_be_found_without_its_heading() -> None:
    """Headings that their bodies say nothing about: found by the heading line, or not at all."""
    names = ("Glaciers", "Parliament", "Trombones", "Penguins", "Chess openings", "Volcanoes")
    chunks = [
        chunk.model_copy(update={"section": (name,), "text": f"{name}\n\n{chunk.body}"})
        for chunk, name in zip(make_chunks()[::5], names, strict=False)
    ]
    rest = make_chunks()[20:]
    embedder = Embedder(MODEL, serving().embedding)
    model = SearchModel(
        embedder, SearchSpace.plain(embedder.documents([one.text for one in [*chunks, *rest]]))
    )
    as_heading, as_question = (
        [
            HoldoutQuestion(id=chunk.id, text=chunk.section[0], right=[chunk.id], is_heading=is_heading)
            for chunk in chunks
        ]
        for is_heading in (True, False)
    )
    hard = measure(model, as_heading, [*chunks, *rest], [384, 64])
    trivial = measure(model, as_question, [*chunks, *rest], [384])
    assert trivial[384].metrics["ndcg@10"] > 0.99
    assert hard[384].metrics["ndcg@10"] < 0.6
    assert set(hard) == {384, 64}


def test_for_headings_the_right_chunks_of_all_headings_are_bare() -> None:
    """Were only its own bare, that alone would tell a model which chunk is right. So would pieces that they
    alone have: the first is long enough for some."""
    chunks = make_chunks()[:6]
    long = "\n\n".join([chunks[0].text, *(chunk.body for chunk in make_chunks()[6:30])])
    chunks[0] = chunks[0].model_copy(update={"text": long, "tokens": 240})
    questions = [
        HoldoutQuestion(id="first", text=chunks[0].section[-1], right=[chunks[0].id], is_heading=True),
        HoldoutQuestion(id="second", text=chunks[2].section[-1], right=[chunks[2].id], is_heading=True),
        HoldoutQuestion(id="other", text="How do I wash it?", right=[chunks[0].id]),
    ]
    embedder = Embedder(MODEL, serving().embedding)
    vectors = embedder.documents([chunk.text for chunk in chunks])
    asked = embed_questions(SearchModel(embedder, SearchSpace.plain(vectors)), questions, chunks)
    bare = embedder.documents([chunk.body for chunk in chunks])
    wanted = asked.query_vectors @ vectors.T
    for row, column in ((0, 0), (0, 2), (1, 0), (1, 2)):
        wanted[row, column] = asked.query_vectors[row] @ bare[column]
        assert asked.text(row, column) == chunks[column].body
    np.testing.assert_allclose(asked.ranked(384), wanted, atol=1e-5)
    assert asked.text(2, 0) == chunks[0].text
    assert asked.text(0, 1) == chunks[1].text


def test_files_are_read_with_header_blank_lines_and_windows_line_ends(tmp_path: Path) -> None:
    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    queries.write_text('\ufeff{"_id": "q1", "text": "How?"}\r\n\r\n{"_id": 2, "text": "Why?"}\n')
    qrels.write_text("query-id\tcorpus-id\tscore\nq1\ta b.md\t1\r\n\n2\tb.md\t1\n2\tc.md\t0\n")
    found = load_queries(queries)
    assert found == {"q1": "How?", "2": "Why?"}
    assert load_qrels(qrels, found) == {"q1": {"a b.md": 1}, "2": {"b.md": 1}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not json\n", "line 1: not JSON"),
        ('{"_id": "q1", "text": "a"}\n[]\n', "line 2: needs the keys"),
        ('{"_id": "q1"}\n', "line 1: needs the keys"),
        ('{"_id": "q1", "text": " "}\n', "line 1: the text"),
        (
            '{"_id": "q1", "text": "a"}\n{"_id": "q1", "text": "b"}\n',
            "line 2: question 'q1' comes a second time",
        ),
        ("\n", "has no questions"),
    ],
)
def test_wrong_queries_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "queries.jsonl"
    path.write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        load_queries(path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("q1 a.md 1\n", "line 1: 1 columns instead of 3"),
        ("q1\ta.md\t1\nq1\tb.md\tyes\n", "line 2: the relevance 'yes'"),
        *(
            (f"q1\ta.md\t{odd}\n", r"qrels\.tsv, line 1: the relevance .* is not a whole number.*\n?.*0, 1")
            for odd in ("--1", "-", "²", "1.0", "1_0", "+1", "9" * 30)
        ),
        ("q9\ta.md\t1\n", "line 1: there is no question 'q9'"),
        ("q1\ta.md\t1\n", "no right file for the questions q2"),
        ("", "names no right file"),
        ("q1\ta.md\t0\n", "names no right file"),
    ],
)
def test_wrong_qrels_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "qrels.tsv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        load_qrels(path, {"q1": "a", "q2": "b"})


def test_files_that_are_missing_or_binary(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        load_queries(tmp_path / "nothing.jsonl")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_queries(tmp_path / "binary")


def _test_set(folder: Path, path: str) -> TestSet:
    queries, qrels = folder / "queries.jsonl", folder / "qrels.tsv"
    queries.write_text(json.dumps({"_id": "q1", "text": "How do I mend my couch?"}))
    qrels.write_text(f"q1\t{path}\t1\n")
    return load_files(queries, qrels)


def test_a_release_is_scored_by_file(first_home: Home, tmp_path: Path) -> None:
    store = ReleaseStore(first_home)
    found = evaluate_release(store, None, _test_set(tmp_path, "sofa.md"), serving())
    assert (found["release"], found["queries"]) == (store.current_id(), 1)
    assert found["metrics"] == {"ndcg@10": 1.0, "mrr@10": 1.0, "recall@10": 1.0}
    assert {**found["metrics"], **found["more"]} == dict.fromkeys(METRICS, 1.0)


def test_qrels_of_other_documents_are_refused(first_home: Home, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="none of its 1 files is in release"):
        evaluate_release(ReleaseStore(first_home), None, _test_set(tmp_path, "docs/sofa.md"), serving())


def _beir(folder: Path, corpus: bool = True) -> Path:
    """Two documents, three questions of which two are judged, one of them with two right answers."""
    (folder / "qrels").mkdir(parents=True)
    asked = {"q1": "Who mends a roof?", "q2": "What floats?", "other-split": "?"}
    (folder / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": key, "text": text, "metadata": {}}) + "\n" for key, text in asked.items())
    )
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\nq2\td1\t1\n"
    )
    if corpus:
        documents = {
            "d1": ("Roofers", "They repair what covers a house."),
            "d2": ("", "Boats swim on water."),
        }
        (folder / "corpus.jsonl").write_text(
            "".join(
                json.dumps({"_id": key, "title": title, "text": text}) + "\n"
                for key, (title, text) in documents.items()
            )
        )
    return folder


def test_a_folder_in_the_layout_of_beir(first_home: Home, tmp_path: Path) -> None:
    found = load_folder(_beir(tmp_path / "mine"))
    assert (found.name, list(found.queries)) == ("mine", ["q1", "q2"])
    assert found.qrels["q2"] == {"d2": 2, "d1": 1}
    assert found.corpus == {"d1": "Roofers\n\nThey repair what covers a house.", "d2": "Boats swim on water."}
    scored = evaluate_release(ReleaseStore(first_home), None, found, serving())
    assert scored["queries"] == 2
    assert scored["more"]["recall@1"] == pytest.approx(0.75)  # both right ones of q2 can't stand first
    assert scored["metrics"]["ndcg@10"] == pytest.approx(1.0)


def test_what_is_wrong_with_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a folder"):
        load_folder(tmp_path / "nothing")
    with pytest.raises(SettingsError, match=r"neither qrels\.tsv nor qrels/test\.tsv"):
        load_folder(tmp_path)
    folder = _beir(tmp_path / "set")
    (folder / "qrels" / "test.tsv").write_text("q1\td9\t1\n")
    with pytest.raises(
        SettingsError, match=r"1 of its documents are not in .*corpus\.jsonl, for example 'd9'"
    ):
        load_folder(folder)
    (folder / "corpus.jsonl").write_text('{"_id": "d9", "text": "a"}\n{"_id": "d9", "text": "b"}\n')
    with pytest.raises(SettingsError, match=r"corpus\.jsonl, line 2: document 'd9' comes a second time"):
        load_folder(folder)


def test_the_generic_set_is_found_by_the_base_model_and_leaves_room_to_fall() -> None:
    found = generic_set()
    embedder, nothing = Embedder(MODEL, serving().embedding), np.empty((0, 384), dtype=np.float32)
    scores = evaluate_set(SearchModel(embedder, SearchSpace.plain(nothing)), found, [], [384, 64])
    assert len(found.queries) == len(found.corpus or {}) == 64
    assert 0.85 < scores[384].metrics["ndcg@10"] < 1
    assert scores[64].metrics["ndcg@10"] < scores[384].metrics["ndcg@10"]
