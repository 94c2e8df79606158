"""Names in a question are meant to the letter."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from curation import Chunk
from serving.retrieval.index import Hit
from serving.retrieval.named import CANDIDATES, by_names, names_in


def hit(heading: str, body: str, score: float) -> Hit:
    section = ("Settings", heading)
    text = f"Settings > {heading}\n\n{body}"
    path = "settings.md"
    chunk = Chunk(
        id=Chunk.make_id(path, section, text),
        document_id=path,
        source="folder:/docs",
        path=path,
        section=section,
        text=text,
        tokens=20,
        position=0,
    )
    return Hit(chunk=chunk, score=score, near=0.4)


OTHERS = [hit(f"Something else {number}", "Nothing of that.", 0.3 - number / 100) for number in range(20)]


def found(question: str, *hits: Hit) -> list[str]:
    """The headings, best first, without those of ``OTHERS``."""
    ordered = by_names(question, names_in(question), [*hits, *OTHERS])
    return [one.chunk.section[-1] for one in ordered if not one.chunk.section[-1].startswith("Something")]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("what does DOWNLOAD_DELAY do?", ["download_delay"]),
        ("download_delay is ignored.", ["download_delay"]),
        ("Is `delay()` awaited?", ["delay"]),
        ("how do I use response.follow, or ItemLoader?", ["response.follow", "itemloader"]),
        ("scrapy parse --callback -v", ["--callback"]),
        ("__init__ and _private", ["__init__", "_private"]),
        ("ItemLoader, ItemLoader()", ["itemloader"]),
        ("How do I log in? I waited. e-mail, e.g. i.e. a.b", []),
        ("Why is it slow...and how", []),
        ("KeyError: 'name', it's the 'whole file' that isn't read", ["keyerror", "name"]),
        ("what's new in 3.1, or 2.0.4? I have 12.", ["3.1", "2.0.4"]),
        ("what is `()` or '()'?", []),
        ("127.0.0.1:8000 speaks HTTP/1.1", []),
        ("", []),
    ],
)
def test_what_counts_as_a_name(question: str, names: list[str]) -> None:
    assert names_in(question) == names


def test_the_section_of_that_name_comes_before_what_is_nearer() -> None:
    wrong = hit("DOWNLOAD_TIMEOUT", "How long to wait for a page.", 0.6)
    longer = hit("DOWNLOAD_DELAY_JITTER", "Scatters DOWNLOAD_DELAY.", 0.4)
    right = hit("The DOWNLOAD_DELAY setting", "How long to wait between two pages.", 0.4)
    assert found("what does download_delay do?", wrong, longer, right) == [
        "The DOWNLOAD_DELAY setting",
        "DOWNLOAD_TIMEOUT",
        "DOWNLOAD_DELAY_JITTER",
    ]
    assert found("how long to wait?", wrong, longer, right)[0] == "DOWNLOAD_TIMEOUT"


def test_a_line_of_its_own_defines_a_name_and_code_does_not() -> None:
    listed = hit("Spider", "class Spider\n\nSpider.custom_settings(name)\n\nA dictionary.", 0.4)
    code = hit("Example", "```\ncustom_settings\n```", 0.45)
    assert found("custom_settings", code, listed) == ["Spider", "Example"]


def test_a_version_is_its_releases_and_no_part_of_another() -> None:
    other, old = hit("Version 2.3.0", "Drops Python 3.10.", 0.5), hit("Version 0.3.1", "Fixes it.", 0.4)
    right = hit("Version 3.1.2", "Nothing new.", 0.3)
    assert found("what's new in 3.1?", other, old, right) == [
        "Version 3.1.2",
        "Version 2.3.0",
        "Version 0.3.1",
    ]


def test_what_a_message_quotes_is_meant_to_the_letter() -> None:
    near = hit("Importing", "What cannot be imported from the package.", 0.5)
    right = hit("Version 2", "The escape function is gone.", 0.45)
    assert found("ImportError: cannot import name 'escape'", near, right)[0] == "Version 2"


def test_in_a_long_question_a_name_counts_less_and_one_that_is_everywhere_nothing() -> None:
    named, near = hit("manage.py", "Runs things.", 0.3), hit("Tests", "How tests are run.", 0.6)
    long = (
        "when I run my tests on our new server with manage.py I see that none is found at all, why is that so"
    )
    assert found("manage.py", near, named) == ["manage.py", "Tests"]
    assert found(long, near, named) == ["Tests", "manage.py"]
    everywhere = [hit(f"Page {number}", "Call manage.py first.", 0.2) for number in range(200)]
    ordered = by_names("manage.py", ["manage.py"], [near, *everywhere[:50], named, *everywhere[50:]])
    assert ordered[0] == near


@given(st.text(max_size=200), st.lists(st.floats(-1, 1), max_size=CANDIDATES + 20))
def test_any_question_keeps_all_hits(question: str, scores: list[float]) -> None:
    hits = [
        hit(f"Page {number}", question, score) for number, score in enumerate(sorted(scores, reverse=True))
    ]
    names = names_in(question)
    ordered = by_names(question or "?", names, hits)
    assert sorted(one.chunk.id for one in ordered) == sorted(one.chunk.id for one in hits)
    assert names or ordered == hits
