"""HTML, parsed by selectolax (lexbor, the parser of browsers' own rules), as sections with their blocks.

A heading keeps the id that the page gives it. Code, lists and tables come out as from the other markups.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from curation.documents.markup.blocks import (
    Block,
    Kind,
    Outline,
    ParsedDocument,
    Section,
    dedent,
    heading_text,
    one_line,
)
from curation.documents.markup.lead import Lead, Writer
from curation.documents.markup.page import Notice, Page
from curation.documents.markup.web.content import CONTENTS, has_own_words, is_silent, main_part, nodes_below
from curation.words import word_set

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_LINE = "data-clayloop-line"
_LINED = re.compile(
    r"<(?:h[1-6]|p|pre|li|dt|dd|table|tr|div|section|article|summary|figcaption|blockquote)(?=[\s>/])",
    re.IGNORECASE,
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = word_set(
    """
    address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure h1 h2
    h3 h4 h5 h6 header hgroup hr html legend li main ol p pre search section summary table tbody td tfoot th
    thead tr ul
    """
)
_CODE_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|highlight-source|brush:)-?\s?([\w+#.-]+)")
_NO_LANGUAGE = word_set("default none notranslate text plaintext highlighter-rouge")
_MARKS_BEHIND = re.compile(r"\s*[¶#§🔗]+$")
_MOST_DEEP = 120  # elements in elements; what lies deeper is read as its words


def parse_html(text: str, page: Page) -> ParsedDocument:
    """Read a page. Where no heading in its own part is its title, that is what stands in `<title>`."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_with_lines(text))
    outline = Outline()
    root = main_part(tree)
    if root is not None:
        _Reader(outline, page).read(root)
    title = tree.css_first("title")
    return outline.finish(name=heading_text(title.text() or "") if title else "")


def read_fragment(markup: str, line: int) -> list[Section]:
    """Read HTML that stands on ``line`` of a page in another markup."""
    from selectolax.lexbor import LexborHTMLParser

    outline, body = Outline(), LexborHTMLParser(markup).body
    if body is not None:
        _Reader(outline, Page(), line, keeps_lines=True).read(body)
    return outline.sections


