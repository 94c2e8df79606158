"""What dialects of Markdown mean: one small page for each kind, and the text that its author meant."""

from __future__ import annotations

from textwrap import dedent

import pytest

from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse


def texts(source: str, page: Page | None = None) -> list[str]:
    parsed = parse(dedent(source), "markdown", page)
    return [block.rendered for section in parsed.sections for block in section.blocks]


def headings(source: str) -> list[str]:
    return [section.path[-1] for section in parse(dedent(source), "markdown").sections if section.path]


DOCUSAURUS = """\
    import Tabs from '@theme/Tabs';
    import {
      Gauge,
      Dial,
    } from '@site/src/parts';

    export const limit = 40;

    export function Meter() {
      return <b>{limit}</b>;
    }

    <Tabs groupId="system">
    <TabItem value="deb" label="Debian">

    Run `apt install kiln`.

    </TabItem>
    <TabItem value="osx" label="macOS">

    Run `brew install kiln`.

    </TabItem>
    </Tabs>

    At most {limit} pots. <Meter /> {/* for editors */}

    :::tip[Dry the clay]

    Wet clay cracks. Ask the <Link to="/forum">forum</Link>.

    :::

    <Dial rows={[
      {name: 'a', heat: 3},
    ]} />

    The end.
    """


def test_components_imports_and_exports_go_and_their_words_stay() -> None:
    page = Page("a.mdx")
    assert texts(DOCUSAURUS, page) == [
        "Debian:",
        "Run `apt install kiln`.",
        "macOS:",
        "Run `brew install kiln`.",
        "At most 40 pots.",
        "Dry the clay: Wet clay cracks. Ask the forum.",
        "The end.",
    ]
    assert {notice.name for notice in page.left_out} >= {"import", "export", "<Dial>", "<TabItem>"}
    assert page.unknown == []


def test_indented_lines_between_components_are_no_code() -> None:
    source = """\
        <Steps>
          <Step title="Fire">
            Heat the **kiln**.

            ```sh
            fire
            ```
          </Step>
        </Steps>
        """
    assert texts(source, Page("a.mdx")) == ["Fire:", "Heat the kiln.", "```sh\nfire\n```"]


def test_a_description_stands_below_the_title() -> None:
    source = "---\ntitle: Kilns\ndescription: All of them.\n---\n\n# Kilns\n\nHot.\n"
    for one in (source, source.replace("title: Kilns\n", "")):
        assert [section.path for section in parse(one, "markdown").sections] == [("Kilns",), ("Kilns",)]


def test_front_matter_may_have_blank_lines_around_it_and_is_shown_where_a_page_asks_for_it() -> None:
    source = "\n---\n\nwritten_by: A. Potter\nbyline: x\n---\n\nBy {{ $frontmatter.written_by }}.\n"
    assert texts(source) == ["By A. Potter."]
    assert texts("---\n\nA rule, then text: so.\n\n---\n") == ["A rule, then text: so."]


def test_roles_of_docstrings_in_markdown_go() -> None:
    assert texts("Attach a :class:`~kiln.Lid`; see :ref:`lids`, :code:`heat`. `a::b:` `c`") == [
        "Attach a `Lid`; see lids, `heat`. `a::b:` `c`"
    ]


def test_directives_of_docstrings_in_markdown_are_read() -> None:
    code = ".. code-block:: sh\n   :caption: Fire\n\n   fire *\n"
    text = f".. warning:: Hot\n   inside.\n\n{code}\nThen .. a:: b.\n"
    assert texts(f"Lids.\n\n{text}\n.. kiln-part:: lid\n") == [
        "Lids.",
        "Warning: Hot inside.",
        "Fire:",
        "```sh\nfire *\n```",
        "Then .. a:: b.",
        "lid",
    ]


def test_directives_in_markdown_have_their_options_right_below() -> None:
    source = ".. tip::\n\n   :note: keep me\n   and me\n\n.. tip::\n   :class: x\n   :name: y\n\n   last\n"
    blocks = [block for section in parse(source, "markdown").sections for block in section.blocks]
    assert [(block.text, block.line) for block in blocks] == [
        ("Tip: :note: keep me and me", 3),
        ("Tip: last", 10),
    ]
    assert texts(".. code-block:: python\n\nx = 1\n\n.. math:: a + b\n") == ["x = 1", "```\na + b\n```"]


def test_a_listing_is_named_by_what_javascript_says() -> None:
    assert texts("```python {{ title: 'typed' }}\nx = 1\n```\n") == ["typed:", "```python\nx = 1\n```"]


