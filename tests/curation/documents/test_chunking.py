"""Chunks fit the model, follow the structure, and lose nothing."""

from __future__ import annotations

import itertools
import re
from textwrap import dedent

import pytest
from hypothesis import given, settings, strategies as st

from curation.documents.chunking import chunk_document
from curation.documents.markup.reading import parse
from curation.documents.splitting import CHARACTERS_PER_TOKEN, MOST_TOKENS, TokenCounter
from curation.records.chunk import Chunk
from curation.records.document import Document, Markup
from curation.settings import ChunkSettings
from tests.curation.counting import CharacterCounter, minilm

WORD = st.from_regex(r"[a-z]{1,12}", fullmatch=True)
LINE = st.lists(WORD, min_size=1, max_size=30).map(" ".join)


def chunks_of(
    text: str,
    max_tokens: int = 64,
    counter: TokenCounter | None = None,
    markup: Markup = "markdown",
    overlap: int = 0,
) -> list[Chunk]:
    document = Document(
        id=Document.make_id("a.md", text),
        source="folder:/x",
        path="a.md",
        markup=markup,
        title="A",
        text=text,
    )
    return chunk_document(
        document, counter or minilm(), ChunkSettings(max_tokens=max_tokens, overlap=overlap)
    )


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def stands_in(text: str, bodies: list[str]) -> bool:
    """Whether the letters of ``text`` stand in ``bodies`` in order, other letters between them or not.

    Equal pieces of one document are one chunk (two ends of endless words may be equal): a body counts again
    wherever it comes next.
    """
    reached = {0}
    for number, body in enumerate(bodies):
        open_ends = list(reached)
        while open_ends:
            at = open_ends.pop()
            for earlier in bodies[:number]:
                if earlier and text.startswith(earlier, at) and at + len(earlier) not in reached:
                    reached.add(at + len(earlier))
                    open_ends.append(at + len(earlier))
        reached = {_matched(text, at, body) for at in reached}
    rest = {text[at:] for at in reached}
    return any(not left or left in bodies for left in rest)


def _matched(text: str, at: int, body: str) -> int:
    for letter in body:
        if at < len(text) and text[at] == letter:
            at += 1
    return at


def test_the_comparison_notices_a_lost_letter() -> None:
    assert stands_in("abcabxy", ["ab", "Hc", "xy"])
    assert stands_in("abcxyab", ["ab", "Hc", "xy"])
    assert not stands_in("abcdxy", ["ab", "Hc", "xy"])
    assert not stands_in("abcxyz", ["ab", "Hc", "xy"])


@st.composite
def markdown(draw: st.DrawFn) -> str:
    """Documents of headings, paragraphs, lists, tables, code (some far too long), and endless words.

    No word occurs twice, so that no two chunks are equal (equal ones are one chunk).
    """
    numbers = itertools.count(1)

    def line(longest: int = 30) -> str:
        return " ".join(f"{draw(WORD)}{next(numbers)}" for _ in range(draw(st.integers(1, longest))))

    parts: list[str] = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["heading", "prose", "long", "code", "list", "table", "word", "cjk"]))
        count = range(draw(st.integers(1, 6)))
        if kind == "heading":
            parts.append("#" * draw(st.integers(1, 4)) + " " + line())
        elif kind == "prose":
            parts.append(". ".join(line() for _ in count))
        elif kind == "long":
            parts.append(" ".join(f"filler{next(numbers)}" for _ in range(200)))
        elif kind == "code":
            parts.append(
                "```python\n" + "\n".join(draw(st.sampled_from(["", line()])) for _ in count) + "\n```"
            )
        elif kind == "list":
            parts.append("\n".join(f"- {line()}" for _ in count))
        elif kind == "table":
            parts.append(
                "\n".join(["| a | b |", "|---|---|", *(f"| {line(9)} | {line(2)} |" for _ in count)])
            )
        elif kind == "word":
            parts.append("".join(f"x{next(numbers)}" for _ in range(150)))
        else:
            parts.append("".join(f"数据{next(numbers)}库。" for _ in range(40)))
    return "\n\n".join(parts)


@pytest.mark.parametrize("counter", [minilm(), CharacterCounter()], ids=["minilm", "characters"])
@given(text=markdown(), limit=st.integers(32, 96))
@settings(max_examples=40, deadline=None)
def test_every_chunk_fits_and_no_word_is_lost(counter: TokenCounter, text: str, limit: int) -> None:
    chunks = chunks_of(text, limit, counter)
    for position, chunk in enumerate(chunks):
        assert chunk.tokens == counter.count(chunk.text) <= limit
        assert chunk.position == position
        assert chunk.id == Chunk.make_id(chunk.path, chunk.section, chunk.text)
        assert chunk.body.strip()
        assert chunk.text in {chunk.body, f"{chunk.text.split(chr(10))[0]}\n\n{chunk.body}"}
    expected = [block.text for section in parse(text, "markdown").sections for block in section.blocks]
    # a word may be cut, and fences and headings may stand between: letters are compared, in order
    assert stands_in("".join(words(" ".join(expected))), ["".join(words(chunk.body)) for chunk in chunks])


