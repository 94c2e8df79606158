"""Release notes come after other pages, unless somebody asks about releases."""

from __future__ import annotations

import pytest

from curation import Chunk, is_surely_release_note
from serving.retrieval.index import Hit, IndexedQuestion
from serving.retrieval.release_notes import asks_about_releases, has_release_notes, release_notes_later


def hit(
    path: str, *section: str, score: float, asked: IndexedQuestion | None = None, body: str = "Proxies."
) -> Hit:
    text = f"{' > '.join(section)}\n\n{body}"
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
    return Hit(chunk=chunk, score=score, near=0.4, asked=asked)


@pytest.mark.parametrize(
    ("path", "section", "is_one"),
    [
        ("news.rst", ("Release notes", "Kiln 2.1 (2025-02-01)", "New features"), True),
        ("changes.rst", ("Changes", "Version 3.0.1"), True),
        ("releases/5.2.txt", ("Kiln 5.2 release notes", "Bugfixes"), True),
        ("about/whats-new.md", ("What’s new", "2025-02-01"), True),
        ("reference/all.md", ("Changelog", "v1.4.0"), True),
        ("history.md", ("The History API", "Going back"), False),
        ("install.md", ("Installing", "Installing on Ubuntu 22.04"), False),
        ("upgrade.md", ("Moving to Kiln 2.0", "Settings"), False),
        ("news.rst", (), False),
    ],
)
def test_what_is_surely_a_release_note(path: str, section: tuple[str, ...], is_one: bool) -> None:
    assert is_surely_release_note(hit(path, *section, score=0).chunk) is is_one


def test_short_sections_that_share_a_chunk_may_name_the_version() -> None:
    body = "### Version 3.0.1\n\nProxies can be set.\n\n### Version 3.0.0\n\nProxies."
    assert is_surely_release_note(hit("changes.rst", "Changes", score=0, body=body).chunk)
    assert not is_surely_release_note(hit("changes.rst", "Changes", score=0).chunk)


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("what's new in the last release?", True),
        ("when was Kiln.fire() deprecated", True),
        ("does it run with 3.12?", True),
        ("How do I set a proxy?", False),
        ("how do I add a new kiln and save my changes", False),
    ],
)
def test_what_asks_about_releases(question: str, asks: bool) -> None:
    assert asks_about_releases(question) is asks


def test_a_release_note_comes_after_what_is_nearly_as_near() -> None:
    note = hit("news.rst", "Release notes", "Kiln 2.1", score=0.5)
    page, far = hit("proxies.rst", "Proxies", score=0.45), hit("fire.rst", "Fire", score=0.2)
    assert has_release_notes([note, page]) and not has_release_notes([page, far])
    later = release_notes_later([note, page, far])
    assert [one.chunk.path for one in later] == ["proxies.rst", "news.rst", "fire.rst"]


def test_one_that_somebody_named_as_the_source_stays_first() -> None:
    asked = IndexedQuestion(text="Proxies?", chunk_id="c", dataset="conversations", record_id="r")
    note = hit("news.rst", "Release notes", "Kiln 2.1", score=0.5, asked=asked)
    page = hit("proxies.rst", "Proxies", score=0.45)
    assert not has_release_notes([note, page])
    assert release_notes_later([note, page]) == [note, page]
