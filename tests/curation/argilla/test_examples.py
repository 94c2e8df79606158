"""The guidelines' examples: three good and three bad ones from the corpus itself, for each dataset."""

from __future__ import annotations

from curation.argilla.examples import examples
from curation.argilla.guidelines import CHUNKS, CONVERSATIONS, TRIPLETS, with_examples
from curation.argilla.schemas import LOOK_AT
from curation.argilla.upsert import Finished, Outline
from curation.suggestions.choice import SIGNALS, Guess, written
from curation.suggestions.scorer import COLD_SCORERS

PLANTS = ("Apple", "Birch", "Cedar", "Daisy")
HINTS = ("Is it a licence?", "Is it a licence? And code?", "Does it point elsewhere?", "Is it <b>code</b>?")


def finished(question: str, probability: float) -> Finished:
    return Finished({SIGNALS: written({question: Guess(features={}, probability=probability)})})


def body(plant: str) -> str:
    return (
        f"Guide > {plant}\n\n```\nplant\n```\nPut the {plant} into the ground in spring, and water it daily."
    )


def test_three_good_and_three_bad_chunks_each_of_another_kind() -> None:
    good = [Outline(p, {"filename": p, "chunk": body(p)}, {}) for p in PLANTS]
    bad = [
        Outline(hint, {"filename": "x", "chunk": f"Guide > Bad\n\n{hint[:9]}", LOOK_AT: hint}, {})
        for hint in HINTS
    ]
    known = {one.id: finished("good_chunk", 0.95) for one in good}
    known |= {one.id: finished("good_chunk", 0.05) for one in bad}
    yes, no = examples("chunks", [*good, *bad], known, {})["chunks"].split("**Surely no**")
    assert yes.count("into the ground") == no.count("→") == 3
    assert "```" not in yes
    assert no.count("Is it a licence?") == 1  # two such teach no more than one
    assert "<b>" not in no


def test_bad_queries_and_answers_are_bad_for_certain() -> None:
    triplets = [
        Outline(p, {"positive": f"When is {p} planted?", "anchor": body(p)}, {"chunk_id": p}) for p in PLANTS
    ]
    known = {one.id: finished("is_positive_relevant", 0.9) for one in triplets}
    found = examples("triplets", triplets, known, {})
    for kind in ("triplets", "conversations"):
        yes, no = (part.split("\n\n> ")[1:] for part in found[kind].split("**Surely no**"))
        assert len(yes) == len(no) == 3
        for text in (*yes, *no):
            asked = next(plant for plant in PLANTS if f"When is {plant} planted" in text)
            rest = text.split("\n>\n", 1)[1]
            said = {plant for plant in PLANTS if f"the {plant} into" in rest or f"{plant}." in rest}
            assert (asked in rest) == (text in yes or "I don't know" in text.replace("\\", ""))
            assert len(said) <= 1
    assert "I don't know" in found["conversations"].replace("\\", "")


def test_nothing_is_made_up_where_nothing_is_sure() -> None:
    unsure = [Outline("a", {"positive": "a?", "anchor": body("Apple")}, {})]
    assert set(examples("triplets", unsure, {"a": finished("is_positive_relevant", 0.6)}, {}).values()) == {
        ""
    }
    alone = examples("triplets", unsure, {"a": finished("is_positive_relevant", 0.9)}, {})["triplets"]
    assert "Surely no" not in alone


def test_a_scorer_too_weak_to_suggest_chooses_none() -> None:
    outlines = [Outline(p, {"filename": p, "chunk": body(p)}, {}) for p in PLANTS]
    known = {one.id: finished("good_chunk", 0.95) for one in outlines}
    cold = COLD_SCORERS["good_chunk"]
    weak, strong = ({cold.question: cold.model_copy(update={"auc": auc})} for auc in (0.6, 0.9))
    assert "Surely yes" in examples("chunks", outlines, known, strong)["chunks"]
    assert examples("chunks", outlines, known, weak) == {}


def test_a_paragraph_of_the_guidelines_is_a_line() -> None:
    for text in (CHUNKS, TRIPLETS, CONVERSATIONS):
        shown = with_examples(text, "\n\n### Examples\n\n> *one*\n>\n> two")
        lines = [line for line in shown.split("\n") if line]
        assert all(line[0] in "#*>" or line[0].isalnum() or line[0] == "`" for line in lines)
        assert shown.count("\n\n* ") + shown.count("\n* ") >= 4
        assert shown.index("### Examples") < shown.index("### How your answer is used")
        assert " ".join(text.split()) == " ".join(with_examples(text).split())
