"""Files that pages include: found within the source, in the parts that options choose, never without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.documents.markup.page import MOST_DEEP, Page
from curation.documents.markup.reading import markup_of, parse
from curation.documents.sources.kinds import open_source
from curation.settings import ChunkSettings

NOWHERE = Path("/nowhere")
CODE = '''"""Kilns."""

import clay


# start-of-it
class Kiln:
    @property
    def heat(self):
        return 900

    def fire(self):
        return clay
# end-of-it
'''


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "parts").mkdir(parents=True)
    (folder / "code").mkdir()
    (folder / "parts" / "shared.md").write_text(
        "---\ntitle: Shared\n---\nintro\n\n"
        "<!-- --8<-- [start:warm] -->\nWarm **words**.\n<!-- --8<-- [end:warm] -->\n\nrest\n"
    )
    (folder / "parts" / "shared.rst").write_text("Shared\n------\n\nSee :ref:`x <y>`.\n\n.. cut\n\nMore.\n")
    (folder / "code" / "kiln.py").write_text(CODE)
    (folder / "code" / "kiln.js").write_text("cold()\n// #region warm\nwarm()\n// #endregion warm\ncold()\n")
    (tmp_path / "secret.md").write_text("secret words")
    return folder


def read(folder: Path, name: str, text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The blocks of a page with ``text``, and what it could not include and why."""
    page_file = folder / name
    page_file.parent.mkdir(parents=True, exist_ok=True)
    page_file.write_text(text)
    markup = markup_of(name)
    assert markup
    page = Page(name, open_source(str(folder), ChunkSettings(), NOWHERE))
    parsed = parse(text, markup, page)
    blocks = [block.rendered for section in parsed.sections for block in section.blocks]
    return blocks, [(notice.name, notice.reason) for notice in page.missing]


def test_a_changelog_that_imports_the_older_ones_has_its_own_words_only(docs: Path) -> None:
    """As sqlalchemy's do, each with all before it: reading them would double with every release."""
    for number in range(8):
        older = "".join(
            f".. changelog_imports::\n\n    .. include:: log_{older:02}.rst\n        :start-line: 2\n\n"
            for older in range(number)
        )
        (docs / f"log_{number:02}.rst").write_text(
            f"Log {number}\n=====\n\n{older}.. changelog::\n    :version: 1\n\n    Words of {number}.\n"
        )
    blocks, missing = read(docs, "log_07.rst", (docs / "log_07.rst").read_text())
    assert [block for block in blocks if "Words" in block] == ["Words of 7."]
    assert not missing


SHARED = ["intro", "Warm words.", "rest"]
IMPORT = "```python\nimport clay\n```"
FIRE = "```python\ndef fire(self):\n    return clay\n```"


@pytest.mark.parametrize(
    ("name", "line", "blocks"),
    [
        ("a.md", "```{include} parts/shared.md\n```", SHARED),
        ("a.md", '--8<-- "parts/shared.md"', SHARED),
        ("a.md", '--8<-- "parts/shared.md:warm"', ["Warm words."]),
        ("a.md", "--8<--\nparts/shared.md\n--8<--", SHARED),
        ("a.md", "{! parts/shared.md !}", SHARED),
        ("a.md", "{{#include parts/shared.md:4}}", ["intro"]),
        ("a.md", "<!--@include: ./parts/shared.md-->", SHARED),
        ("a.md", '{% include-markdown "parts/shared.md" start="-->" end="<!--" %}', ["Warm words."]),
        (
            "a.md",
            '{%\n  include-markdown "parts/shared.md"\n  start="-->"\n  end="<!--"\n%}',
            ["Warm words."],
        ),
        ("a.mdx", "import Part from './parts/shared.md';\n\n<Part kind='x' />", SHARED),
        ("sub/a.mdx", "import P from '@site/parts/shared.md';\n\n<P />", SHARED),
        ("a.md", "{{< include parts/shared.md >}}", SHARED),
        ("sub/a.md", '{{% readfile file="/site/docs/parts/shared.md" %}}', SHARED),
        ("a.md", "```{literalinclude} code/kiln.py\n:lines: 3\n:language: python\n```", [IMPORT]),
        ("a.md", "{* code/kiln.py ln[3:3] hl[1] *}", [IMPORT]),
        ("a.md", "<<< @/code/kiln.js#warm{3}", ["```javascript\nwarm()\n```"]),
        ("a.md", '```python\n--8<-- "code/kiln.py:3:3"\n```', [IMPORT]),
        ("a.md", "```{include} parts/shared.rst\n```", ["See x.", "More."]),
        ("a.rst", ".. include:: parts/shared.rst", ["See x.", "More."]),
        ("a.rst", ".. include:: parts/shared.rst\n   :end-before: .. cut\n   :start-line: 2", ["See x."]),
        ("a.rst", ".. include:: /parts/shared.rst\n   :start-line: 3", ["See x.", "More."]),
        ("a.rst", ".. include:: parts/shared.md\n   :parser: myst_parser.sphinx_", SHARED),
        ("a.rst", ".. literalinclude:: code/kiln.py\n   :pyobject: Kiln.fire", [FIRE]),
        ("a.rst", ".. literalinclude:: code/kiln.py\n   :lines: 3,1-0", [IMPORT]),
        ("a.rst", ".. literalinclude:: code/kiln.py\n   :start-at: def fire\n   :end-before: # end", [FIRE]),
        (
            "sub/a.rst",
            ".. note::\n\n   .. include:: ../parts/shared.rst\n      :start-line: 6",
            ["Note: More."],
        ),
    ],
)
def test_a_page_has_the_text_that_it_includes(docs: Path, name: str, line: str, blocks: list[str]) -> None:
    assert read(docs, name, f"{line}\n") == (blocks, [])