@given(
    code=st.lists(LINE, min_size=1, max_size=8),
    before=st.lists(LINE, max_size=6),
    heading=st.lists(WORD, min_size=1, max_size=60),
)
@settings(max_examples=40, deadline=None)
def test_code_that_fits_is_never_split(code: list[str], before: list[str], heading: list[str]) -> None:
    limit = 80
    block = "\n    ".join(code)
    text = f"# {' '.join(heading)}\n\n" + "\n\n".join(before) + f"\n\n```\n{block}\n```\n\nafter\n"
    chunks = chunks_of(text, limit)
    if minilm().count(f"```\n{block}\n```") <= limit:
        assert sum(block in chunk.text for chunk in chunks) >= 1


def test_code_at_the_very_limit_drops_its_heading_but_never_its_fence() -> None:
    code = " ".join(["word"] * 56)
    fenced = f"```\n{code}\n```"
    assert minilm().count(fenced) == 64
    text = "# A heading\n\nintro\n\n{}\n"
    (chunk,) = [chunk for chunk in chunks_of(text.format(fenced)) if "word" in chunk.text]
    assert chunk.text == chunk.body == fenced
    assert chunk.section == ("A heading",)
    longer = [one for one in chunks_of(text.format(f"```\n{code} word\n```")) if "word" in one.text]
    assert len(longer) == 2
    assert all(one.body.startswith("```\n") and one.body.endswith("\n```") for one in longer)


def test_heading_line_and_body() -> None:
    (chunk,) = chunks_of("# Top\n\n## Inner *part*\n\nSome text that is here to stay.\n")
    assert chunk.section == ("Top", "Inner part")
    assert chunk.text == "Top > Inner part\n\nSome text that is here to stay."
    assert chunk.body == "Some text that is here to stay."


def test_a_long_heading_gives_way_from_the_outside() -> None:
    outer, inner = "outer " * 50, "inner part"
    (chunk,) = chunks_of(f"# {outer}\n\n## {inner}\n\ntext stands here\n")
    assert chunk.text == f"{inner}\n\ntext stands here"
    (chunk,) = chunks_of(f"# {'x' * 10} {'word ' * 80}end\n\ntext stands here\n")
    assert chunk.text.endswith("end\n\ntext stands here")
    assert chunk.body == "text stands here"


def test_blocks_of_one_section_share_a_chunk() -> None:
    (chunk,) = chunks_of("# T\n\none\n\n```py\nx\n```\n\n- a\n- b\n")
    assert chunk.text == "T\n\none\n\n```py\nx\n```\n\n- a\n- b"


def test_an_introduction_goes_with_its_code() -> None:
    filler = " ".join(["filler"] * 30)
    code = "\n".join(["call()"] * 6)
    chunks = chunks_of(f"# T\n\n{filler}\n\nLike this:\n\n```\n{code}\n```\n")
    assert [chunk.body for chunk in chunks] == [filler, f"Like this:\n\n```\n{code}\n```"]


def test_introductions_in_a_row_go_with_the_first_part_of_long_code() -> None:
    filler = " ".join(["filler"] * 30)
    code = "\n".join(f"value_{n} = call({n})" for n in range(60))
    chunks = chunks_of(f"# T\n\n{filler}\n\nOn Linux:\n\nrun.sh:\n\n```\n{code}\n```\n")
    assert chunks[0].body == filler
    assert chunks[1].body.startswith("On Linux:\n\nrun.sh:\n\n```\nvalue_0 = call(0)\n")


def test_a_heading_that_tiny_sections_have_in_common_is_said_once() -> None:
    chunks = chunks_of("# T\n\nIntro.\n\n## Pots\n\n### Cup\n\n### Jug\n\n## Kilns\n\nHot.\n")
    assert [chunk.body for chunk in chunks] == ["Intro.\n\n### Pots\n\nCup\n\nJug\n\n### Kilns\n\nHot."]


def test_tiny_sections_share_a_chunk_under_their_common_heading() -> None:
    text = "# Settings\n\n## DEBUG\n\nOn or off.\n\n## DELAY\n\nSeconds.\n\n## Long\n\n" + "long text " * 58
    chunks = chunks_of(text, 128)
    assert chunks[0].section == ("Settings",)
    assert chunks[0].body == "### DEBUG\n\nOn or off.\n\n### DELAY\n\nSeconds."
    assert chunks[1].section == ("Settings", "Long")


