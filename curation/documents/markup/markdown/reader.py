"""Markdown to sections of blocks, on markdown-it-py's tokens and their line numbers."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from curation.documents.markup.blocks import (
    MOST_INLINE,
    Block,
    Outline,
    ParsedDocument,
    one_line,
    plain_paragraphs,
)
from curation.documents.markup.html import html_blocks
from curation.documents.markup.lead import Lead, Writer
from curation.documents.markup.markdown.context import Context, as_label
from curation.documents.markup.markdown.dialects import add_dialects, blame_added
from curation.documents.markup.markdown.dialects.shortcodes import unescaped, without_settings, without_tags
from curation.documents.markup.markdown.dialects.snippets import code_with_includes
from curation.documents.markup.markdown.front_matter import (
    read_front_matter,
    read_yaml,
    without_front_matter,
)
from curation.documents.markup.markdown.inline import ATTRIBUTES_AT_END, HEADING_ATTRIBUTES, inline_text
from curation.documents.markup.markdown.nodes import Node, as_tree
from curation.documents.markup.page import Notice, Page, Passage
from curation.documents.markup.references import page_name

_BLANK_EDGES = re.compile(r"\A(?:[ \t]*\n)+|(?<!\s)\s+\Z")
_LANGUAGE = re.compile(r"^[{.]*([\w+#.-]+)")
_FILE_OF_CODE = re.compile(
    r"\b(?:title|filename|file)(?:=|:\s*)(?:\{?([\"'])(.+?)\1\}?)|\[([^\[\]=]+)\]\s*(?:\{|$)"
)
# The heading's own id: {#id}, or in MDX, which would read that as code, {/* #id */}.
_GIVEN_ID = re.compile(r"\{:?(?:[^{}/]*\s)?#([^\s{}#]+)[^{}]*\}\s*$|\{/\*\s*#(\S+)\s*\*/\}\s*$")
# Options of a cell at the top of its code (Quarto, nbdev): #| echo: false
_CELL_OPTIONS = re.compile(
    r"\A[ \t]*(?:#|//|--|%%)\|[ \t]*[\w-]+(?::[^\n]*)?(?:\n|\Z)(?:[ \t]*(?:#|//|--|%%)\|[^\n]*(?:\n|\Z))*"
)
_MARK_OF_OPTIONS = re.compile(r"(?m)^[ \t]*(?:#|//|--|%%)\| ?")
_CAPTION_OF_CELL = re.compile(r"\bfig\.cap\s*=\s*([\"'])(.+?)\1")
# Comments for what colours code: // highlight-next-line, // [!code focus]
_COMMENT, _COMMENT_END = r"(?<![ \t])[ \t]*(?://|#|--|;|/\*|<!--|\{/\*)[ \t]*", r"[ \t]*(?:\*/\}?|-->)?[ \t]*"
_COLOURING = re.compile(
    rf"(?m)^{_COMMENT}highlight-(?:next-line|start|end){_COMMENT_END}(?:\n|\Z)"
    rf"|{_COMMENT}\[!code [^\]\n]{{1,80}}\]{_COMMENT_END}$"
)
_NESTED_MARKERS = re.compile(r"(?m)^[ \t]*(?:(?:[+*-]|\d{1,9}[.)])(?:[ \t]+|(?=>)|$)|>[ \t]*){24,}")
# A tag that includes a file, over several lines (mkdocs-include-markdown).
_LONG_INCLUDE = re.compile(r"\{%-?[ \t]*\n[ \t]*include[^%]{1,1000}%\}")
# "##\u00a0Title": Python-Markdown takes it for a heading, markdown-it does not.
_HARD_SPACE = re.compile(r"(?m)^(#{1,6})\u00a0")
_GIVES_UP = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


def parse_markdown(text: str, page: Page) -> ParsedDocument:
    """Read Markdown. A page that the parser gives up on is kept as plain paragraphs, and noted."""
    try:
        front = read_front_matter(text.split("\n"))
        body = "\n" * front.lines + text.split("\n", front.lines)[-1] if front.lines else text
        outline = Outline()
        for words in front.said:
            outline.add(Block("prose", words, 1))
        _Reader(outline, Context(page, (page.path,), values=front.values)).read(body)
        return outline.finish(front.title, page_name(page.path))
    except Exception as error:
        blame_added(error, page.path)
        if not isinstance(error, _GIVES_UP):
            raise
        page.unknown.append(Notice("a page that is not Markdown throughout", 1))
        return plain_paragraphs(text)


def include_markdown(passage: Passage, page: Page, outline: Outline) -> None:
    """Read the Markdown that a page in another markup includes."""
    reader = _Reader(outline, Context(page, passage.chain, fixed=passage.line - 1))
    reader.read(without_front_matter(passage.text))


@cache
def _parser(is_mdx: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    if is_mdx:  # lines between components are indented, and no code
        parser.disable("code")
        parser.block.ruler.at("paragraph", _paragraph)
    # a link's target is dropped, whatever it is: to make it an address is a seventh of the time
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    add_dialects(parser)
    parser.core.ruler.at("inline", _inline)
    return parser


def _paragraph(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """markdown-it's own, but that a line may begin something else however far it is indented."""
    end, before, state.parentType = first + 1, state.parentType, "paragraph"
    rules = state.md.block.ruler.getRules("paragraph")
    while end < state.lineMax and not state.isEmpty(end):
        if state.sCount[end] >= 0 and any(rule(state, end, state.lineMax, True) for rule in rules):
            break
        end += 1
    state.parentType, state.line = before, end
    token = state.push("paragraph_open", "p", 1)
    token.map = [first, end]
    token = state.push("inline", "", 0)
    token.map, token.children = [first, end], []
    token.content = state.getLines(first, end, state.blkIndent, False).strip()
    state.push("paragraph_close", "p", -1)
    return True


