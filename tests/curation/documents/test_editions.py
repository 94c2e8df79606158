"""One edition of a page is read: not its translations, nor its older versions."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from curation.documents.editions import other_editions

ENGLISH = "# Firing\n\nPut the vessel into the kiln when it is dry, and wait for a whole day.\n"
GERMAN = "# Brennen\n\nStell das Gefäß in den Ofen, wenn es trocken ist, und warte einen ganzen Tag lang.\n"
FRENCH = "# Cuisson\n\nMettez le récipient dans le four quand il est sec, et attendez toute une journée.\n"
NAMES = ("index", "install", "guide/glazes", "guide/fire")


def pages(pattern: str, text: str, names: tuple[str, ...] = NAMES) -> dict[str, str]:
    return {pattern.format(name): f"{text}\n{name}\n" for name in names}


@pytest.mark.parametrize(
    ("main", "other"),
    [
        ("docs/{}.md", "docs/de/{}.md"),
        ("docs/en/docs/{}.md", "docs/de/docs/{}.md"),
        ("content/en-US/{}.md", "content/de/{}.md"),
        ("docs/{}.md", "docs/{}.de.md"),
        ("site/docs/{}.mdx", "site/i18n/de/docusaurus-plugin-content-docs/current/{}.mdx"),
    ],
)
def test_translations_are_passed_over(main: str, other: str) -> None:
    english, german = pages(main, ENGLISH), pages(other, GERMAN)
    only_german = {other.format("impressum"): GERMAN}
    found = other_editions({**german, **english, **only_german})
    assert set(found) == set(german)
    assert found[other.format("install")] == f"a translation (de) of {main.format('install')}"


def test_without_english_the_largest_edition_is_read() -> None:
    german, french = pages("docs/de/{}.md", GERMAN), pages("docs/fr/{}.md", FRENCH, NAMES[:3])
    assert set(other_editions({**french, **german})) == set(french)


def test_a_few_pages_beside_the_folders_of_languages_are_not_the_documentation() -> None:
    english, german = pages("docs/en/{}.md", ENGLISH), pages("docs/de/{}.md", GERMAN)
    beside = {"docs/index.md": GERMAN}
    assert set(other_editions({**german, **english, **beside})) == set(german)


def test_folders_that_only_look_like_languages_are_read() -> None:
    assert not other_editions(pages("docs/js/{}.md", ENGLISH) | pages("docs/py/{}.md", ENGLISH))
    assert not other_editions(pages("docs/de/{}.md", GERMAN))
    assert not other_editions({"docs/index.md": ENGLISH, "docs/de/index.md": GERMAN})


def test_older_versions_are_passed_over_where_there_are_newer_ones() -> None:
    older = pages("site/versioned_docs/version-1.x/{}.md", ENGLISH)
    assert not other_editions(older)
    found = other_editions(pages("site/docs/{}.md", ENGLISH) | older)
    assert set(found.values()) == {"an older version (1.x) of the pages in site/docs"}
    assert set(found) == set(older)
    both = pages("site/i18n/de/docusaurus-plugin-content-docs/version-1.x/{}.md", GERMAN)
    assert set(other_editions(pages("site/docs/{}.md", ENGLISH) | both)) == set(both)


_PARTS = st.sampled_from(["de", "en", "docs", "a", "1", ".", "..", "", "i18n", "versioned_docs", "version-1"])


@given(st.sets(st.lists(_PARTS, min_size=1, max_size=5).map("/".join) | st.text(max_size=9), max_size=12))
def test_any_paths_leave_every_page_or_one_like_it(paths: set[str]) -> None:
    found = other_editions(dict.fromkeys(paths, ENGLISH))
    assert found.keys() <= paths and (found.keys() != paths or not paths)
