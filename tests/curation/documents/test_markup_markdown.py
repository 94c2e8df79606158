"""Markdown and its dialects to sections of blocks."""

from __future__ import annotations

import pytest

from curation.documents.markup.blocks import Block
from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse


def blocks(text: str) -> list[Block]:
    return [block for section in parse(text, "markdown").sections for block in section.blocks]


def texts(text: str) -> list[str]:
    return [block.text for block in blocks(text)]


def test_sections_have_paths_and_lines() -> None:
    parsed = parse("# A\n\nintro\n\n## B\n\ntext b\n\n### C\n\ntext c\n\nD\n-\n\ntext d\n", "markdown")
    assert parsed.title == "A"
    assert [(section.path, section.line) for section in parsed.sections] == [
        (("A",), 1),
        (("A", "B"), 5),
        (("A", "B", "C"), 9),
        (("A", "D"), 13),
    ]
    assert parsed.sections[2].blocks == [Block("prose", "text c", 11)]


@pytest.mark.parametrize(
    ("path", "text", "titles"),
    [
        ("guide/max-heat.md", "Text.\n\n## Example\n\nMore.", ["max heat", "max heat > Example"]),
        ("guide/max_heat.mdx", "## Use\n\na\n\n## Limits\n\nb", ["max heat > Use", "max heat > Limits"]),
        ("kilnLid.ipynb", "No heading at all.", ["kilnLid"]),
        ("lids/index.md", "No heading.", ["lids"]),
        ("a.md", "## The only one\n\na\n\n### Part\n\nb", ["The only one", "The only one > Part"]),
        ("a.md", "![](badge.svg) Shown above.\n\n# Kiln\n\na", ["Kiln", "Kiln"]),
        ("a.md", "---\ntitle: Given\n---\n## Use\n\na\n\n## Limits\n\nb", ["Given > Use", "Given > Limits"]),
        ("kiln.md", "Text.\n\n## Kiln\n\na", ["Kiln", "Kiln"]),
        ("a.rst", "No heading at all.", ["a"]),
        ("oauth2.md", "No heading.", ["oauth2"]),
        ("docs/1-intro.md", "## Use\n\na\n\n## Limits\n\nb", ["1 intro > Use", "1 intro > Limits"]),
        ("docs/v2/index.md", "No heading.", ["v2"]),
        ("faq/faq-014.rst", "No heading.", [""]),
        ("institutional-faq-002.md", "No heading.", [""]),
        ("posts/7.md", "No heading.", [""]),
        (
            "README.md",
            '<h1 align="center">Kiln</h1>\n\n## Use\n\na\n\n## Limits\n\nb',
            ["Use", "Use", "Limits"],
        ),
        ("index.rst", "No heading.", [""]),
    ],
)
def test_a_page_without_a_title_goes_by_its_name(path: str, text: str, titles: list[str]) -> None:
    parsed = parse(text, "restructuredtext" if path.endswith(".rst") else "markdown", Page(path))
    assert [" > ".join(section.path) for section in parsed.sections if section.blocks] == titles
    assert parsed.title == titles[0].partition(" > ")[0]


def test_code_is_verbatim_and_remembers_its_language() -> None:
    code = "def f(x):\n\tif x:  # tab\n\n        return '<b>' + \"*a*\" \\\n"
    for text in (f"```python\n{code}```\n", f"~~~~ {{.python}}\n{code}~~~~\n"):
        (block,) = blocks(text)
        assert (block.kind, block.text, block.language) == ("code", code.rstrip("\n"), "python")
    (block,) = blocks("    indented\n\n        more\n")
    assert (block.kind, block.text) == ("code", "indented\n\n    more")


def test_code_with_fences_gets_a_longer_fence() -> None:
    (block,) = blocks("````md\n```python\nx\n```\n````\n")
    assert block.rendered == "````md\n```python\nx\n```\n````"


def test_an_unclosed_fence_takes_the_rest() -> None:
    assert [block.kind for block in blocks("text\n\n```\ncode\n\n# not a heading\n")] == ["prose", "code"]


def test_inline_markup_becomes_text() -> None:
    source = (
        "See **the** [guide](https://e.x/y?z=1) and [`Step`][pkg.Step], "
        "![logo](data:image/png;base64,AAAA) or\n"
        "`a[0][1]` &amp; <b>bold</b> *em* :material-star: text[^1]."
    )
    assert texts(source) == ["See the guide and `Step`, logo or `a[0][1]` & bold em text[1]."]


