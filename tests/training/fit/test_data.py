"""The rows that training reads: all that people decided, and what counts as the same thing."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from tests.training.fit.material import example, negative
from training.fit.data import SetName, TrainingMaterial, same_things, told_apart, training_sets

PAIRS = [
    example("make a pot blue", "Cobalt oxide gives a glaze its blue."),
    example("when may I open the kiln", "Let it cool for eight hours before you open the door."),
    example("why did it crack", "Clay that dries unevenly tears."),
    example("what does the wheel do", "It turns the clay so that both hands can shape it."),
]


def test_the_datasets_hold_what_annotators_decided() -> None:
    negatives = [
        negative("why did it crack", "Glue mends cracks."),
        negative("make a pot blue", "why so blue", "question", "stored"),
    ]
    sets = training_sets(TrainingMaterial(PAIRS, negatives), seed=1)
    assert set(sets) == {"pairs", "harder", "asked"}
    assert len(sets["pairs"]["anchor"]) == 3
    assert list(sets["harder"].values()) == [[PAIRS[2].query], [PAIRS[2].text], ["Glue mends cracks."]]
    assert list(sets["asked"].values()) == [[PAIRS[0].text], [PAIRS[0].query], ["why so blue"]]


def test_every_refusal_of_a_question_and_of_a_chunk_is_a_row() -> None:
    questions = ["What is dinner?", "Where is the moon?", "Who won the cup?"]
    texts = ["one", "two", "three"]
    negatives = [
        *(negative("why did it crack", one, "question") for one in questions),
        *(negative("why did it crack", one) for one in (*texts, texts[0])),
    ]
    sets = training_sets(TrainingMaterial(PAIRS, negatives), seed=17)
    assert sets["harder"]["anchor"] == ["why did it crack"] * 3
    assert sets["harder"]["negative"] == texts
    assert sets["asked"]["anchor"] == [PAIRS[2].text] * 3
    assert sets["asked"]["negative"] == questions


def test_stored_negatives_give_a_row_for_a_share_of_the_chunks_that_have_no_refused_one() -> None:
    rows = [example(f"question {n}", f"text {n // 2}") for n in range(40)]
    negatives = [negative(one.query, f"stored with {one.query}", "question", "stored") for one in rows]
    negatives.append(negative("question 1", "refused", "question"))
    asked = training_sets(TrainingMaterial(rows, negatives), seed=3)["asked"]
    stored = [one for one in asked["negative"] if one != "refused"]
    assert len(stored) == len(set(asked["anchor"])) - 1 == 10
    assert asked["anchor"].count("text 0") == 1, "its chunk has a refused one"
    others = [training_sets(TrainingMaterial(rows, negatives), seed)["asked"] for seed in range(4)]
    assert any(one != asked for one in others)
    assert others[3] == asked


_KIND_OF: dict[SetName, str] = {"harder": "text", "asked": "question"}


@given(
    refused=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["text", "question"]), st.integers(0, 9)), max_size=40
    )
)
@settings(max_examples=100, deadline=None)
def test_all_that_was_refused_stands_in_the_rows_once(refused: list[tuple[int, str, int]]) -> None:
    negatives = [
        negative(PAIRS[at].query, f"wrong {kind} {number}", kind)  # type: ignore[arg-type]
        for at, kind, number in refused
    ]
    sets = training_sets(TrainingMaterial(PAIRS, negatives), seed=1)
    rows = [
        (kind, row[0], row[1], row[2])
        for name, kind in _KIND_OF.items()
        for row in zip(*(sets[name].values() if name in sets else ()), strict=True)
    ]
    by_key = {one.key: one for one in PAIRS}
    wanted = set()
    for one in negatives:
        pair = (by_key[one.example].query, by_key[one.example].text)
        wanted.add((one.kind, *(pair if one.kind == "text" else pair[::-1]), one.text))
    assert set(rows) == wanted
    assert len(rows) == len(wanted)
    asked = {*sets.get("pairs", {}).get("anchor", []), *sets.get("harder", {}).get("anchor", [])}
    assert asked == {one.query for one in PAIRS}, "every example is a row"


def test_a_chunk_and_its_body_are_one_thing_in_a_batch() -> None:
    rows = [example("a", "Head\n\nbody", "one"), example("A ", "body", "two"), example("c", "else", "three")]
    same = same_things(TrainingMaterial(rows, groups={"two": "one"})).thing
    assert same["Head\n\nbody"] == same["body"] != same["else"]
    assert same["a"] == same["A "] != same["c"]


def test_a_text_that_is_only_wrong_may_meet_itself_in_a_batch_and_a_right_one_may_not() -> None:
    rows = [example("How?", "zero"), example("Why?", "one")]
    negatives = [negative("How?", "five"), negative("Why?", "five"), negative("Why?", "zero")]
    material = TrainingMaterial(rows, negatives)
    columns = training_sets(material, seed=1)["harder"]
    things, _ = told_apart(columns, same_things(TrainingMaterial(rows)))
    assert columns["negative"] == ["five", "five", "zero"]
    assert len(set(things["negative"])) == 3
    assert things["negative"][2] == things["positive"][0]


def test_no_row_stands_beside_a_text_that_was_accepted_for_its_question_though_it_is_not_trained_on() -> None:
    rows = [example("How?", "zero"), example("Why?", "one")]
    material = TrainingMaterial(rows, accepted=[example("HOW?", "one")])
    _, barred = told_apart(training_sets(material, seed=1)["pairs"], same_things(material))
    thing = same_things(material).thing
    assert barred == [{thing["one"]}, set()]
