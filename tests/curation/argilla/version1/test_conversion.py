"""Reading FeedbackDatasets of Argilla 1: each form that it wrote, and what Argilla 2 has no place for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from curation.argilla.version1.convert import NewRecord, convert, fault, needed_fields
from curation.argilla.version1.left_out import LeftOut
from curation.argilla.version1.records import read_records
from curation.argilla.version1.settings import OldDataset, Question, read_settings
from curation.errors import SettingsError
from tests.curation.argilla.version1 import folders
from tests.curation.argilla.version1.folders import ANN, BOB, SETTINGS, answer, row


def converted(folder: Path) -> tuple[OldDataset, list[NewRecord], LeftOut]:
    left_out = LeftOut()
    old = read_settings(folder, left_out)
    return old, convert(old, read_records(folder, old, left_out), left_out), left_out


def of_rows(folder: Path, *rows: dict[str, Any]) -> tuple[list[NewRecord], dict[str, list[str]]]:
    folders.write_lines(folders.write_settings(folder), list(rows))
    _, records, left_out = converted(folder)
    return records, left_out.records


def answers(record: NewRecord) -> dict[str, tuple[str, dict[str, Any]]]:
    return {one.user: (one.status, dict(one.values)) for one in record.responses}


SPAN = {"start": 0, "end": 3, "label": "PER"}


def write_arrow(folder: Path) -> None:
    from datasets import Dataset

    Dataset.from_list(folders.everything()).save_to_disk(str(folder / "saved"))


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: folders.write_parquet(folder, folders.everything()),
        lambda folder: folders.write_lines(folder, folders.everything()),
        write_arrow,
    ],
    ids=["parquet", "lines", "arrow"],
)
def test_each_form_of_the_records_says_the_same(write: Any, tmp_path: Path) -> None:
    write(folders.write_settings(tmp_path))
    old, records, left_out = converted(tmp_path)
    first, second, third = records
    assert answers(first) == {
        ANN: (
            "submitted",
            {
                "label": "good",
                "topics": ["x", "y"],
                "stars": 3,
                "order": [{"value": "p", "rank": 2}, {"value": "q", "rank": 1}],
                "names": [SPAN],
            },
        ),
        BOB: ("submitted", {"label": "bad", "why": "because"}),
    }
    assert answers(second) == {
        "unknown 1": ("submitted", {"label": "good"}),
        "unknown 2": ("submitted", {"label": "bad"}),
        BOB: ("draft", {"label": "bad"}),
        ANN: ("discarded", {"why": "no idea"}),
    }
    assert (first.external_id, second.external_id, third.external_id) == ("r0", "v1-1", "r2")
    assert dict(first.fields) == {"text": "Ann is here 0", "hint": "a hint"}
    assert dict(second.fields) == {"text": "Ann is here 1"}
    assert dict(first.metadata) == {"year": 2023, "place": "Oslo", "weight": 2.0, "more": ["a"]}
    assert dict(first.vectors) == {"place-vector": [0.5, 1.0]}
    assert list(first.suggestions) == [
        {"question": "label", "value": "good", "type": "model", "agent": "a/model", "score": 0.5},
        {"question": "topics", "value": ["z"], "type": "human", "score": [0.75]},
        {"question": "names", "value": [SPAN], "score": [0.25]},
    ]
    assert third.responses == [] and third.suggestions == []
    assert left_out.records == {}
    assert [one["required"] for one in needed_fields(old, records, left_out)] == [True, False]


def test_records_as_the_client_had_them(tmp_path: Path) -> None:
    folders.write_settings(tmp_path)
    folders.write_lines(tmp_path, [folders.as_client(one) for one in folders.everything()[:1]])
    _, (record,), left_out = converted(tmp_path)
    folders.write_lines(tmp_path, folders.everything()[:1])
    _, (same,), _ = converted(tmp_path)
    assert record.responses == same.responses
    assert (record.fields, record.metadata, record.vectors) == (same.fields, same.metadata, same.vectors)
    assert list(record.suggestions) == [{"question": "label", "value": "good"}]
    assert left_out.records == {}
    twice = {**folders.as_client(folders.everything()[0]), "updated_at": "2023-06-01"}
    twice["responses"] = twice["responses"][:1] * 2
    folders.write_lines(tmp_path, [twice])
    _, (record,), left_out = converted(tmp_path)
    assert len(record.responses) == 1
    assert left_out.records == {
        "what a record says of its updated_at": ["record 0 (r0)"],
        "a second response of the same user": ["record 0 (r0)"],
    }


@pytest.mark.parametrize("version", ["1.12.1", "1.18.0", "1.29.1"])
def test_what_argilla_1_wrote_is_what_it_held(version: str, tmp_path: Path) -> None:
    """Folders that the push_to_huggingface of these versions wrote, beside the records that their client held
    (held.json, a record a line)."""
    written = Path(__file__).parent / "written" / version
    (settings,) = written.glob("argilla.*")
    shutil.copy(settings, tmp_path)
    shutil.copy(written / "held.json", tmp_path / "records.jsonl")
    _, read, left_out = converted(written)
    _, held, _ = converted(tmp_path)
    assert len(read) == 5 and left_out.records == {}
    for one, other in zip(read, held, strict=True):
        # Later versions write no response that has no answer, such as one that was discarded at once.
        said = {user: said for user, said in answers(other).items() if said[1] or version == "1.12.1"}
        assert answers(one) == said
        assert (one.external_id, one.fields, one.metadata) == (
            other.external_id,
            other.fields,
            other.metadata,
        )
        assert one.vectors == other.vectors
        assert sorted(map(repr, one.suggestions)) == sorted(map(repr, other.suggestions))


def test_the_settings_become_those_of_argilla_2(tmp_path: Path) -> None:
    old = read_settings(folders.write_settings(tmp_path), LeftOut())
    assert old.fields["text"] == {
        "name": "text",
        "title": "The text",
        "required": True,
        "settings": {"type": "text", "use_markdown": True},
    }
    settings = {name: one.payload["settings"] for name, one in old.questions.items()}
    assert settings["label"]["options"] == [  # YAML of version 1 is sorted
        {"value": "bad", "text": "It is bad"},
        {"value": "good", "text": "It is good"},
    ]
    assert settings["topics"]["visible_options"] == 3
    assert settings["stars"]["options"] == [{"value": 1}, {"value": 2}, {"value": 3}]
    assert settings["names"] == {
        "type": "span",
        "options": [{"value": "PER", "text": "Person"}],
        "visible_options": None,
        "field": "text",
        "allow_overlapping": False,
    }
    assert old.questions["label"].payload["description"] == "Which is it"
    assert old.questions["topics"].payload["title"] == "topics"
    assert old.metadata["year"]["settings"] == {"type": "integer", "min": 1900, "max": 2100}
    assert old.metadata["weight"]["visible_for_annotators"] is False
    assert old.vectors["place-vector"] == {"name": "place-vector", "title": "Place", "dimensions": 2}
    assert (old.guidelines, old.allow_extra_metadata) == ("Say what you think.", True)


def test_what_the_first_versions_wrote(tmp_path: Path) -> None:
    """`argilla.cfg`, and answers as a mapping of lists."""
    (tmp_path / "argilla.cfg").write_text(json.dumps(folders.CFG))
    listed = {"user_id": [ANN, BOB], "value": ["good", "bad"], "status": ["submitted", "submitted"]}
    stars = {"user_id": [ANN], "value": [2.0], "status": ["submitted"]}
    made = {"text": "Hello", "label": listed, "stars": stars, "external_id": "a"}
    folders.write_parquet(tmp_path, [made])
    old, (record,), left_out = converted(tmp_path)
    assert answers(record) == {
        ANN: ("submitted", {"label": "good", "stars": 2}),
        BOB: ("submitted", {"label": "bad"}),
    }
    assert repr(record.responses[0].values["stars"]) == "2", "Argilla refuses 2.0"
    assert old.questions["label"].options == ("good", "bad")
    assert old.questions["stars"].options == (1, 2)
    assert left_out.records == {}


def test_enums_and_uuids_of_python_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "argilla.yaml").write_text(
        "fields:\n"
        "- name: text\n"
        "  type: !!python/object/apply:argilla.client.feedback.schemas.enums.FieldTypes\n"
        "  - text\n"
        "  id: !!python/object:uuid.UUID\n"
        "    int: 3\n"
        "questions:\n"
        "- {name: why, type: text, required: true}\n"
    )
    old = read_settings(tmp_path, LeftOut())
    assert old.fields["text"]["settings"]["type"] == "text"
    (tmp_path / "argilla.yaml").write_text(
        "fields: !!python/object/apply:os.system ['true']\nquestions: []\n"
    )
    with pytest.raises(SettingsError, match="cannot be read as settings"):
        read_settings(tmp_path, LeftOut())


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"label": [answer(ANN, "ugly")]}, "an answer to label that is none of the question's options"),
        ({"topics": [answer(ANN, [], "draft")]}, "an answer to topics that has no label"),
        ({"names": [answer(ANN, [{**SPAN, "end": 99}])]}, "an answer to names that marks what is not in"),
        ({"names": [answer(ANN, [SPAN, SPAN])]}, "an answer to names that has spans that overlap"),
        ({"order": [answer(ANN, [{"value": "p", "rank": 1}])]}, "an answer to order that does not rank all"),
        ({"order": [answer(ANN, ["p"])]}, "an answer to order that cannot be read"),
        ({"why": [answer(ANN, "x"), answer(ANN, "y")]}, "a second answer of the same user"),
        ({"why": [answer(ANN, "x", "odd")]}, "the status 'odd' of a response (it is a draft now)"),
        ({"why": [answer(ANN, "x")]}, "that a response without an answer to label was submitted"),
        ({"label-suggestion": "ugly"}, "a suggestion for label that is none of the question's options"),
        (
            {"label-suggestion": "good", "label-suggestion-metadata": {"score": 7, "agent": "m"}},
            "the score of a suggestion",
        ),
        (
            {"label-suggestion": "good", "label-suggestion-metadata": {"agent": "ü"}},
            "the agent 'ü' of a suggestion",
        ),
        (
            {"label-suggestion": "good", "label-suggestion-metadata": {"type": "oracle"}},
            "the type 'oracle' of a suggestion",
        ),
        ({"metadata": '{"year": 3}'}, "metadata year that its property does not allow"),
        ({"metadata": '{"more": NaN}'}, "metadata more that its property does not allow"),
        ({"vectors": {"place-vector": [1.0]}}, "a vector place-vector that does not fit"),
        ({"vectors": {"other": [1.0]}}, "a vector other that does not fit"),
        ({"text": None}, "a record whose fields are all empty"),
        ({"text": "a\0b"}, "characters that no database takes"),
        ({"remark": "x"}, "the column remark, which is no field and no question"),
    ],
)
def test_what_has_no_place_is_noted_with_its_record(
    columns: dict[str, Any], says: str, tmp_path: Path
) -> None:
    _, left_out = of_rows(tmp_path, row(0, **columns))
    (found,) = [what for what in left_out if what.startswith(says)]
    assert left_out[found] == ["record 0 (r0)"]


def test_ids_that_occur_twice_and_fields_that_some_records_lack(tmp_path: Path) -> None:
    rows = [row(0), row(0), row(1, text=None, hint="only this")]
    records, left_out = of_rows(tmp_path, *rows)
    assert [one.external_id for one in records] == ["r0", "r0-v1-1", "r1"]
    assert list(left_out) == ["an external id that another record has too (it got a suffix)"]
    noted = LeftOut()
    old = read_settings(tmp_path, noted)
    assert [one["required"] for one in needed_fields(old, records, noted)] == [False, False]
    assert list(noted.records) == ["that the field text is required: some records lack it"]


def test_splits_and_settings_that_are_not_known(tmp_path: Path) -> None:
    folders.write_settings(tmp_path, {**SETTINGS, "colour": "red", "guidelines": "x" * 10_001})
    folders.write_parquet(tmp_path, [row(0)])
    folders.write_parquet(tmp_path, [row(1)], "test")
    folders.write_lines(tmp_path, [row(2)])
    _, records, left_out = converted(tmp_path)
    assert len(records) == 2
    assert list(left_out.records) == [
        "argilla.yaml: colour is not known",
        "the guidelines beyond 10,000 characters (they have 10,001)",
        "the file records.jsonl: the .parquet files hold the records",
        "which split a record was in: Argilla 2 has none (test, train)",
    ]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("readme.md", "x", r"There is no argilla\.yaml and no argilla\.cfg"),
        ("argilla.yaml", "- a", "cannot be read as settings"),
        ("argilla.yaml", "fields: [", "cannot be read as settings"),
        ("argilla.cfg", "{", "cannot be read as settings"),
        ("argilla.yaml", "fields: []\nquestions: [{name: q, type: poem}]", "unknown type 'poem'"),
        ("argilla.yaml", "questions: []", "it lacks 'fields'"),
        (
            "argilla.yaml",
            "fields: [{type: text}]\nquestions: []",
            r"number 0 of fields \(None\): it lacks 'name'",
        ),
        ("argilla.yaml", "fields: [text]\nquestions: []", "number 0 of fields"),
        (
            "argilla.yaml",
            "fields: []\nquestions: [{name: q, type: label_selection}]",
            r"number 0 of questions \(q\): it lacks 'labels'",
        ),
        (
            "argilla.yaml",
            "fields: [{name: a}, {name: a}]\nquestions: []",
            "two of fields are called 'a'",
        ),
        (
            "argilla.yaml",
            "fields: []\nquestions: [{name: stars, type: rating, values: [one]}]",
            r"number 0 of questions \(stars\): invalid literal",
        ),
        ("argilla.yaml", "fields: []\nquestions: []", "There are no records"),
    ],
)
def test_folders_that_are_no_dataset(name: str, text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=says) as caught:
        converted(tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"fields": 3, "metadata": "[]"}',
        '{"label": 3}',
        '{"fields": {"text": 1}, "responses": [3]}',
    ],
)
def test_records_that_cannot_be_read(line: str, tmp_path: Path) -> None:
    folders.write_settings(tmp_path)
    (tmp_path / "records.jsonl").write_text(line + "\n")
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        converted(tmp_path)
    assert "records.jsonl" in str(caught.value)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 4) | st.text(max_size=4) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "rank", "start", "end", "label"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(["text", "label_selection", "multi_label_selection", "rating", "ranking", "span"]),
    _ANYTHING,
)
def test_any_value_is_taken_or_has_a_fault(kind: str, value: Any) -> None:
    question = Question("q", kind, True, {}, (1, 2) if kind == "rating" else ("a", "b"), "text")
    assert isinstance(fault(question, value, {"text": "some"}, True), str)
