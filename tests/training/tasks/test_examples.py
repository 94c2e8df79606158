"""From records to examples: names or a formatting_func, the split, and input from which nothing can be
learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curation import ClayloopError, SettingsError, StateError
from tests.training.tasks import folders
from tests.training.tasks.folders import ANN, BOB, CAT, record, write_folder
from training.tasks.examples import Split, TrainingData, make_data
from training.tasks.reading import Folder
from training.tasks.selection import make_selection
from training.tasks.task import TrainingTask


def data_of(
    folder: Path, task: TrainingTask, train_size: float = 1.0, seed: int = 42, all_labels: bool = False
) -> TrainingData:
    source = Folder(folder)
    rows = source.rows(make_selection(None, None, None))
    return make_data(source.schema, rows, task.checked(source.schema), Split(train_size, seed), all_labels)


def columns(data: TrainingData) -> list[dict[str, Any]]:
    return [one.columns for one in data.train]


@pytest.fixture
def emotions(tmp_path: Path) -> Path:
    return folders.emotions(tmp_path / "emotions")


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """A dataset with a question of every type."""
    questions = [
        folders.label("label", "yes", "no", "never"),
        folders.label("topics", "x", "y", multi=True),
        folders.rating("stars", 1, 2, 3),
        folders.ranking("order", "p", "q"),
        folders.spans("names", "text", "PER"),
        folders.text("rewritten"),
    ]
    texts = ("Ann met Bob", "Bob is away")
    answers: list[dict[str, Any]] = [
        {
            "label": ["yes", "yes", "no"],
            "topics": [["x"], ["x"], ["y", "x"]],
            "stars": [3, 3, 1],
            "order": [folders.ranked("p", "q"), folders.ranked("p", "q"), folders.ranked("q", "p")],
            "names": [[{"start": 0, "end": 3, "label": "PER"}], [{"start": 0, "end": 3, "label": "PER"}]],
            "rewritten": ["Bob", None, "Ann"],
        },
        {
            "label": ["no"],
            "topics": [[]],
            "stars": [1],
            "order": [folders.ranked("q", "p")],
            "names": [[{"start": 0, "end": 3, "label": "PER"}]],
            "rewritten": ["Bob"],
        },
    ]
    made = [
        record(f"r{number}", {"text": words, "other": "Who?"}, **said)
        for number, (words, said) in enumerate(zip(texts, answers, strict=True))
    ]
    return write_folder(tmp_path / "everything", ["text", "other"], questions, made)


def test_text_and_label_by_names(emotions: Path) -> None:
    made = data_of(emotions, TrainingTask.for_text_classification(text="text", label="label"))
    assert made.labels == ("good", "bad")
    assert columns(made)[0] == {"text": "lovely sunny day 0", "label": "good"}
    assert len(made.train) == 16
    assert made.answers_by_user() == {ANN: 16, BOB: 16, CAT: 16}


@pytest.mark.parametrize(
    ("question", "strategy", "expected"),
    [
        ("label", None, ["yes", "no"]),
        ("label", "disagreement", ["yes", "yes", "no", "no"]),
        ("topics", None, [["x"], []]),
        ("stars", None, ["3", "1"]),
        ("stars", "mean", ["2", "1"]),
        ("stars", "min", "all 2 texts to train on the same label: 1"),
        ("order", None, ["p", "q"]),
        ("order", "mean", ["p", "q"]),
        (
            "order",
            "min",
            "Record 'r0': the answers to 'order' are tied: the first place is shared by p and q",
        ),
    ],
)
def test_each_type_of_question_makes_classes(
    everything: Path, question: str, strategy: str | None, expected: Any
) -> None:
    task = TrainingTask.for_text_classification("text", question, strategy)
    if isinstance(expected, str):
        with pytest.raises(ClayloopError, match=expected):
            data_of(everything, task)
    else:
        assert [one["label"] for one in columns(data_of(everything, task))] == expected


def test_the_other_tasks_by_names(everything: Path) -> None:
    tagged = data_of(everything, TrainingTask.for_token_classification(spans="names"))
    assert columns(tagged)[0] == {
        "text": "Ann met Bob",
        "spans": [{"start": 0, "end": 3, "label": "PER"}],
    }
    answered = data_of(everything, TrainingTask.for_question_answering("other", "text", "rewritten"))
    assert columns(answered)[0] == {
        "question": "Who?",
        "context": "Ann met Bob",
        "answer": "Bob",
        "start": 8,
    }
    marked = data_of(everything, TrainingTask.for_question_answering("other", "text", "names"))
    assert [one["answer"] for one in columns(marked)] == ["Ann", "Bob"]
    rewritten = data_of(everything, TrainingTask.for_text2text("text", "rewritten", "all"))
    assert [one["target"] for one in columns(rewritten)] == ["Bob", "Ann", "Bob"]
    assert [one.users for one in rewritten.train] == [(ANN,), (CAT,), (ANN,)]


def test_sentences_by_names(everything: Path) -> None:
    pairs = data_of(everything, TrainingTask.for_sentence_similarity(["text", "other"]))
    assert columns(pairs)[0] == {"sentence-1": "Ann met Bob", "sentence-2": "Who?"}
    scored = data_of(everything, TrainingTask.for_sentence_similarity(["text", "other"], "stars", "mean"))
    assert [round(one["label"], 3) for one in columns(scored)] == [0.667, 0.0]
    classes = data_of(everything, TrainingTask.for_sentence_similarity(["text"], "label"))
    assert [one["label"] for one in columns(classes)] == ["yes", "no"]
    assert classes.labels == ("yes", "no")
    assert classes.unlearned == ("never",)


def test_a_label_that_nobody_gave_is_an_error_unless_it_is_left_out(everything: Path) -> None:
    by = TrainingTask.for_text_classification
    with pytest.raises(
        StateError, match="gave the label never of the question 'label' in the 2 sel"
    ) as caught:
        data_of(everything, by("text", "label"), all_labels=True)
    assert "all_labels=False" in caught.value.hint
    assert data_of(everything, by("text", "label")).unlearned == ("never",)
    # Few people use all of a scale.
    assert data_of(everything, by("text", "stars"), all_labels=True).unlearned == ("2",)


def test_spans_that_overlap_are_said_to_be_dropped(tmp_path: Path) -> None:
    inner, outer = ({"start": start, "end": 7, "label": "PER"} for start in (4, 0))
    made = record("r", {"text": "New York"}, names=[[inner, outer]])
    folder = write_folder(tmp_path / "made", ["text"], [folders.spans("names", "text", "PER")], [made])
    data = data_of(folder, TrainingTask.for_token_classification(spans="names"))
    assert columns(data)[0]["spans"] == [outer]
    assert data.notes == ("1 spans overlap longer ones and are not learned",)


def one(sample: dict[str, Any]) -> Any:
    return sample["text"], sample["label"][0]["value"]


def several(sample: dict[str, Any]) -> Any:
    return [(sample["text"], answer["value"]) for answer in sample["label"]]


def iterator(sample: dict[str, Any]) -> Iterator[Any]:
    for answer in sample["label"]:
        if answer["status"] == "submitted" and answer["user-id"] != CAT:
            yield sample["text"], answer["value"]


def sometimes(sample: dict[str, Any]) -> Any:
    return one(sample) if sample["id"] in ("r0", "r1") else None


@pytest.mark.parametrize(("function", "count"), [(one, 16), (several, 48), (iterator, 32), (sometimes, 2)])
def test_a_formatting_func_returns_one_several_an_iterator_or_none(
    emotions: Path, function: Callable[..., Any], count: int
) -> None:
    made = data_of(emotions, TrainingTask.for_text_classification(formatting_func=function))
    assert len(made.train) == count
    assert made.labels == ("bad", "good")


def test_every_task_has_its_shape(emotions: Path) -> None:
    def first(task: Callable[..., TrainingTask], returned: Any) -> Any:
        return columns(data_of(emotions, task(formatting_func=lambda sample: returned)))[0]

    assert first(TrainingTask.for_supervised_fine_tuning, "text") == {"text": "text"}
    assert first(TrainingTask.for_proximal_policy_optimization, "text") == {"prompt": "text"}
    assert first(TrainingTask.for_reward_modeling, ("a", "b")) == {"chosen": "a", "rejected": "b"}
    assert first(TrainingTask.for_direct_preference_optimization, ("p", "a", "b")) == {
        "prompt": "p",
        "chosen": "a",
        "rejected": "b",
    }
    turns = [("chat", "1", "user", "Hi"), ("chat", "0", "system", "Be kind")]
    assert first(TrainingTask.for_chat_completion, turns) == {
        "messages": [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hi"}]
    }
    two = [("a", "0", "user", "Hi"), ("b", "0", "user", "Ho")]
    made = data_of(emotions, TrainingTask.for_chat_completion(lambda sample: (yield two)))
    assert len(made.train) == 32


def test_the_split_is_by_record_and_by_seed(emotions: Path) -> None:
    task = TrainingTask.for_text_classification("text", "label", "disagreement")
    made = data_of(emotions, task, 0.75)
    trained, held = ({one.record for one in side} for side in (made.train, made.held_out))
    assert (len(trained), len(held)) == (12, 4)
    assert not trained & held
    assert len(made.examples) == 48
    again, other = data_of(emotions, task, 0.75), data_of(emotions, task, 0.75, seed=7)
    assert again.train == made.train
    assert other.train != made.train


def refused(folder: Path, task: TrainingTask) -> str:
    with pytest.raises((SettingsError, StateError)) as caught:
        data_of(folder, task)
    assert caught.value.hint
    return str(caught.value)


def test_names_that_are_wrong(everything: Path) -> None:
    by = TrainingTask.for_text_classification
    assert "no field 'txt'" in refused(everything, by("txt", "label"))
    assert "Its fields: other, text" in refused(everything, by("txt", "label"))
    assert "no question 'lbl'" in refused(everything, by("text", "lbl"))
    wrong = refused(everything, by("text", "rewritten"))
    assert "'rewritten' of 'made' is of the type text" in wrong
    assert "Questions that fit: label, order, stars, topics" in wrong
    assert "'first' cannot unify" in refused(everything, by("text", "label", "first"))
    other = TrainingTask.for_token_classification("other", "names")
    assert "marks spans of the field 'text', not of 'other'" in refused(everything, other)


def test_a_task_that_is_not_told_enough() -> None:
    with pytest.raises(SettingsError, match="lacks label"):
        TrainingTask.for_text_classification(text="text")
    with pytest.raises(SettingsError, match="Both a formatting_func and text"):
        TrainingTask.for_text_classification(text="text", formatting_func=one)
    with pytest.raises(SettingsError, match="Both a formatting_func and a strategy"):
        TrainingTask.for_text_classification(label_strategy="majority", formatting_func=one)
    with pytest.raises(SettingsError, match="3 names no field"):
        TrainingTask.for_text_classification(text=3, label="label")
    with pytest.raises(SettingsError, match="two or three fields"):
        TrainingTask.for_sentence_similarity(["text"])
    with pytest.raises(SettingsError, match="Three sentences have no label"):
        TrainingTask.for_sentence_similarity(["a", "b", "c"], "label")
    with pytest.raises(SettingsError, match="cannot be called"):
        TrainingTask.for_supervised_fine_tuning("text")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"train_size is 1\.5"):
        Split(1.5)


@pytest.mark.parametrize(
    ("task", "returned", "says"),
    [
        ("text_classification", "text", "Record 'r0': the formatting_func returned 'text'"),
        ("text_classification", ("text", [{"value": "a"}]), "Record 'r0': the formatting_func returned"),
        ("text_classification", ("text", ["a", None]), "Record 'r0': the formatting_func returned"),
        ("text_classification", ("text", ""), "Record 'r0': the label is empty"),
        ("sentence_similarity", {"sentence-1": "a", "label": "x"}, "the same label: x"),
        ("sentence_similarity", {"sentence-1": "a", "sentence-2": "b", "label": 1}, "the same label: 1"),
        ("text_classification", ("text",), "must return (text, label)"),
        ("text_classification", ("text", 0.5), "must return (text, label)"),
        ("text_classification", (" ", "good"), "Record 'r0': the text is empty"),
        ("text_classification", (None, "good"), "Record 'r0': the text is missing"),
        ("token_classification", ("text", [{"start": 0, "end": 9, "label": "A"}]), "from 0 to 9"),
        ("token_classification", ("text", ["A"]), "the formatting_func returned 'A'"),
        ("question_answering", ("q", "context", "answer"), "'answer' does not stand in the context"),
        ("sentence_similarity", {"text": "a"}, "sentence-1"),
        ("sentence_similarity", {"sentence-1": "a"}, "sentence-1"),
        ("sentence_similarity", {"sentence-1": "a", "sentence-3": "b"}, "sentence-1"),
        ("supervised_fine_tuning", 3, "must return a text"),
        ("chat_completion", [("c", "0", "robot", "Hi")], "with a role of system"),
        (
            "chat_completion",
            [("c", "0", "user", "Hi"), ("c", 0, "user", "Ho")],
            "two turns with the number 0",
        ),
    ],
)
def test_a_formatting_func_that_returns_something_else(
    emotions: Path, task: str, returned: Any, says: str
) -> None:
    made = getattr(TrainingTask, f"for_{task}")(formatting_func=lambda sample: returned)
    assert says in refused(emotions, made)


def test_a_formatting_func_that_gives_nothing(emotions: Path) -> None:
    for nothing in (lambda sample: None, lambda sample: [], lambda sample: iter(())):
        said = refused(emotions, TrainingTask.for_text_classification(formatting_func=nothing))
        assert "The formatting_func returned None, or yielded nothing, for all" in said
        assert "it must return (text, label)" in said


def test_a_formatting_func_that_raises(emotions: Path) -> None:
    task = TrainingTask.for_text_classification(formatting_func=lambda sample: (sample["txt"], "good"))
    said = refused(emotions, task)
    assert "failed for record 'r0': KeyError: 'txt'" in said
    assert "The record has id, status, metadata, text, label" in said


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([], "No record of 'made' was selected"),
        ([record("r", {"text": "a"})], "None of the 1 selected records of 'made' has a submitted answer"),
        ([record("r", {"text": "a"}, why=["b"])], "Nobody answered the question 'label'"),
        ([record("r", {"text": "a"}, label=["yes"])], "the same label: yes"),
        (
            [record("r", {"text": " "}, label=["yes"]), record("s", {"text": "b"}, label=["no"])],
            "Record 'r': the field 'text' is empty",
        ),
        (
            [record("r", {"text": "a"}, label=["yes", "no"])],
            "Record 'r': the answers to 'label' are tied: 1 for each of no, yes",
        ),
    ],
)
def test_records_from_which_nothing_can_be_learned(
    tmp_path: Path, records: list[dict[str, Any]], says: str
) -> None:
    questions = [folders.label("label", "yes", "no"), folders.text("why")]
    folder = write_folder(tmp_path / "made", ["text"], questions, records)
    assert says in refused(folder, TrainingTask.for_text_classification("text", "label"))


def test_a_split_that_leaves_a_side_empty(tmp_path: Path) -> None:
    folder = folders.emotions(tmp_path / "two", 2)
    with pytest.raises(StateError, match=r"2 records cannot be split with train_size=0\.9"):
        data_of(folder, TrainingTask.for_text_classification("text", "label"), 0.9)


def test_one_class_to_train_on_and_another_held_out(tmp_path: Path) -> None:
    folder = folders.emotions(tmp_path / "two", 2)
    with pytest.raises(StateError, match=r"all 1 texts to train on the same label: (good|bad)\.\n") as caught:
        data_of(folder, TrainingTask.for_text_classification("text", "label"), 0.5)
    assert "a larger train_size may help" in caught.value.hint
