"""reStructuredText with all that Sphinx and its extensions add, as a reader of the built page sees it."""

from __future__ import annotations

from textwrap import dedent

import pytest

from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse


def texts(source: str, page: Page | None = None) -> list[str]:
    parsed = parse(dedent(source), "restructuredtext", page)
    return [block.rendered for section in parsed.sections for block in section.blocks]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (":func:`...`, :data:`.`, :func:`.fire`", "`...`, `.`, `fire`"),
        ("Use clay_. See `a page`_, (or kiln_).", "Use clay. See a page, (or kiln)."),
        ("See :pep:`517`, :rfc:`2119`; then :issue:`12`.", "See PEP 517, RFC 2119; then issue 12."),
        (":py:class:`~kiln.core.Kiln` and :meth:`!fire`", "`Kiln` and `fire`"),
        (":guilabel:`&Fire` then :abbr:`PID (proportional)`", "Fire then PID (proportional)"),
        ("|v| is out.\n\n.. |v| replace:: version\n   three", "version three is out."),
        ("H\\ :sub:`2`\\ O", "H2O"),
        ("As told [#n]_.\n\n.. [#n] By her.", "As told [n].\n[n] By her."),
    ],
)
def test_inline_markup(source: str, text: str) -> None:
    assert "\n".join(texts(source)) == text


def test_tables_of_all_kinds_have_their_header() -> None:
    source = """\
        .. csv-table:: Heat of ``kilns``
           :header: "Kiln", "What, then"

           :func:`fire`, "Burns, then **waits**"
           ``cool``, see `the page <https://example.org>`_

        .. list-table:: Kilns
           :header-rows: 1

           * - Kiln
             - Heat
           * - K1
             - 900

        +----------------+------------------------+
        | Don't          | Do                     |
        +================+========================+
        | ::             | .. code-block:: python |
        |                |                        |
        |    fire(1)     |    fire([1, 2])        |
        +----------------+------------------------+
        """
    assert texts(source) == [
        "Heat of `kilns`",
        "Kiln | What, then\n`fire` | Burns, then waits\n`cool` | see the page",
        "Kilns",
        "Kiln | Heat\nK1 | 900",
        "Don't:",
        "```\nfire(1)\n```",
        "Do:",
        "```python\nfire([1, 2])\n```",
    ]


def test_tabs_options_and_lists() -> None:
    source = """\
        .. tab:: Debian

           .. code-block:: console

              $ apt install kiln

        .. group-tab:: macOS

           Use brew.

        .. code-tab:: bash Fish

           set x

        #. First
        #. Second

           * deep

        -v, --verbose  be loud
        -o FILE        write there

        .. option:: --dest FILE

           Where to.

        .. dropdown:: Open me
           :icon: gear

           Inside.
        """
    assert texts(source) == [
        "Debian:",
        "```console\n$ apt install kiln\n```",
        "macOS: Use brew.",
        "Fish:",
        "```bash\nset x\n```",
        "1. First",
        "2. Second",
        "   - deep",
        "`-v`, `--verbose`: be loud",
        "`-o FILE`: write there",
        "--dest FILE",
        "Where to.",
        "Open me: Inside.",
    ]


def test_classes_of_python_are_shown_and_those_of_style_are_not() -> None:
    source = """\
        .. class:: Kiln(heat)

           Burns.

           .. classmethod:: cold()

        .. class:: centered

           Text.

        .. py:class:: pot

        .. exception:: TooHot
        """
    assert texts(source) == [
        "class Kiln(heat)",
        "Burns.",
        "classmethod cold()",
        "Text.",
        "class pot",
        "exception TooHot",
    ]


def test_what_nobody_knows_keeps_its_text_and_is_noted() -> None:
    page = Page("a.rst")
    source = """\
        Title
        =====

        .. potters-wheel:: Round
           :speed: 3

           It *turns*.

           .. toctree::

              a

        .. kiln:unheard-of::

           Text.
        """
    assert texts(source, page) == ["Round", "It turns.", "Text."]
    assert [(notice.name, notice.line) for notice in page.unknown] == [
        ("potters-wheel", 4),
        ("kiln:unheard-of", 13),
    ]
    assert [(notice.name, notice.line) for notice in page.left_out] == [("toctree", 9)]


@pytest.mark.parametrize(
    "broken",
    [
        "+---+---+\n| a | wordless\n+---+\n",
        "=====  =====\na      wordless\n====\n",
        "Title\n=====\n\nA\n-\n\ntext\n\nB\n~\n\nx\n\nC\n^\n\nwordless\n",
        ".. list-table::\n\n   * - a\n     - b\n   * wordless\n",
        '.. csv-table::\n   :header-rows: many\n\n   a, "wordless\n',
        ".. image::\n\n.. note::\n\n   Title\n   =====\n\n   wordless\n",
        "|wordless| and `wordless` and :x:`wordless",
        "* a\n wordless\n   b\n",
    ],
)
def test_broken_markup_keeps_its_words(broken: str) -> None:
    assert "wordless" in "\n".join(texts(broken))


def test_headings_below_only_are_headings() -> None:
    parsed = parse("A\n=\n\n.. only:: html\n\n   B\n   =\n\n   text\n\nC\n-\n\nmore\n", "restructuredtext")
    assert [section.path for section in parsed.sections if section.blocks] == [("A", "B"), ("A", "C")]


def test_lines_are_those_of_the_file() -> None:
    note = ".. note::\n   :class: x\n\n   two\n\n   .. code::\n\n      three\n"
    source = f"A\n=\n\none\n\n{note}\n* four\n\n  * five\n"
    parsed = parse(source, "restructuredtext")
    found = [(block.line, block.text.split()[-1]) for section in parsed.sections for block in section.blocks]
    assert found == [(4, "one"), (9, "two"), (13, "three"), (15, "four"), (17, "five")]


def test_parameters_stand_with_their_types() -> None:
    source = """\
.. function:: fire(heat, lid=True)

   Fire it.

   :param heat: how hot
   :type heat: :class:`Degrees`
   :param bool lid: whether the lid is shut
   :returns: the pots
   :rtype: list
   :raises Cracked: when it is wet
   :status: done
"""
    assert texts(source)[2:] == [
        "Parameters:",
        "heat (`Degrees`): how hot",
        "lid (bool): whether the lid is shut",
        "Returns: the pots",
        "Return type: list",
        "Raises:",
        "Cracked: when it is wet",
        "status: done",
    ]


def test_what_only_other_formats_show_is_left_out() -> None:
    page = Page()
    source = ".. only:: html\n\n   On the page.\n\n.. only:: latex or man\n\n   In print.\n\n"
    assert texts(source + ".. only:: not latex\n\n   Here too.\n", page) == ["On the page.", "Here too."]
    assert [notice.name for notice in page.left_out] == ["only latex or man"]
