"""HTML as generators of documentation write it: its own part, with headings, code, tables and lists."""

from __future__ import annotations

import time

import pytest

from curation.documents.links import Address
from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse
from curation.documents.markup.web.decoding import decoded_html, why_no_page
from curation.documents.markup.web.reader import own_part
from curation.documents.sources.files import Skipped, SourceFile, read_bytes

SPHINX = """<!DOCTYPE html>
<html><head><title>Kilns — Clay 1.0</title><script>var a = "<h1>no</h1>";</script></head>
<body>
<div class="related" role="navigation"><ul><li>next</li></ul></div>
<div class="sphinxsidebar"><h3>Table of Contents</h3></div>
<div class="document"><div class="body" role="main">
<section id="kilns">
<h1>Kilns<a class="headerlink" href="#kilns" title="Link">¶</a></h1>
<p>Fire <em>slowly</em> at <code class="docutils literal"><span class="pre">900</span></code> degrees,
see <a href="x.html">the table</a>.</p>
<section id="how-to-fire">
<h2>How to <code>fire</code><a class="headerlink" href="#how-to-fire">¶</a></h2>
<div class="highlight-python notranslate"><div class="highlight"><pre><span class="k">if</span> hot:
    fire(<span class="mi">1</span>)
</pre></div></div>
<table class="docutils">
<thead><tr class="row-odd"><th class="head"><p>clay</p></th><th class="head"><p>heat</p></th></tr></thead>
<tbody><tr><td><p>red</p></td><td><p><code>900</code></p></td></tr></tbody>
</table>
<ul class="simple"><li><p>one</p></li><li><p>two</p><ol start="3"><li>three</li></ol></li></ul>
<dl><dt class="sig" id="clay.fire"><span>fire</span>(<em>x</em>)</dt><dd><p>Fires.</p></dd></dl>
</section></section>
</div></div>
<footer>© potters</footer></body></html>
"""


def shown(html: str) -> list[tuple[tuple[str, ...], str, int, list[tuple[str, str, int]]]]:
    return [
        (
            section.path,
            section.given,
            section.line,
            [(one.kind, one.text, one.line) for one in section.blocks],
        )
        for section in parse(html, "html", Page("a.html")).sections
    ]


def test_a_page_of_sphinx() -> None:
    assert shown(SPHINX) == [
        (("Kilns",), "kilns", 8, [("prose", "Fire slowly at `900` degrees, see the table.", 9)]),
        (
            ("Kilns", "How to fire"),
            "how-to-fire",
            12,
            [
                ("code", "if hot:\n    fire(1)", 13),
                ("table", "clay | heat\nred | `900`", 16),
                ("list", "- one", 20),
                ("list", "- two", 20),
                ("list", "  3. three", 20),
                ("directive", "fire(x)", 21),
                ("prose", "Fires.", 21),
            ],
        ),
    ]
    blocks = parse(SPHINX, "html").sections[1].blocks
    assert (blocks[0].language, blocks[1].head) == ("python", "clay | heat")


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ('<h2 id="a">T</h2>', "a"),
        ('<div id="b"><h2>T</h2></div>', "b"),
        ('<a name="c"></a><h2>T</h2>', "c"),
        ('<h2><a href="#d">T</a></h2>', "d"),
        ('<h2><a name="e">T</a></h2>', "e"),
        ('<p id="no">x</p><h2>T</h2>', ""),
        ('<h2 id="f g">T</h2>', ""),
    ],
)
def test_the_anchor_of_a_heading(heading: str, anchor: str) -> None:
    sections = parse(f"<html><body><main>{heading}<p>text</p></main></body></html>", "html").sections
    assert (sections[-1].path, sections[-1].given) == (("T",), anchor)


@pytest.mark.parametrize(
    "page",
    [
        "<nav>NO</nav><main><p>text of the page</p></main><aside>NO</aside>",
        "<header><a>NO</a></header><div role='main'><nav class='breadcrumbs'>NO</nav>text of the page</div>",
        "<main><article>text of the page<button>NO</button></article><div class='toc'>NO</div></main>",
        "<div class='md-sidebar'>NO</div><div class='md-content'>text of the page</div><footer>NO</footer>",
        "<main>text of the page<p hidden>NO</p><p aria-hidden='true'>NO</p><svg><text>NO</text></svg></main>",
        "text of the page<script>NO</script><style>NO</style><noscript>NO</noscript><!-- NO -->",
        "<main>text <a>of</a><ul class='dropdown-menu'><li>NO</ul> the page<div id='footer'>NO</div></main>",
        "<main><div id='toc'><ul><li><a href='#a'>NO</a></ul></div>text of the page</main>",
        "<main><article class='card'></article>text of the page<article></article></main>",
    ],
)
def test_what_stands_around_a_page_is_left_out(page: str) -> None:
    html = f"<html><head><title>T</title></head><body>{page}</body></html>"
    for text in (html, own_part(html)):
        ((path, _, _, ((kind, words, _),)),) = shown(text)
        assert (path, kind, words) == (("T",), "prose", "text of the page")


