"""reStructuredText and Sphinx's additions to sections of blocks."""

from __future__ import annotations

from textwrap import dedent

import pytest

from curation.documents.markup.blocks import Block
from curation.documents.markup.page import Page
from curation.documents.markup.reading import looks_like_restructuredtext, markup_of, parse


def blocks(text: str) -> list[Block]:
    return [block for section in parse(text, "restructuredtext").sections for block in section.blocks]


def pairs(text: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks(dedent(text))]


def test_sections_by_order_of_adornment() -> None:
    text = "=====\nTitle\n=====\n\nintro\n\nA\n=\n\na\n\nB b\n---\n\nb\n\nC\n=\n\n----\n\nc\n"
    parsed = parse(text, "restructuredtext")
    assert parsed.title == "Title"
    assert [(section.path, section.line) for section in parsed.sections] == [
        (("Title",), 2),
        (("Title", "A"), 7),
        (("Title", "A", "B b"), 12),
        (("Title", "C"), 17),
    ]
    assert parsed.sections[3].blocks == [Block("prose", "c", 22)]


def test_names_without_a_role_and_lists_of_numbers() -> None:
    source = "Ask `.Kiln.fire` and `~clay.Kiln`, not `.gitignore`, in :issue:`12, 14`."
    assert pairs(source) == [("prose", "Ask `Kiln.fire` and `Kiln`, not `.gitignore`, in issue 12, 14.")]


def test_code_stays_code_in_a_directive_that_nobody_knows() -> None:
    source = """
    .. kiln:example::

        @kiln.command()
        def fire(cone):
            heat(cone)

    .. kiln:run::

        invoke(fire, args=['--cone', '6'])
        println()

    .. kiln:example:: In words

        Fire it twice,
        then (and only then) glaze it.
    """
    assert pairs(source) == [
        ("code", "@kiln.command()\ndef fire(cone):\n    heat(cone)"),
        ("code", "invoke(fire, args=['--cone', '6'])\nprintln()"),
        ("prose", "In words: Fire it twice, then (and only then) glaze it."),
    ]


def test_a_gallery_is_a_list_of_pages() -> None:
    page = Page("a.rst")
    source = "Before.\n\n.. nbgallery::\n   :caption: Pots\n\n   pots/one\n   pots/two\n"
    parsed = parse(source, "restructuredtext", page)
    assert [block.text for section in parsed.sections for block in section.blocks] == ["Before."]
    assert page.listed == ["pots/one", "pots/two"]


def test_wide_characters_count_as_two_columns() -> None:
    assert parse("数据库\n======\n\n文\n", "restructuredtext").title == "数据库"


def test_literal_blocks_and_code_directives() -> None:
    source = """\
        Write::

            x = 1

              y = 2

        Or ::

            z
        then

        .. code-block:: python
           :caption: app.py
           :linenos:

           def f():
               return "``a``"

        >>> 1 + 1
        2
        """
    assert pairs(source) == [
        ("prose", "Write:"),
        ("code", "x = 1\n\n  y = 2"),
        ("prose", "Or"),
        ("code", "z"),
        ("prose", "then"),
        ("prose", "app.py:"),
        ("code", 'def f():\n    return "``a``"'),
        ("code", ">>> 1 + 1\n2"),
    ]
    assert blocks(dedent(source))[6].line == 16


def test_comments_targets_and_navigation_disappear() -> None:
    source = """\
        .. _target:
        .. _link: https://example.org
        .. a comment
           of two lines
        .. toctree::
           :maxdepth: 2

           a
           b
        .. index:: x
        .. image:: x.png
           :alt: A picture
        :orphan:

        text
        """
    assert pairs(source) == [("prose", "A picture"), ("prose", "text")]


def test_directives_that_are_read() -> None:
    source = """\
        .. note:: First
           second.

        .. versionadded:: 1.2

           The thing.

        .. deprecated:: 2.0

        .. py:function:: f(a, *args, **kwargs)
                         g(b)
           :module: m

           Does *it*. See :func:`~m.g` and :ref:`the page <page>`.

           :param a: the first
           :returns: nothing

        .. unknown-thing:: argument
           :option: x

           Content.

        .. only:: html

           Shown.
        """
    assert pairs(source) == [
        ("prose", "Note: First second."),
        ("prose", "Added in version 1.2: The thing."),
        ("prose", "Deprecated since version 2.0"),
        ("directive", "f(a, *args, **kwargs)\ng(b)"),
        ("prose", "Does it. See `g` and the page."),
        ("prose", "Parameters:"),
        ("prose", "a: the first"),
        ("prose", "Returns: nothing"),
        ("directive", "argument"),
        ("prose", "Content."),
        ("prose", "Shown."),
    ]