def own_part(text: str) -> str:
    """The HTML of a page without what stands around its own part, as `parse_html` reads it."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    root = main_part(tree)
    title = tree.css_first("title")
    if root is None:
        return text
    root.strip_tags(["script", "style", "svg", "nav", "form", "iframe"])
    head = f"<title>{(title.inner_html or '').strip()}</title>\n" if title else ""
    return f"<!doctype html>\n{head}<main>\n{root.html}\n</main>\n"


def _with_lines(text: str) -> str:
    """The page with the number of its line in each element that may start a block: the parser keeps none."""
    breaks = [found.start() for found in re.finditer("\n", text)]
    return _LINED.sub(lambda found: f"{found[0]} {_LINE}={bisect_right(breaks, found.start()) + 1}", text)


class _Reader(Writer):
    def __init__(self, outline: Outline, page: Page, line: int = 1, keeps_lines: bool = False) -> None:
        super().__init__(outline, line)
        self._keeps_lines = keeps_lines  # they may be Markdown's
        self._page = page
        self._words: list[str] = []
        self._anchor = ""  # of an element that begins right before a heading

    def read(self, root: LexborNode) -> None:
        self._children(root, Lead(), 0)
        self._end_words(Lead())

    def _children(self, node: LexborNode, lead: Lead, depth: int) -> None:
        for child in node.iter(include_text=True):
            self._node(child, lead, depth + 1)

    def _node(self, node: LexborNode, lead: Lead, depth: int) -> None:
        tag = node.tag
        if node.is_text_node:
            self._words.append(node.text() or "")
        elif not node.is_element_node or is_silent(node):
            return
        elif depth > _MOST_DEEP:
            self._words.append(node.text() or "")
        elif tag in _HEADINGS:
            self._heading(node, lead, depth)
        elif tag == "br":
            self._words.append("\n")
        elif tag not in _BLOCKS:
            self._inline(node, lead, depth)
        else:
            self._end_words(lead)
            self._go_to(node)
            self._anchor = node.attributes.get("id") or (self._anchor if tag in {"div", "section"} else "")
            self._block(node, lead, depth)
            self._end_words(lead)

    def _go_to(self, node: LexborNode) -> None:
        """Count the line on which an element begins, where that is known."""
        self.line = int((node.attributes.get(_LINE) or "")[:9] or 0) or self.line

    def _block(self, node: LexborNode, lead: Lead, depth: int) -> None:
        tag = node.tag
        if tag == "pre" or (tag == "table" and _is_listing(node)):
            self._code(node, lead)
        elif tag in {"ul", "ol"}:
            self._list(node, lead, depth)
        elif tag == "table" and not _is_layout(node):
            self._table(node, lead, depth)
        elif (
            tag == "dt"
            and node.attributes.get("id")
            and "sig" in (node.attributes.get("class") or "").split()
        ):
            self.add("directive", self._line_of(node, depth), lead)
        elif tag == "dd":
            lead.tight = True
            self._children(node, lead, depth)
        else:
            self._children(node, lead, depth)

    # Words

    def _line_of(self, node: LexborNode, depth: int) -> str:
        """What an element holds, on one line."""
        words, line = self._words, self.line
        self._words = []

        def read() -> None:
            self._children(node, Lead(), depth)
            self._end_words(Lead())

        text = self.in_cell(read)
        self._words, self.line = words, line
        return text

    def _inline(self, node: LexborNode, lead: Lead, depth: int) -> None:
        if node.tag == "img":
            self._words.append(node.attributes.get("alt") or "")
        elif node.tag in {"code", "tt", "kbd", "samp"}:
            code = one_line(node.text() or "")
            self._words.append(f"`{code}`" if code and "`" not in code else code)
        else:
            if node.tag == "a" and not (node.text() or "").strip():
                self._anchor = node.attributes.get("id") or node.attributes.get("name") or self._anchor
            self._children(node, lead, depth)

    def _end_words(self, lead: Lead) -> None:
        """Make a block of the words that have come together."""
        text = "".join(self._words)
        self._words = []
        lines = text.split("\n") if self._keeps_lines else [text]
        self.add("prose", "\n".join(filter(None, map(one_line, lines))), lead)

    def add(self, kind: Kind, text: str, lead: Lead) -> None:
        self._anchor = "" if text.strip() else self._anchor
        super().add(kind, text, lead)

    def _heading(self, node: LexborNode, lead: Lead, depth: int) -> None:
        self._end_words(lead)
        self._go_to(node)
        line = self.line
        anchor = self._anchor_of(node)
        text = _MARKS_BEHIND.sub("", heading_text(self._line_of(node, depth)))
        if text.casefold() in CONTENTS and _is_above_links(node):
            self._page.left_out.append(Notice("table of contents", line))
        elif lead.rest:  # in a list
            self.add("prose", text, lead)
        else:
            self.outline.heading(_HEADINGS[node.tag or "h1"], text, line, anchor)
        self._anchor = ""

    def _anchor_of(self, heading: LexborNode) -> str:
        """The heading's id, the target of the link that it carries, or the id of what it begins."""
        own = heading.attributes.get("id") or ""
        for link in heading.css("a") if not own else ():
            target = link.attributes.get("href") or ""
            own = target[1:] if target.startswith("#") else link.attributes.get("id") or ""
            own = own or link.attributes.get("name") or ""
            if own:
                break
        anchor = own or self._anchor
        return anchor if anchor and not re.search(r"[\s<>\"]", anchor) else ""

    # Code, lists, tables

    def _code(self, node: LexborNode, lead: Lead) -> None:
        self.flush(lead)
        inner = node.css_first("td.code pre") or node.css_first("td.rouge-code pre") or node
        text = "".join(_code_parts(inner))
        language = _language_of(node)
        self.outline.add(Block("code", "\n".join(dedent(text.split("\n"))), self.line, language=language))
        self._anchor = ""

    def _list(self, node: LexborNode, lead: Lead, depth: int) -> None:
        start = node.attributes.get("start") or "1"
        number = int(start) if start.isdecimal() and len(start) < 6 else 1
        close = lead.tight or lead.waits
        items = (item for item in node.iter() if item.is_element_node and not is_silent(item))
        for at, item in enumerate(items):
            self._go_to(item)
            tight = close or at > 0
            own = lead.item(f"{number + at}. " if node.tag == "ol" else "- ", tight)
            own.tight = own.tight or tight
            self._children(item, own, depth + 1)
            self._end_words(own)
            lead.tight = False

    def _table(self, node: LexborNode, lead: Lead, depth: int) -> None:
        caption = node.css_first("caption")
        if caption is not None and not is_silent(caption):
            self.add("prose", self._line_of(caption, depth), lead)
        self.flush(lead)
        rows: list[str] = []
        head: list[str] = []
        for row in node.css("tr"):
            cells = [cell for cell in row.iter() if cell.tag in {"td", "th"}]
            text = " | ".join(self._line_of(cell, depth) for cell in cells).strip()
            if not text.strip(" |"):
                continue
            rows.append(text)
            if len(head) == len(rows) - 1 and all(cell.tag == "th" for cell in cells):
                head.append(text)
        self.outline.add(Block("table", "\n".join(rows), self.line, head="\n".join(head)))
        if head and len(head) == len(rows):
            self._page.left_out.append(Notice("rows of a table that are all header", self.line))


def _is_above_links(heading: LexborNode) -> bool:
    """Whether a heading that is not the page's stands right above a list of links and nothing else."""
    after = heading.next
    while after is not None and (
        after.is_comment_node or not (after.is_element_node or after.text().strip())
    ):
        after = after.next
    if heading.tag == "h1" or after is None or after.tag not in {"ul", "ol", "nav", "div"}:
        return False
    return after.css_first("a") is not None and not has_own_words(after)


def _code_parts(node: LexborNode) -> list[str]:
    """The text of a listing as it stands, without numbers of lines and buttons."""
    parts: list[str] = []
    for child in nodes_below(node, lambda one: not is_silent(one)):
        if child.is_text_node:
            parts.append(child.text() or "")
        elif child.tag == "br":
            parts.append("\n")
    return parts


def _is_layout(table: LexborNode) -> bool:
    """Whether a table only places parts of the page."""
    if table.attributes.get("role") in {"presentation", "none"}:
        return True
    return table.css_first("h1, h2, h3, h4, h5, h6, table table") is not None


def _is_listing(table: LexborNode) -> bool:
    """Whether a table is made for a listing with numbered lines."""
    if len(table.css("pre")) == 0 or len(table.css("tr")) > 1:
        return False
    return bool(table.css_first(".linenos, .lineno, .linenodiv, .gutter, .rouge-gutter"))


def _language_of(node: LexborNode) -> str:
    """What a listing, its code or what it stands in says of its language."""
    around = [node.css_first("code"), node, node.parent, node.parent.parent if node.parent else None]
    for place in around:
        if place is None or not place.is_element_node:
            continue
        named = place.attributes.get("data-language") or place.attributes.get("data-lang") or ""
        found = _CODE_LANGUAGE.search(place.attributes.get("class") or "")
        language = named or (found[1] if found else "")
        if language:
            return "" if language in _NO_LANGUAGE else language
    return ""
