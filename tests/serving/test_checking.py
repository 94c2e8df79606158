"""What a model writes is held against the passages, and the sentence that answers is found."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from curation import Message, may_be_thoughts, without_thoughts
from serving.bot.checking import Evidence, checked
from serving.bot.follow_ups import look_up, points_back
from serving.bot.marking import best_sentences, candidates
from serving.bot.passages import passages
from serving.bot.small_talk import small_talk
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex, Hit, build_index
from serving.retrieval.known_words import KnownWords
from serving.retrieval.space import SearchSpace
from tests.serving.pages import make_chunks

PASSAGES = (
    "Use kiln run --jobs 4 to run four tasks at the same time. See https://e.org/jobs.",
    "Set `cache.folder` to move the cache to another disk.",
)
EVIDENCE = Evidence(PASSAGES, "How do I run several tasks at once?")


@pytest.mark.parametrize(
    ("sentence", "holds"),
    [
        ("Use `kiln run --jobs 4` to run four tasks [1].", True),
        ("Set `cache.folder` for another disk [2].", True),
        ("Use `--jobs 4` [1][2].", True),
        ("Use `--workers 4`.", False),
        ("Use `--jobs 4` [3].", False),
        ("Set the cache folder for another disk [1].", False),
        ("See https://evil.example/jobs.", False),
        ("See https://e.org/jobs.", True),
        ("Elephants migrate slowly across Botswana.", False),
        ("Several tasks at once crash.", False),
        ("Yes.", True),
    ],
)
def test_a_sentence_holds_where_the_passages_say_it(sentence: str, holds: bool) -> None:
    assert EVIDENCE.holds(sentence) is holds


TEXT = """Use `kiln run --jobs 4` [1]. Elephants migrate slowly through Botswana. Then set `cache.folder` [2].

```sh
kiln run --jobs 4
```