def test_inline_markup_becomes_text() -> None:
    source = (
        "A **b** *c* ``d *e*`` `f <https://g>`_ h_ :meth:`.i` `j`_ [1]_ |k| :doc:`/l/m` "
        "*args and **kw \\*n\\* o_p _q.\n\n"
        ".. |k| replace:: K\n"
    )
    assert [block.text for block in blocks(source)] == [
        "A b c `d *e*` f h `i` j [1] K m *args and **kw *n* o_p _q."
    ]


def test_lists_definitions_fields_and_line_blocks() -> None:
    source = """\
        * one
          more
        * two

          * deep::

              code

        #. first
        #. second

        term
            definition

        | a line
        | another

        e.g. not a list.
        """
    assert pairs(source) == [
        ("list", "- one more"),
        ("list", "- two"),
        ("list", "  - deep:"),
        ("code", "code"),
        ("list", "1. first"),
        ("list", "2. second"),
        ("prose", "term"),
        ("prose", "definition"),
        ("prose", "a line\nanother"),
        ("prose", "e.g. not a list."),
    ]


def test_cells_that_reach_over_columns_and_rows_keep_the_names_of_their_columns() -> None:
    source = """\
    +------+------+------+
    | One  | Two  | Six  |
    +======+======+======+
    | over both   | c::  |
    +------+------+      |
    | a    | b    |  x   |
    +------+------+------+
    | d    | e    | f    |
    +------+------+------+
    """
    cells = ["One: over both", "Six: c:", "x", "One: a", "Two: b", "One: d", "Two: e", "Six: f"]
    assert [text for _, text in pairs(source)] == cells


def test_the_rules_of_a_card_and_options_of_what_is_described() -> None:
    card = """\
    .. grid-item-card:: Kiln

       Hot
       ^^^
       Clay
       +++
       End
    """
    assert [text for _, text in pairs(card)] == ["Kiln: Hot", "Clay", "End"]
    value = ".. confval:: heat\n   :type: ``int``\n   :default: 900\n\n   How hot.\n"
    assert [text for _, text in pairs(value)] == ["heat", "Type: `int`", "Default: 900", "How hot."]


def test_tables_are_rows() -> None:
    grid = "+-----+-----+\n| a   | b   |\n+=====+=====+\n| ``c`` | d |\n+-----+-----+\n"
    simple = "====  ======\nName  Value\n====  ======\n x    1\n      more\n y    2\n====  ======\n\nafter\n"
    assert "a" in blocks(grid)[0].text
    assert [block.text for block in blocks(simple)] == ["Name | Value\nx | 1 more\ny | 2", "after"]
    assert "---" not in blocks("+---+\n| broken\n+--\n\nx\n")[0].text


def test_an_anchor_above_its_heading_is_not_the_section_before() -> None:
    source = "A\n=\n\ntext\n\n.. setting:: DELAY\n\nDELAY\n-----\n\nmore\n"
    assert [block.text for block in blocks(source)] == ["text", "more"]


def test_which_files_are_what() -> None:
    assert markup_of("a/B.MD") == "markdown"
    assert markup_of("a.markdown") == "markdown"
    assert markup_of("x/y.rst") == "restructuredtext"
    assert markup_of(".md") is None
    assert markup_of("a.py") is None
    assert looks_like_restructuredtext("Title\n=====\n\n.. note:: x\n")
    assert not looks_like_restructuredtext("numpy>=1\npandas\n")
    assert not looks_like_restructuredtext("MIT License\n===========\n\nPermission is granted.\n")


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "::",
        "::\n\n",
        "..",
        ".. ",
        ".. ::",
        ".. |x|",
        ".. [1]",
        "====",
        "====\n====\n====",
        "=\n=\n",
        "====  ====\n",
        "+---+\n",
        "+-+\n|\n",
        ":a:",
        ":" * 50,
        "* " * 300 + "x",
        "\n".join(" " * n + "x" for n in range(300)),
        "\n".join(" " * n + "* x" for n in range(0, 400, 2)),
        "`" * 999,
        "*" * 999,
        "|" * 99,
        "\t\tx\n\ty\n",
        ".. code::\n",
        ".. list-table::\n",
        ".. raw:: html\n\n   <b",
    ],
)
def test_odd_restructuredtext_never_raises(odd: str) -> None:
    parse(odd, "restructuredtext")