def test_long_tables_and_lists_split_between_rows_and_items() -> None:
    rows = "\n".join(f"| name{n} | value of {n} |" for n in range(40))
    for chunk in chunks_of(f"# T\n\n| a | b |\n|---|---|\n{rows}\n"):
        assert all(" | " in line for line in chunk.body.split("\n"))
    items = "\n".join(f"- item {n} is described here" for n in range(40))
    for chunk in chunks_of(f"# T\n\n{items}\n"):
        assert all(line.startswith("- item") for line in chunk.body.split("\n"))


def test_long_code_splits_between_lines_into_fenced_parts() -> None:
    code = "\n".join(f"value_{n} = call({n})" for n in range(60))
    chunks = chunks_of(f"# T\n\n```python\n{code}\n```\n")
    assert len(chunks) > 3
    assert all(chunk.body.startswith("```python\n") and chunk.body.endswith("\n```") for chunk in chunks)
    lines = [line for chunk in chunks for line in chunk.body.split("\n")[1:-1]]
    assert lines == code.split("\n")


def test_prose_splits_between_sentences() -> None:
    text = " ".join(f"Sentence {n} says a thing about it." for n in range(40))
    for chunk in chunks_of(f"# T\n\n{text}\n"):
        assert chunk.body.startswith("Sentence")
        assert chunk.body.endswith("it.")


@pytest.mark.parametrize("unit", ["ab{}", "数{}", "😀{}", "a.b,c;{}", "-{}"])
def test_endless_words_are_cut(unit: str) -> None:
    monster = "".join(unit.format(number) for number in range(4000))
    chunks = chunks_of(f"# T\n\nBegin {monster}\n\nend\n", 256)
    assert all(chunk.tokens <= 256 and len(chunk.text) <= 20_000 for chunk in chunks)
    assert monster in "".join(chunk.body for chunk in chunks)


def test_equal_text_in_one_section_is_one_chunk() -> None:
    long = " ".join(["same"] * 60)
    chunks = chunks_of(f"# T\n\n{long}\n\n{long}\n")
    assert len({chunk.id for chunk in chunks}) == len(chunks)


def test_ids_do_not_depend_on_source_version_or_neighbours() -> None:
    first = chunks_of("# T\n\n## A\n\n" + "alpha " * 50 + "\n\n## B\n\n" + "beta " * 50)
    second = chunks_of("# T\n\n## A\n\nchanged " + "alpha " * 50 + "\n\n## B\n\n" + "beta " * 50)
    assert first[-1].id == second[-1].id
    assert first[0].id != second[0].id


def test_documents_without_text_or_headings() -> None:
    assert chunks_of("") == []
    (chunk,) = chunks_of("just text")
    assert (chunk.section, chunk.text, chunk.body) == ((), "just text", "just text")
    (chunk,) = chunks_of("```\nonly code\n```")
    assert chunk.text == "```\nonly code\n```"
    assert chunks_of("# A\n\n## Leaf one\n\n## Leaf two\n") == []


def test_restructuredtext_is_cut_the_same_way() -> None:
    text = dedent(
        """\
        Title
        =====

        Part
        ----

        Run::

            pip install x
        """
    )
    (chunk,) = chunks_of(text, markup="restructuredtext")
    assert chunk.text == "Title > Part\n\nRun:\n\n```\npip install x\n```"


@pytest.mark.parametrize("markup", ["markdown", "restructuredtext"])
def test_each_part_of_a_long_table_begins_with_its_header(markup: Markup) -> None:
    rows = [(f"E{number}", f"Valve {number} does not close") for number in range(60)]
    if markup == "markdown":
        table = "| Code | Meaning |\n|---|---|\n" + "".join(f"| {code} | {what} |\n" for code, what in rows)
    else:
        cells = "".join(f"   {code}, {what}\n" for code, what in rows)
        table = f".. csv-table::\n   :header: Code, Meaning\n\n{cells}"
    bodies = [chunk.body for chunk in chunks_of(table, 64, markup=markup)]
    assert len(bodies) > 3
    assert all(body.startswith("Code | Meaning\nE") for body in bodies)
    assert "\n".join(body.split("\n", 1)[1] for body in bodies) == "\n".join(map(" | ".join, rows))


def test_sentences_stay_as_they_stand() -> None:
    chinese = "".join(f"本软件需要先安装数据库{number}。" for number in range(40))
    assert "".join(chunk.body for chunk in chunks_of(chinese)) == chinese
    english = " ".join(f'She said "fire it {number} times." Then (later.) it was.' for number in range(20))
    assert " ".join(chunk.body for chunk in chunks_of(english)) == english