def test_a_page_without_a_heading_of_its_own_has_its_title_above() -> None:
    manual = (
        "<html><head><title>fire(1)</title></head><body class='manpage'>"
        "<div id='header'><h1>fire(1) Manual</h1><h2>NAME</h2><p>fire - heats kilns</p></div>"
        "<div id='content'><h2>OPTIONS</h2><p>-a</p></div></body>"
    )
    assert [(path, blocks[0][1]) for path, _, _, blocks in shown(manual) if blocks] == [
        (("fire(1) Manual", "NAME"), "fire - heats kilns"),
        (("fire(1) Manual", "OPTIONS"), "-a"),
    ]
    parts = "<h3 id='footer'>Footer</h3><p>Of a page.</p><h3>Lid</h3><p>Heavy.</p>"
    page = shown(f"<html><title>Kilns</title><body><main>{parts}</main></body>")
    assert [path for path, _, _, blocks in page if blocks] == [("Kilns", "Footer"), ("Kilns", "Lid")]


@pytest.mark.parametrize(
    ("below", "is_left_out"),
    [
        ("<!-- of --> <ul><li><a href='#x'>X</a></li></ul>", True),
        ("<nav><a href='#x'>X</a></nav>", True),
        ("<p>Each page has one.</p>", False),
        ("<ul><li><a href='#x'>X</a> and more</li></ul>", False),
        ("Words. <ul><li><a href='#x'>X</a></li></ul>", False),
    ],
)
def test_a_heading_of_contents_goes_only_above_its_list(below: str, is_left_out: bool) -> None:
    for heading in ("<h2 id='on'>On this page</h2>", "<h2 id='on'>Table of contents</h2>"):
        html = f"<html><body><main><h1>A</h1><p>Text.</p>{heading}{below}<h2>B</h2></main></body></html>"
        assert ("on" not in [one.given for one in parse(html, "html").sections]) is is_left_out
    html = "<html><body><main><h1>On this page</h1><ul><li><a href='#x'>X</a></ul></main></body></html>"
    assert parse(html, "html").title == "On this page"


def test_lists_of_headings_in_each_other_stay_with_a_word_of_their_own() -> None:
    for words, kept in [("<p>Mine", True), ("<nav>Not</nav><script>x</script>", False)]:
        deep = "<a>X</a><div id=toc>" * 50 + words
        assert any(one.blocks for one in parse(f"<html><body>{deep}</body></html>", "html").sections)
        assert ("Mine" in str(parse(f"<html><body>{deep}</body></html>", "html"))) is kept


def test_code_keeps_its_lines_and_loses_their_numbers() -> None:
    listing = (
        "<table class='highlighttable'><tr><td class='linenos'><pre>1\n2</pre></td>"
        "<td class='code'><pre><code class='language-sh'>cd kiln\n  ls &lt;x&gt;</code></pre></td></tr>"
        "</table>"
    )
    (section,) = parse(f"<html><body>{listing}</body></html>", "html").sections
    assert [(one.kind, one.text, one.language) for one in section.blocks] == [
        ("code", "cd kiln\n  ls <x>", "sh")
    ]


def test_what_is_no_page_is_passed_over_with_a_reason() -> None:
    for text, reason in [
        ("{% extends 'base.html' %}<html>{{ body }}</html>", "template"),
        ("---\nlayout: x\n---\n<html></html>", "template"),
        ("<div>part</div>", "part of an HTML page"),
        ("<html>" + "<div>" * 5_000, "nested without end"),
        ("<html>" + "".join(f"<b id={number}><p>x" for number in range(3_000)), "nested without end"),
        (" ", "empty"),
        (
            "<html><table style='w' class=\"indextable genindextable\"><tr><td>heat</table>",
            "index that Sphinx",
        ),
    ]:
        assert reason in why_no_page(text)
        read = read_bytes("a.html", Address(), text.encode())
        assert isinstance(read, Skipped)
        assert reason in read.reason
    code = "<html><body><pre>{{ shown }} {% raw %}</pre><p>Text.</p></body></html>"
    assert isinstance(read_bytes("a.html", Address(), code.encode()), SourceFile)


def test_a_page_is_decoded_as_it_says() -> None:
    assert decoded_html("é".encode("latin-1"), "iso-8859-1") == "é"
    assert decoded_html(b'<meta charset="latin-1">' + "é".encode("latin-1")).endswith("é")
    assert decoded_html("é".encode("utf-16")) == "é"
    assert decoded_html(b"\xff", "no-such-thing") == "\ufffd"


@pytest.mark.parametrize(
    "html",
    [
        "<html><body>" + "<p>word <b>x</b> " * 60_000,
        "<html><body><pre>" + "x" * 2_000_000,
        "<html><body>" + "<div>" * 2_900 + "x",
        "<html><body>" + "<table><tr><td>" * 900 + "x",
        "<html><body><ul>" + "<li>a<ul>" * 1_400,
        "<html><body><table>" + "<tr><td>a<td>b" * 50_000,
        "<html><body>" + "<h2 id=a>T</h2>" * 20_000,
        "<html><body>" + "<dl><dt>a<dd>" * 1_400,
    ],
    ids=lambda html: html[12:30],
)
def test_time_is_bounded(html: str) -> None:
    start = time.process_time()
    assert not why_no_page(html)
    parse(html, "html", Page("a.html"))
    assert time.process_time() - start < 30