@pytest.mark.parametrize(
    "code",
    [
        "Use {{ user: 'x' }} inline.",
        "import is a word here.",
        "export FOO=1 sets it.",
        "a {b} c",
        "1 < 2 > 0",
    ],
)
def test_prose_that_looks_like_jsx_stays(code: str) -> None:
    assert texts(code) == [code]


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (
            "::: warning\n  Shut the door first.\n  - and wait\n:::",
            ["Warning: Shut the door first.", "- and wait"],
        ),
        (":::note\n\n    kiln --state\n\n:::", ["Note:", "```\nkiln --state\n```"]),
        (":::tip[Hot]\n\nMind it.\n\n:::", ["Hot: Mind it."]),
        (":::note[Version 3.1 is out]\n\nRead on.\n\n:::", ["Version 3.1 is out: Read on."]),
        (":::info[NOTE]\n\nRead on.\n\n:::", ["NOTE: Read on."]),
        (":::caution Look out\n\nHot.\n\n:::", ["Look out: Hot."]),
        ("::::tip A\n:::note B\ninner\n:::\nouter\n::::", ["A: B: inner", "outer"]),
        ("/// tip | Fine clay\n\nUse **fine** clay.\n\n///", ["Fine clay: Use fine clay."]),
        ("/// details | More\n\n    type: info\n\nHidden.\n\n///", ["More: Hidden."]),
        ("::: code-group\n\n```sh [npm]\nnpm i\n```\n\n:::", ["npm:", "```sh\nnpm i\n```"]),
        ("::: never closed\n\nText stays.", ["closed:", "Text stays."]),
        ("::: kiln.core\n    options:\n      members: true\n\nText.", ["Text."]),
    ],
)
def test_containers_between_colons_and_slashes(container: str, text: list[str]) -> None:
    assert texts(container) == text


def test_words_of_javascript_in_html_stay_and_its_settings_go() -> None:
    assert texts("<p style={{ color: 'red' }}>Use {{ user: 'x' }} inline.</p>\n") == [
        "Use {{ user: 'x' }} inline."
    ]


def test_hugo_and_liquid_lose_their_marks() -> None:
    source = """\
        {{< note >}}
        Mind the heat.
        {{< /note >}}

        A {{< tooltip text="Kiln" id="kiln" >}} runs {{ site.version }}, see [here]({{< ref "b.md" >}}).
        Thanks to {{< gh "@potter" >}} ({{<gh 14>}}); {{< video abc >}}Fire{{< /video >}} {{< youtube abc >}}

        {{< alert icon="!" text="Read <a href=\\"b.md\\">this</a> first" />}}
        {{< note title=`No "lid"` >}}Shut it.{{< /note >}}

        {{% callout warning %}}
        Hot.
        {{% /callout %}}

        Write `{{</* note */>}}`, or {{%/* tab "x" */%}}.

        {{< output file="a.html" >}}
        <p>Lit {{ .Kiln }}</p>
        {{< /output >}}

        {{< code-block file="a.html" >}}
        {{</* kiln */>}}
        <b>
        {{< /code-block >}}

        {% highlight ruby %}
        puts 1
        {% endhighlight %}

        {% code title="b.sh" overflow="wrap" %}
        ```sh
        fire
        ```
        {% endcode %}

        {% tab title="Linux" %}
        Run apt.
        {% endtab %}
        """
    assert texts(source) == [
        "Note:",
        "Mind the heat.",
        "A Kiln runs site.version, see here. Thanks to @potter (14); Fire",
        *("Read this first:", 'No "lid": Shut it.', "Warning:", "Hot."),
        'Write `{{< note >}}`, or {{% tab "x" %}}.',
        "Lit .Kiln",
        "a.html:",
        "```\n{{< kiln >}}\n<b>\n```",
        "```ruby\nputs 1\n```",
        *("b.sh:", "```sh\nfire\n```", "Linux:", "Run apt."),
    ]


MYST = """\
    ---
    myst:
      substitutions:
        kiln: The Kiln
    ---

    (fire)=
    # Fire

    % for editors

    ```{versionadded} 2.1
    The flag `--hot`.
    ```

    ```{deprecated} 3.0
    ```

    ```{eval-rst}
    .. note::

       Inside :func:`~kiln.fire`.
    ```

    ```{code-block} python
    :linenos:
    :caption: fire.py

    fire()
    ```

    ```{code-cell} ipython3
    ---
    tags: [hide-input]
    ---
    kiln.plot()
    ```

    :::{figure} kiln.png
    :width: 200px
    :alt: A kiln from above

    The kiln and its door.
    :::

    ::::{grid} 2
    :gutter: 2
    :::{grid-item-card} Quick
    :link: quick

    It is quick.
    :::
    ::::

    :::{list-table} Kilns
    :header-rows: 1

    * - Kiln
      - Heat
    * - K1
      - 900
    :::

    See [](#fire), {ref}`fire`, {ref}`the page <fire>`, {py:class}`~kiln.Kiln`, {pep}`517`, H{sub}`2`O.

    {{ kiln }} and {{ other }}, as told[^1].

    [^1]: By the potter.

    Slip
    : Thin clay.

    ```{unheard-of} argument
    Its text.
    ```
    """