def test_a_heading_without_text_is_never_a_chunk() -> None:
    sentence = "One more sentence about clay that fills the chunk."
    full = "\n\n".join([sentence] * 5)
    text = f"# T\n\n## A\n\n{full}\n\n## Empty one\n\n## B\n\n{full}\n\n## Empty two\n"
    chunks = chunks_of(text)
    assert all(sentence in chunk.body for chunk in chunks)
    assert "Empty one" in " ".join(chunk.text for chunk in chunks)
    assert chunks[-1].body.endswith(f"{sentence}\n\nEmpty two")


def test_headings_without_text_are_no_chunk_however_many() -> None:
    for words_before in range(1, 40):
        long = " ".join(f"word{number}" for number in range(words_before))
        for count in range(1, 30, 4):
            headings = "\n\n".join(f"# Heading {number}" for number in range(count))
            for chunk in chunks_of(f"{long}\n\n{headings}", 48):
                assert "word" in chunk.text, (words_before, count)


@given(text=markdown())
@settings(max_examples=30, deadline=None)
def test_every_chunk_has_text_of_a_section(text: str) -> None:
    texts = [block.text for section in parse(text, "markdown").sections for block in section.blocks]
    known = set(words(" ".join(texts)))
    for chunk in chunks_of(text, 48):
        assert known & set(words(chunk.body)) or any(chunk.body in one for one in texts)


@given(text=markdown(), overlap=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_with_an_overlap_every_chunk_fits_and_no_word_is_lost(text: str, overlap: int) -> None:
    plain, counter = chunks_of(text, 64), minilm()
    chunks = chunks_of(text, 64, overlap=overlap)
    assert all(chunk.tokens == counter.count(chunk.text) <= 64 for chunk in chunks)
    for word in words(" ".join(chunk.body for chunk in plain)):
        if len(word) < 20:  # an endless word may be cut elsewhere
            assert any(word in chunk.text for chunk in chunks), word


def test_an_overlap_repeats_the_last_sentences_of_a_section() -> None:
    sentences = [f"Sentence {number} says something about clay." for number in range(30)]
    chunks = chunks_of(f"# T\n\n{' '.join(sentences)}\n\n# U\n\nOther text.\n", overlap=16)
    bodies = [chunk.body.replace("\n\n", " ") for chunk in chunks]
    assert len(bodies) > 3
    for before, after in itertools.pairwise(bodies[:-1]):
        assert re.findall(r"Sentence \d+ says", before)[-1] in after
    assert bodies[-1] == "Other text."  # nothing is carried into another section


@pytest.mark.parametrize(
    ("sentence", "end"),
    [
        ("第{}次烧陶，窑要慢慢冷却，然后我们打开窑门。", "。"),
        ("{}回目の粘土を焼く前に、窯の温度をゆっくり上げてください。", "。"),
        ("ดินเหนียวก้อนที่{}ต้องเผาอย่างช้าแล้วปล่อยให้เย็น ", "็น"),
    ],
    ids=["chinese", "japanese", "thai"],
)
def test_languages_without_spaces_are_cut_at_the_ends_of_sentences(sentence: str, end: str) -> None:
    text = "".join(sentence.format(number) for number in range(40))
    chunks = chunks_of(f"# T\n\n{text}\n", 96, CharacterCounter())
    assert len(chunks) > 3
    assert all(chunk.body.endswith(end) for chunk in chunks)


@pytest.mark.parametrize(
    "phrases",
    [["今日は", "天気が", "とても", "良いので", "公園に", "行きました"], ["วัน", "นี้", "อากาศ", "ดี", "มาก"]],
    ids=["japanese", "thai"],
)
def test_a_sentence_that_is_too_long_is_cut_between_words(phrases: list[str]) -> None:
    long = "".join(phrases) * 6
    bodies = [chunk.body for chunk in chunks_of(f"# T\n\n{long}\n", 40, CharacterCounter())]
    assert len(bodies) > 1
    assert "".join("".join(bodies).split()) == long
    assert all(any(body.endswith(word) for word in phrases) for body in bodies)


def test_a_text_without_end_is_never_counted_as_a_whole() -> None:
    class Watched(CharacterCounter):
        longest = 0

        def count(self, text: str) -> int:
            self.longest = max(self.longest, len(text))
            return super().count(text)

    counter = Watched()
    chunks = chunks_of("word " * 300_000, 256, counter)
    assert sum(chunk.body.count("word") for chunk in chunks) >= 1
    assert counter.longest <= MOST_TOKENS * CHARACTERS_PER_TOKEN
