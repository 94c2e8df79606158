"""The guidelines' examples: three good and three bad ones from the corpus itself, for each dataset."""

from __future__ import annotations

import re

from curation.argilla.examples import examples
from curation.argilla.guidelines import CHUNKS, CONVERSATIONS, TRIPLETS, with_examples
from curation.argilla.schemas import LOOK_AT, SPECS
from curation.argilla.upsert import Finished, Outline
from curation.documents.corpus import Corpus
from curation.records.chunk import Chunk
from curation.suggestions.choice import SIGNALS, Guess, written
from curation.suggestions.scorer import COLD_SCORERS
from tests.curation.making import chunk_of

PLANTS = ("Apple", "Birch", "Cedar", "Daisy", "Elder", "Fern", "Grape")
HINTS = ("Is it a licence?", "Is it a licence? And code?", "Does it point elsewhere?", "Is it <b>code</b>?")


def finished(question: str, probability: float, typical: float = 0.0) -> Finished:
    guess = Guess(features={"typical": typical}, probability=probability)
    return Finished({SIGNALS: written({question: guess})})


def chunk_about(plant: str, path: str = "", heading: str = "Guide") -> Chunk:
    said = f"Put the {plant} into the ground in spring, and water it daily."
    text = f"{heading} > {plant}\n\n```\nplant\n```\n{said}"
    return chunk_of(path or f"{plant}.md", (heading, plant), text)


def asked(chunk: Chunk, question: str, origin: str = "sentence-pair") -> Outline:
    fields = {"positive": question, "anchor": chunk.text}
    return Outline(question, fields, {"chunk_id": chunk.id, "origin": origin})


def shown(chunk: Chunk, **more: str) -> Outline:
    return Outline(chunk.id, {"filename": chunk.path, "chunk": chunk.text, **more}, {})


def test_three_good_and_three_bad_chunks_each_of_another_kind() -> None:
    good = [chunk_about(plant) for plant in PLANTS]
    bad = [(chunk_of("x", ("Guide", "Bad"), f"Guide > Bad\n\n{hint[:9]}"), hint) for hint in HINTS]
    outlines = [*map(shown, good), *(shown(chunk, **{LOOK_AT: hint}) for chunk, hint in bad)]
    known = {one.id: finished("good_chunk", 0.95) for one in good}
    known |= {one.id: finished("good_chunk", 0.05) for one, _ in bad}
    corpus = Corpus([], [*good, *(chunk for chunk, _ in bad)])
    yes, no = examples("chunks", outlines, known, corpus, {})["chunks"].split("**Surely no**")
    assert yes.count("into the ground") == no.count("→") == 3
    assert "```" not in yes
    assert no.count("Is it a licence?") == 1  # two such teach no more than one
    assert "<b>" not in no


def test_good_chunks_are_typical_ones_and_no_change_log() -> None:
    typical = [
        chunk_of(f"{p}.md", ("Guide", p), f"The {p} is planted in spring, and grows.") for p in PLANTS[:3]
    ]
    listed = chunk_about("Cactus", "CHANGES.md", "Version 5.0")
    odd, looked_at = chunk_about("Oak"), chunk_of("a.md", ("A",), "A whole sentence that somebody can read.")
    chunks = [listed, odd, looked_at, *typical]
    outlines = [shown(one, **({LOOK_AT: "Is it code?"} if one is looked_at else {})) for one in chunks]
    known = {one.id: finished("good_chunk", 0.99, 0.9) for one in (listed, odd, looked_at)}
    known |= {one.id: finished("good_chunk", 0.9, 0.5) for one in typical}
    found = examples("chunks", outlines, known, Corpus([], chunks), {})["chunks"]
    assert all(f"The {plant} is" in found for plant in PLANTS[:3])
    only = examples("chunks", outlines[:1], known, Corpus([], chunks), {})["chunks"]
    assert only == "", "a change log is better left out than shown"