@pytest.mark.parametrize(
    ("name", "line", "target", "reason"),
    [
        ("a.rst", ".. include:: ../secret.md", "../secret.md", "it lies outside the source"),
        ("a.rst", ".. literalinclude:: /../../etc/passwd", "/../../etc/passwd", "it lies outside the source"),
        ("a.md", '--8<-- "../secret.md"', "../secret.md", "it lies outside the source"),
        ("a.md", "```{include} link.md\n```", "link.md", "it lies outside the source"),
        (
            "a.md",
            '--8<-- "https://example.org/x.md"',
            "https://example.org/x.md",
            "not a file of this source",
        ),
        ("a.rst", ".. include:: none.rst", "none.rst", "not found"),
        ("a.rst", ".. include:: latin.rst", "latin.rst", "not UTF-8"),
        ("a.rst", ".. literalinclude:: code/kiln.py\n   :pyobject: Pot", "code/kiln.py", "no Pot"),
        (
            "a.rst",
            ".. include:: parts/shared.rst\n   :start-after: nowhere",
            "parts/shared.rst",
            "no line with 'nowhere'",
        ),
    ],
)
def test_what_is_not_included_is_told(docs: Path, name: str, line: str, target: str, reason: str) -> None:
    (docs / "link.md").symlink_to(docs.parent / "secret.md")
    (docs / "latin.rst").write_bytes("café".encode("latin-1"))
    blocks, missing = read(docs, name, f"before\n\n{line}\n\nafter\n")
    assert (blocks, missing) == (["before", "after"], [(target, reason)])


def test_loops_and_depth_end(docs: Path) -> None:
    (docs / "b.rst").write_text("b\n\n.. include:: a.rst\n")
    blocks, missing = read(docs, "a.rst", "a\n\n.. include:: b.rst\n\n.. include:: a.rst\n\nend\n")
    assert blocks == ["a", "b", "end"]
    assert missing == [("a.rst", "it includes itself")] * 2
    for number in range(20):
        (docs / f"m{number}.md").write_text(f'm{number}\n\n--8<-- "m{number + 1}.md"\n')
    blocks, missing = read(docs, "deep.md", '--8<-- "m0.md"\n')
    assert len(blocks) == MOST_DEEP
    assert missing == [(f"m{MOST_DEEP}.md", f"more than {MOST_DEEP} files deep")]


def test_what_doubles_with_each_level_is_bounded(docs: Path) -> None:
    for number in range(8):
        twice = f".. include:: d{number + 1}.rst\n\n" * 6
        (docs / f"d{number}.rst").write_text(f"{twice}\nword{number}\n")
    blocks, missing = read(docs, "many.rst", ".. include:: d0.rst\n")
    assert len(blocks) < 600
    assert missing[-1][1] == "more than 500 includes in a page"


def test_a_page_may_include_a_part_of_itself(docs: Path) -> None:
    own = ".. include:: a.rst\n   :start-after: begin\n   :end-before: .. end\n"
    assert read(docs, "a.rst", f"one\n\n.. begin\n\ntwo\n\n.. end\n\n{own}") == (["one", "two", "two"], [])


def test_the_headings_of_an_included_file_are_the_pages(docs: Path) -> None:
    (docs / "b.rst").write_text("Below\n-----\n\ntext\n")
    (docs / "b.md").write_text("## Below\n\ntext\n")
    for markup, source in (
        ("restructuredtext", "Top\n===\n\n.. include:: b.rst\n"),
        ("markdown", '# Top\n\n--8<-- "b.md"\n'),
    ):
        page = Page("a", open_source(str(docs), ChunkSettings(), NOWHERE))
        parsed = parse(source, markup, page)  # type: ignore[arg-type]
        assert [section.path for section in parsed.sections if section.blocks] == [("Top", "Below")]
        assert parsed.sections[-1].blocks[0].line <= source.count("\n")