def test_html_is_read_for_its_words() -> None:
    source = (
        "<!-- secret -->\n<div align='center'>\n<h2>Fast &amp; small</h2><script>x()</script>\n"
        "<p>Really, <your-name>: <code>kiln</code></p></div>\n\n<tr><td>a</td><td>b</td></tr>\n\n"
        "- x\n  <pre>\n    one\n      two\n  </pre>\n"
    )
    assert [block.rendered for block in blocks(source)] == [
        *("Fast & small", "Really, <your-name>: `kiln`", "a | b", "- x", "```\none\n  two\n```")
    ]


def test_front_matter_gives_the_title_and_description() -> None:
    parsed = parse(
        '---\ntitle: "Install"\ndescription: How to get it.\ntags: [a]\n---\n\n## Linux\n\napt\n', "markdown"
    )
    assert parsed.title == "Install"
    assert [section.path for section in parsed.sections] == [("Install",), ("Install", "Linux")]
    assert parsed.sections[0].blocks[0].text == "How to get it."
    assert parsed.sections[1].line == 7


def test_admonitions_and_tabs_of_mkdocs() -> None:
    source = (
        '!!! warning "Careful"\n    Do not.\n\n    ```bash\n    rm -rf x\n    ```\n\n'
        '=== "Linux"\n\n    apt\n\n=== "Mac"\n\n    brew\n\n'
        '??? note\n    hidden\n\n!!! faq "Why?"\n    So.\n\nafter\n'
    )
    found = blocks(source)
    assert [(block.kind, block.text) for block in found] == [
        ("prose", "Careful: Do not."),
        ("code", "rm -rf x"),
        ("prose", "Linux: apt"),
        ("prose", "Mac: brew"),
        ("prose", "Note: hidden"),
        ("prose", "Why? So."),
        ("prose", "after"),
    ]
    assert found[1].line == 4


def test_a_fence_keeps_what_looks_like_an_admonition() -> None:
    assert texts("```\n!!! note\n    x\n::: y\n```\n") == ["!!! note\n    x\n::: y"]


def test_lists_keep_markers_nesting_and_code() -> None:
    source = "3. one\n4. two\n   - deep\n\n   ```sh\n   ls\n   ```\n\n- tail\n"
    assert [(block.kind, block.text) for block in blocks(source)] == [
        ("list", "3. one"),
        ("list", "4. two"),
        ("list", "   - deep"),
        ("code", "ls"),
        ("list", "- tail"),
    ]


def test_tables_are_rows() -> None:
    assert texts("| a | b |\n|---|:-:|\n| `x` | [y](z) |\n") == ["a | b\n`x` | y"]


def test_pipes_in_code_part_no_cells() -> None:
    rows = "| a | b | c |\n|---|---|---|\n| `x` | `int | None` | hot |\n| ` | ` | d |\n"
    assert texts(rows) == ["a | b | c\n`x` | `int | None` | hot\n` | ` | d"]
    assert texts("> | `a|b` | c |\n> |-|-|\n> | d | ``e|`f`` |\n") == ["`a|b` | c\nd | `` e|`f ``"]
    assert texts("| a | b |\n|---|---|\n| `x \\| y` | z |\n") == ["a | b\n`x | y` | z"]


def test_what_front_matter_says_below_the_title() -> None:
    front = "---\nsubtitle: Hot\ndescription: All of it.\nparts:\n  abstract: |\n    In\n    short.\n---\n"
    assert texts(front + "Text.") == ["Hot", "All of it.", "In short.", "Text."]


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "\n\n",
        "---\n",
        "---\ntitle: x\n",
        "#\n##\n# #\n",
        "> " * 500 + "deep",
        "- " * 500 + "deep",
        "[" * 3000,
        "*" * 3000 + "a",
        "<!--",
        "<![CDATA[ x",
        "<div <div",
        "```{",
        "```{}\n",
        ":::\n:::: \n:::{",
        '=== "',
        "\x00\x0b\x0c\u2028",
        "| a |\n|",
        "&#x110000; &#0;",
        "\\",
    ],
)
def test_odd_markdown_never_raises(odd: str) -> None:
    parse(odd, "markdown")