```python
elephants.walk(botswana)
```
- four tasks at the same time
"""


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_it_comes_by_whole_units_and_only_grows(size: int) -> None:
    states = list(checked((TEXT[at : at + size] for at in range(0, len(TEXT), size)), EVIDENCE))
    assert all(after[0].startswith(before[0]) for before, after in pairwise(states))
    text, dropped = states[-1]
    assert "Elephants" not in text and "botswana" not in text and dropped == 2
    assert "```sh\nkiln run --jobs 4\n```" in text and text.rstrip().endswith("- four tasks at the same time")


def test_numbers_of_passages_alone_say_nothing() -> None:
    assert list(checked(["[2] ", "[1]\n"], EVIDENCE))[-1] == ("", 0)


def test_the_number_of_an_item_goes_with_it() -> None:
    steps = "1. Elephants migrate slowly through Botswana.\n2. Run four tasks at the same time.\n"
    assert list(checked([steps], EVIDENCE))[-1] == ("\n2. Run four tasks at the same time.\n", 1)


@given(st.text(alphabet="ab `~\n.[1]-", max_size=60), st.integers(1, 9))
def test_how_it_was_cut_into_pieces_does_not_matter(text: str, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert list(checked(pieces, EVIDENCE))[-1] == list(checked([text], EVIDENCE))[-1]


def test_thoughts_are_told_from_the_answer() -> None:
    assert without_thoughts("<think>a\nb</think>\nHello") == ("Hello", "a\nb")
    assert without_thoughts("<think>a") == ("", "a") and without_thoughts("x <think>") == ("x <think>", "")
    assert may_be_thoughts("<thi") and may_be_thoughts("<think>a</think>\n") and may_be_thoughts("")
    assert (
        not may_be_thoughts("<think>a</think>\nb") and not may_be_thoughts("<b") and not may_be_thoughts("Hi")
    )


def test_the_answer_to_a_question_is_marked_not_the_question(embedder: Embedder) -> None:
    chunk = make_chunks()[0].model_copy(
        update={
            "text": "Installing Kilnworks\n\nKilnworks is written in Python. Do I lose my results when a "
            "task fails? No. Everything is stored on the disk, so the run goes on from there.\n\nIt is old.",
        }
    )
    found = candidates(chunk.body)
    (span,) = best_sentences(embedder, "my computer crashed, is everything lost?", [chunk])
    assert span is not None and span in [one.span for one in found]
    (passage,) = passages(embedder, "my computer crashed, is everything lost?", [Hit(chunk=chunk, score=1)])
    assert "<mark>Everything is stored on the disk" in passage.shown
    assert "<mark>Do I lose" not in passage.shown and not passage.folded


def test_of_a_table_the_row_is_marked_that_answers(embedder: Embedder) -> None:
    rows = ("Key | Default | Meaning", "`listen` | 7410 | The port", "`days` | 90 | How long history is kept")
    chunk = make_chunks()[2].model_copy(update={"text": "\n".join(rows), "section": ()})
    (passage,) = passages(embedder, "How long is the history kept?", [Hit(chunk=chunk, score=1)])
    marked = "<td><mark>90</mark></td><td><mark>How long history is kept</mark></td>"
    assert marked in passage.shown and "<td>7410</td>" in passage.shown
    longer = chunk.model_copy(update={"text": chunk.text + "\n`more` | 1 | Something else" * 60})
    for whole in (1, 0):
        hit = Hit(chunk=longer, score=1)
        (passage,) = passages(embedder, "How long is the history kept?", [hit], whole)
        assert passage.markdown == f"{rows[0]}\n{rows[2]}"
        assert (marked in passage.shown) == bool(whole), "one that may be beside the point has no mark"
        assert "7410" not in passage.shown and "7410" in passage.folded


def test_a_long_passage_shows_what_answers_and_unfolds_the_rest(embedder: Embedder) -> None:
    filler = "\n\n".join(f"Paragraph {number} is about the weather in town {number}." for number in range(40))
    text = f"{filler}\n\nTo remove it, run:\n\n```sh\npip uninstall kilnworks\n```"
    chunk = make_chunks()[2].model_copy(update={"text": text, "section": ()})
    (passage,) = passages(embedder, "How do I get rid of it? Uninstall, remove.", [Hit(chunk=chunk, score=1)])
    assert "pip uninstall kilnworks" in passage.shown and "Paragraph 3 " not in passage.shown
    assert "Paragraph 3 " in passage.folded and passage.folded.endswith("</details>")


def test_a_passage_that_is_cut_off_unfolds_with_what_stands_beside_it(
    embedder: Embedder, tmp_path: Path
) -> None:
    texts = ("Start it so:", "```sh\nkiln run\n```\n\nIt ends by itself.", "It is fast.", "- It may fail.")
    chunks = [
        make_chunks()[0].model_copy(
            update={
                "id": str(number),
                "position": number,
                "text": text,
                "section": ("B" if number > 2 else "A",),
            }
        )
        for number, text in enumerate(texts)
    ]
    build_index(tmp_path / "index", chunks, SearchSpace.plain(np.eye(4, 40, dtype=np.float32)))
    hits = [Hit(chunk=chunk, score=1) for chunk in chunks]
    found = passages(embedder, "How do I start it?", hits, 1, ChunkIndex.open(tmp_path / "index"))
    announced, code, plain, of_another_section = (one.folded for one in found)
    assert "kiln run" in announced and "kiln run" not in found[0].shown
    assert "Start it so:" not in announced, "it stands above"
    assert code.index("Start it so:") < code.index("kiln run") and "It is fast" not in code
    assert not plain and not of_another_section


def test_names_that_the_documents_do_not_mention() -> None:
    words = KnownWords([chunk.text for chunk in make_chunks()])
    assert words.unmentioned("How do I run a Photoshop task with useEffect?") == ["Photoshop", "useEffect"]
    assert words.unmentioned("How do I run Tasks with a Decorators, in RAM?") == [], "other forms, common use"
    assert words.unmentioned("How do I run a Decoratr?") == [], "misspelt"
    assert words.unmentioned("How Do I Edit With Photoshop And Gimp") == [], "every word has a capital"
    german = KnownWords(["Der Ofen brennt die Gefäße, und die Töpferin wartet einen ganzen Tag auf sie."])
    assert german.unmentioned("wie lange wartet die Kundschaft darauf?") == []


def test_misspelt_words_and_other_languages_are_told() -> None:
    words = KnownWords([chunk.text for chunk in make_chunks()])
    assert words.language_name == "English"
    assert words.corrected("retry a faild task") == "retry a failed task"
    assert words.corrected("retry a failed task") is None
    typed = KnownWords(["It doesn't work, and that doesn't either. What does does what it does."])
    for word in ("doesnt", "doesn't", "dosnt", "doesn"):
        assert typed.corrected(f"it {word} work") in (None, "it does work"), "no word ends before the sign"
    assert typed.corrected("it doesnt work") is None and typed.corrected("it doesn't work") is None
    for form in ("retryings", "schedulings", "decoratings", "decorators"):
        assert words.corrected(form) is None
    assert words.other_language("Wie kann ich das Paket wieder entfernen?") == "German"
    assert words.other_language("как удалить") == "Russian"
    assert words.other_language("asdkjh qwlekj zzz") is None
    assert words.other_language("How do I remove it?") is None and words.other_language("config") is None
    assert (
        KnownWords([]).corrected("anything") is None and KnownWords([]).other_language("wie geht das") is None
    )


@pytest.mark.parametrize(
    ("question", "is_one"),
    [
        ("and on Windows?", True),
        ("which steps are there to load data?", False),
        ("how do I start my jobs there?", True),
        ("what about Docker?", True),
        ("what if it fails?", True),
        ("what if the server is down?", True),
        ("what if the page uses javascript", False),
        ("so many parts of it feel identical to Django, was the design lifted from there?", False),
        ("does it work with proxies?", True),
        ("how many?", True),
        ("How do I run several tasks at the same time?", False),
        ("Which version of Python does Kilnworks need?", False),
    ],
)
def test_which_questions_point_back(question: str, is_one: bool) -> None:
    assert points_back(question) is is_one
    assert look_up(question, []) == question


def test_a_name_in_a_follow_up_takes_the_place_of_the_one_before() -> None:
    before = [Message(role="user", content="what does DOWNLOAD_DELAY do in a shell?")]
    assert look_up("and LOG_LEVEL?", before) == "shell and LOG_LEVEL?"
    assert look_up("and for one site?", before) == "DOWNLOAD_DELAY shell and for one site?"


def test_a_version_in_a_follow_up_takes_the_place_of_a_version() -> None:
    before = [Message(role="user", content="what does DOWNLOAD_DELAY do in 2.4?")]
    assert look_up("and in 2.5?", before) == "DOWNLOAD_DELAY and in 2.5?"
    assert look_up("and LOG_LEVEL?", before) == "2.4 and LOG_LEVEL?"


def test_a_follow_up_to_a_follow_up_still_has_the_topic() -> None:
    asked = [
        "How are tasks cached?",
        "How do I stream a large response?",
        "with a template",
        "with a template",
    ]
    before = [Message(role="user", content=text) for text in asked]
    assert look_up("why?", before) == "stream large response template why?"
    assert look_up("why?", before[2:]) == "template why?", "nothing before them names a topic"


@pytest.mark.parametrize(
    "words", ["how do I get help", "hello world pipeline", "what is this step for", "ok"]
)
def test_small_talk_is_the_whole_message(words: str) -> None:
    assert small_talk(words) == ("thanks" if words == "ok" else None)