def test_bad_queries_and_answers_are_bad_for_certain() -> None:
    for count in (4, 7):
        chunks = {plant: chunk_about(plant) for plant in PLANTS[:count]}
        triplets = [asked(chunk, f"When is {plant} planted?") for plant, chunk in chunks.items()]
        known = {one.id: finished("is_positive_relevant", 0.9) for one in triplets}
        found = examples("triplets", triplets, known, Corpus([], [*chunks.values()]), {})
        for kind in ("triplets", "conversations"):
            yes, no = (part.split("\n\n> ")[1:] for part in found[kind].split("**Surely no**"))
            assert len(yes) == len(no) == 3
            for text in (*yes, *no):
                plant = next(plant for plant in chunks if f"When is {plant} planted" in text)
                rest = text.split("\n>\n", 1)[1]
                said = {one for one in chunks if f"the {one} into" in rest or f"{one}." in rest}
                assert (plant in rest) == (text in yes or "I don't know" in text.replace("\\", ""))
                assert len(said) <= 1
            if count > 2 * 3:
                queries = {text.split("\n", 1)[0] for text in (*yes, *no)}
                assert len(queries) == 6, "the bad ones are not the good ones again"
        assert "I don't know" in found["conversations"].replace("\\", "")


def test_queries_that_were_made_come_before_headings() -> None:
    chunks = {plant: chunk_about(plant) for plant in PLANTS}
    made = [asked(chunk, f"When is {plant} planted?") for plant, chunk in [*chunks.items()][:3]]
    headings = [asked(chunk, plant, "heading") for plant, chunk in chunks.items()]
    known = {one.id: finished("is_positive_relevant", 0.85) for one in made}
    known |= {one.id: finished("is_positive_relevant", 0.95) for one in headings}
    found = examples("triplets", [*headings, *made], known, Corpus([], [*chunks.values()]), {})
    assert found["triplets"].split("**Surely no**")[0].count("When is ") == 3


def test_nothing_is_made_up_where_nothing_is_sure() -> None:
    chunk = chunk_about("Apple")
    corpus, one = Corpus([], [chunk]), asked(chunk, "a?")
    unsure = {one.id: finished("is_positive_relevant", 0.6)}
    assert set(examples("triplets", [one], unsure, corpus, {}).values()) == {""}
    sure = {one.id: finished("is_positive_relevant", 0.9)}
    assert "Surely no" not in examples("triplets", [one], sure, corpus, {})["triplets"]


def test_a_scorer_too_weak_to_suggest_chooses_none() -> None:
    chunks = [chunk_about(plant) for plant in PLANTS]
    outlines, corpus = [*map(shown, chunks)], Corpus([], chunks)
    known = {one.id: finished("good_chunk", 0.95) for one in outlines}
    cold = COLD_SCORERS["good_chunk"]
    weak, strong = ({cold.question: cold.model_copy(update={"auc": auc})} for auc in (0.6, 0.9))
    assert "Surely yes" in examples("chunks", outlines, known, corpus, strong)["chunks"]
    assert examples("chunks", outlines, known, corpus, weak) == {}


def test_a_paragraph_of_the_guidelines_is_a_line() -> None:
    for text in (CHUNKS, TRIPLETS, CONVERSATIONS):
        shown = with_examples(text, "\n\n### Examples\n\n> *one*\n>\n> two")
        lines = [line for line in shown.split("\n") if line]
        assert all(line[0] in "#*>" or line[0].isalnum() or line[0] == "`" for line in lines)
        assert shown.count("\n\n* ") + shown.count("\n* ") >= 4
        assert shown.index("### Examples") < shown.index("### How your answer is used")
        assert " ".join(text.split()) == " ".join(with_examples(text).split())


def test_titles_of_filters_fit_into_the_menu_and_guidelines_name_them_as_they_are() -> None:
    titles = {one.title for spec in SPECS.values() for one in spec.filters}
    assert max(map(len, titles)) <= 26, "Argilla's menu cuts some that are longer"
    named = {
        name for spec in SPECS.values() for name in re.findall(r"\*([A-Z][\w ]+: [\w ]+)\*", spec.guidelines)
    }
    assert named and named <= titles