def _inline(state: StateCore) -> None:
    """markdown-it's own rule, but for what is too long."""
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > MOST_INLINE:
            token.children = [Token("text", "", 0, content=token.content)]
        elif token.type == "inline":
            token.children = token.children or []
            state.md.inline.parse(token.content, state.md, state.env, token.children)


class _Reader(Writer):
    def __init__(self, outline: Outline, context: Context) -> None:
        super().__init__(outline)
        self._context = context
        self._env: dict[str, Any] = {"context": context}
        self._has_notes = False
        self._parser = _parser(context.page.path.lower().endswith(".mdx"))

    def read(self, text: str) -> None:
        text = _HARD_SPACE.sub(r"\1 ", _NESTED_MARKERS.sub("> ", text))
        text = _LONG_INCLUDE.sub(lambda tag: one_line(tag[0]) + "\n" * tag[0].count("\n"), text)
        self._has_notes = "[^" in text
        tokens = self._parser.parse(text, self._env)
        self._children(as_tree(tokens), Lead(), top=True)

    def _children(self, nodes: list[Node], lead: Lead, top: bool = False) -> None:
        for node in nodes:
            self._block(node, lead, top)

    def _block(self, node: Node, lead: Lead, top: bool) -> None:
        if self._context.fixed is not None:
            self.line = self._context.fixed + 1
        elif node.token.map:
            self.line = node.token.map[0] + 1
        kind = node.type
        if self._has_notes and kind in {"heading", "paragraph", "table"}:
            self.outline.notes += _footnotes(node)
        if kind == "heading" and top:
            words = HEADING_ATTRIBUTES.sub("", without_settings(node.words))
            given = _GIVEN_ID.search(node.children[0].token.content) if node.children else None
            self.outline.heading(
                int(node.token.tag[1:]), words, self.line, given=(given[1] or given[2]) if given else ""
            )
        elif kind in {"paragraph", "heading", "inline", "dt"}:
            words = inline_text([node.token]) if kind == "inline" else node.words
            self.add("prose", ATTRIBUTES_AT_END.sub("", words) if words.endswith("}") else words, lead)
        elif kind in {"fence", "code_block"}:
            self._code(node, lead)
        elif kind == "html_block":
            self._html(node, lead)
        elif kind in {"bullet_list", "ordered_list"}:
            self._list(node, lead)
        elif kind == "table":
            self._table(node, lead)
        elif kind == "list_table":
            self._list_table(node, lead)
        elif kind == "labelled":
            self._labelled(node, lead)
        elif kind == "footnote_reference":
            outer, tight = lead.take()
            label = node.token.meta.get("label", "")
            self._children(node.children, Lead(f"{outer}[{label}] ", lead.rest, tight))
        elif kind == "dd":
            lead.tight = True
            self._children(node.children, lead)
        elif kind == "rst":
            self._restructuredtext(node, lead)
        elif kind == "label":
            self.outline.label(node.token.meta["name"], node.token.meta.get("is_id", False))
        else:  # block quotes, and whatever an extension adds
            self._children(node.children, lead)

    def _html(self, node: Node, lead: Lead) -> None:
        for block in html_blocks(without_tags(node.token.content), self.line):
            if block.kind == "prose":
                self.add("prose", block.text, lead)
            else:
                self.flush(lead)
                self.outline.add(block)

    def _code(self, node: Node, lead: Lead) -> None:
        info = node.token.info.strip() if node.type == "fence" else ""
        named = _FILE_OF_CODE.search(info)
        if named:
            self.add("prose", as_label(named[2] or named[3]), lead)
        self.flush(lead)
        language = _LANGUAGE.match(info)
        code = code_with_includes(self._context, node.token.content, self.line - 1)
        if "highlight-" in code or "[!code " in code:
            code = _COLOURING.sub("", code)
        code = _BLANK_EDGES.sub("", code)
        options = _CELL_OPTIONS.match(code)
        for caption in self._captions(info, options[0] if options else ""):
            self.add("prose", as_label(one_line(caption)), lead)
            self.flush(lead)
        text = unescaped(_BLANK_EDGES.sub("", code[options.end() :] if options else code))
        self.outline.add(Block("code", text, self.line, language=language[1] if language else ""))

    def _captions(self, info: str, options: str) -> list[str]:
        """What stands below the figure or table that a cell makes."""
        given = read_yaml(_MARK_OF_OPTIONS.sub("", options)) if "cap" in options else {}
        captions = [given.get(key) for key in ("fig-cap", "tbl-cap", "lst-cap", "fig-subcap")]
        found = [text for one in captions for text in (one if isinstance(one, list) else [one])]
        beside = _CAPTION_OF_CELL.search(info)
        return [text for text in [beside and beside[2], *found] if isinstance(text, str)]

    def _list(self, node: Node, lead: Lead) -> None:
        self.above_list(lead)
        close = lead.tight or lead.waits
        start = int(node.token.attrs.get("start", 1))
        for number, item in enumerate(node.children):
            marker = f"{start + number}. " if node.type == "ordered_list" else "- "
            own = lead.item(marker, close or number > 0)
            for position, child in enumerate(item.children):
                own.tight = own.tight or close or number > 0 or position > 0
                self._block(child, own, top=False)

    def _labelled(self, node: Node, lead: Lead) -> None:
        label = inline_text(self._parser.parseInline(node.token.meta["label"], self._env))
        outer, tight = lead.take()
        own = Lead(f"{outer}{label} " if node.children else outer + label.rstrip(":"), lead.rest, tight)
        self._children(node.children, own)
        self.flush(own)

    def _restructuredtext(self, node: Node, lead: Lead) -> None:
        self.flush(lead)
        chain = node.token.meta.get("chain", self._context.chain)
        passage = Passage("restructuredtext", node.token.content, chain, self.line)
        self._context.page.embed(passage, self._context.page, self.outline)

    # Tables

    def _table(self, node: Node, lead: Lead) -> None:
        self.flush(lead)
        rows: list[str] = []
        head: list[str] = []
        for row in node.find("tr"):
            text = " | ".join(cell.words.replace("\n", " ") for cell in row.children).strip()
            if text.strip(" |"):
                rows.append(text)
                head += [text] if not head and row.children[0].type == "th" else []
        self.outline.add(Block("table", "\n".join(rows), self.line, head="\n".join(head)))

    def _list_table(self, node: Node, lead: Lead) -> None:
        lists = [child for child in node.children if child.type == "bullet_list"]
        if any(True for kind in ("fence", "code_block") for _ in node.find(kind)) and len(lists) == 1:
            self._cells_with_code(lists[0], node.token.meta["header"], lead)
            return
        rows = [
            " | ".join(
                self.in_cell(partial(self._children, cell.children, Lead()))
                for inner in item.children
                for cell in inner.children
            )
            for item in (lists[0].children if lists else [])
            if all(inner.type == "bullet_list" for inner in item.children)
        ]
        if not rows or len(lists) != len(node.children) or len(rows) != len(lists[0].children):
            self._children(node.children, lead)
            return
        self.flush(lead)
        head = "\n".join(rows[: node.token.meta["header"]])
        self.outline.add(Block("table", "\n".join(rows), self.line, head=head))

    def _cells_with_code(self, rows: Node, header: int, lead: Lead) -> None:
        """A table with code in its cells: each cell by itself, behind the name of its column."""
        names: list[str] = []
        for number, row in enumerate(rows.children):
            cells = [cell for inner in row.children for cell in inner.children]
            if number < header:
                names = [self.in_cell(partial(self._children, cell.children, Lead())) for cell in cells]
                continue
            for at, cell in enumerate(cells):
                own = Lead(as_label(names[at]) + " " if at < len(names) else "", lead.rest)
                self._children(cell.children, own)
                self.flush(own)


def _footnotes(node: Node) -> int:
    """How many references to footnotes stand in a block."""
    own = sum(token.type == "footnote_ref" for token in node.token.children or ())
    return own + sum(map(_footnotes, node.children))