def test_myst_means_what_sphinx_means() -> None:
    page = Page("a.md")
    assert texts(MYST, page) == [
        "Added in version 2.1: The flag `--hot`.",
        "Deprecated since version 3.0",
        "Note: Inside `fire`.",
        "fire.py:",
        "```python\nfire()\n```",
        "```ipython3\nkiln.plot()\n```",
        "A kiln from above",
        "The kiln and its door.",
        "Quick: It is quick.",
        "Kilns",
        "Kiln | Heat\nK1 | 900",
        "See Fire, Fire, the page, `Kiln`, PEP 517, H2O.",
        "The Kiln and other, as told[1].",
        "[1] By the potter.",
        "Slip",
        "Thin clay.",
        "argument",
        "Its text.",
    ]
    assert [(notice.name, notice.line) for notice in page.unknown] == [
        ("unheard-of", dedent(MYST).split("\n").index("```{unheard-of} argument") + 1)
    ]


def test_a_line_of_a_container_is_the_files() -> None:
    source = "text\n\n:::note\n\nfirst\n\n```{tip}\n:class: x\n\nsecond\n```\n:::\n\n!!! a\n    third\n"
    parsed = parse(source, "markdown")
    lines = {block.text.split()[-1]: block.line for section in parsed.sections for block in section.blocks}
    assert lines == {"text": 1, "first": 5, "second": 10, "third": 15}


@pytest.mark.parametrize(
    ("source", "heading"),
    [
        ("# Fire { #fire }", "Fire"),
        ("# Fire {{ anchor: false, 'tag': 'GET' }}", "Fire"),
        ("# Fire {{ user: 'x' }} inline", "Fire {{ user: 'x' }} inline"),
        ("# Fire {#fire .hot}", "Fire"),
        ("# Fire { data-toc-label='x' }", "Fire"),
        ("# Fire { data-x }", "Fire"),
        ("# Fire {: #fire env-var toml }", "Fire"),
        ("# Using {name} in paths", "Using {name} in paths"),
    ],
)
def test_attributes_of_headings_go(source: str, heading: str) -> None:
    assert headings(source) == [heading]


def test_words_between_angle_brackets_stay() -> None:
    source = "- **Type:** List<String>\n- Foo<Bar> with <your-name> and --user <name>; <b>bold</b>\n"
    assert texts(source) == ["- Type: List<String>", "- Foo<Bar> with <your-name> and --user <name>; bold"]


def test_data_in_addresses_is_no_text() -> None:
    data = "data:image/svg+xml;base64," + "Jz/K" * 5000
    source = (
        f"![door]({data}) and [seal]({data})\n\n<img alt='lid' src='{data}'>\n\n[r]: {data}\n\n"
        f"![x][r]\n\nurl({data}) end\n\n`url({data})`\n"
    )
    assert texts(source) == [
        "door and seal",
        "lid",
        "x",
        "url(data:image/svg+xml;base64,…) end",
        "`url(data:image/svg+xml;base64,…)`",
    ]


def test_a_table_in_html_is_rows() -> None:
    source = (
        "<table>\n<tr><th>Kiln</th>\n<th>Heat</th></tr>\n<tr><td><p>K1</p></td>\n<td>900\ndegrees</td></tr>\n"
        "</table>\n"
    )
    assert texts(source) == ["Kiln | Heat\nK1 | 900 degrees"]


def test_lines_of_wide_characters_are_joined_without_a_space() -> None:
    assert texts("先点火。\n再放入陶器。\nThen\nwait.") == ["先点火。再放入陶器。 Then wait."]


def test_wiki_links_and_navigation() -> None:
    page = Page()
    assert texts("[TOC]\n\nSee [[Kiln Page|the kiln]] and [[Clay]].\n\n[[toc]]\n", page) == [
        "See the kiln and Clay."
    ]


def test_lists_keep_what_stands_in_them() -> None:
    source = """\
        1. First:
           ```sh
           a
           ```
           then that.

           !!! note "In a list"
               Below the item.

        2. Second.

        !!! tip inline end "Aside"

            Aside text.
        """
    assert texts(source) == [
        "1. First:",
        "```sh\na\n```",
        "   then that.",
        "   In a list: Below the item.",
        "2. Second.",
        "Aside: Aside text.",
    ]


def test_restructuredtext_that_is_too_deep_leaves_the_rest_of_the_page() -> None:
    deep = "\n".join(f"{'  ' * depth}* word{depth}\n" for depth in range(400))
    found = texts(f"# A\n\nbefore\n\n````{{eval-rst}}\n{deep}\n````\n\nafter\n")
    assert found[0] == "before"
    assert found[-1] == "after"
    assert "word399" in "\n".join(found)
