"""Markdown to sections of blocks, on markdown-it-py's tokens and their line numbers."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from curation.documents.markup.blocks import Block, Outline, ParsedDocument, one_line
from curation.documents.markup.html import html_words
from curation.documents.markup.markdown_lines import prepare

_REFERENCE = re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]")
_ATTRIBUTES_AT_END = re.compile(r"\s*\{:?\s*(?:[.#][\w-]|[\w-]+=)[^{}\n]*\}\s*$")
_ATTRIBUTES_AFTER = re.compile(r"^\{:?\s*(?:[.#][\w-]|[\w-]+=)[^{}\n]*\}")
_ROLE = re.compile(r"\{[\w:+.-]+\}$")
_ROLE_TARGET = re.compile(r"^(.+?)\s*<[^<>]+>$")
_ICON = re.compile(r":(?:material|octicons|fontawesome|simple)-[\w-]+:")
_ALERT = re.compile(r"^\[!(\w+)\]\s*")
_HOLD = re.compile("\ue000(\\d+)\ue001")
_BLANK_EDGES = re.compile(r"\A(?:[ \t]*\n)+|\s+\Z")
_LANGUAGE = re.compile(r"^[{.]*([\w+#.-]+)")


def parse_markdown(text: str) -> ParsedDocument:
    """Read Markdown. Whatever the parser cannot take is kept as plain paragraphs."""
    prepared = prepare(text)
    try:
        return _read(prepared.text, prepared.title, prepared.description)
    except (RecursionError, IndexError, ValueError, KeyError, AttributeError):
        return _plain(text)


def _read(text: str, title: str, description: str) -> ParsedDocument:
    parser = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    reader = _Reader()
    if description:
        reader.outline.add(Block("prose", one_line(description), 1))
    for node in SyntaxTreeNode(parser.parse(text)).children:
        reader.block(node, "", top=True)
    return reader.outline.finish(title)


def _plain(text: str) -> ParsedDocument:
    outline = Outline()
    line = 1
    for paragraph in text.split("\n\n"):
        outline.add(Block("prose", paragraph.strip("\n"), line))
        line += paragraph.count("\n") + 2
    return outline.finish()


class _Reader:
    def __init__(self) -> None:
        self.outline = Outline()
        self._line = 1

    def block(self, node: SyntaxTreeNode, prefix: str, top: bool = False, tight: bool = False) -> None:
        """Add what ``node`` holds; ``prefix`` goes before its first line, its width before the others."""
        self._line = node.map[0] + 1 if node.map else self._line
        line = self._line
        if node.type == "heading" and top:
            level = int(node.tag[1:])
            self.outline.heading(level, _ATTRIBUTES_AT_END.sub("", _inline(node.children)), line)
        elif node.type in {"paragraph", "heading"}:
            text = _ATTRIBUTES_AT_END.sub("", _inline(node.children))
            kind = "list" if prefix.strip() else "prose"
            self._add(
                Block("list" if kind == "list" else "prose", prefix + text if text else "", line, tight=tight)
            )
        elif node.type in {"fence", "code_block"}:
            code = _BLANK_EDGES.sub("", node.content)
            found = _LANGUAGE.match(node.info.strip()) if node.type == "fence" else None
            if prefix.strip():
                self._add(Block("list", prefix.rstrip(), line, tight=tight))
            self._add(Block("code", code, line, language=found[1] if found else ""))
        elif node.type == "html_block":
            words = html_words(node.content)
            self._add(Block("prose", prefix + words if words else "", line, tight=tight))
        elif node.type in {"bullet_list", "ordered_list"}:
            self._list(node, prefix, tight)
        elif node.type == "table":
            self._add(Block("table", _table(node), line))
        elif node.type == "inline":
            self._add(Block("prose", prefix + _inline([node]), line, tight=tight))
        else:  # block quotes, and whatever an extension adds
            for number, child in enumerate(node.children):
                self.block(child, prefix if number == 0 else " " * len(prefix), tight=tight and number == 0)

    def _list(self, node: SyntaxTreeNode, prefix: str, tight: bool) -> None:
        start = int(node.attrs.get("start", 1))
        for number, item in enumerate(node.children):
            marker = f"{start + number}. " if node.type == "ordered_list" else "- "
            # an item that opens with a list of its own carries both markers on one line
            lead = (prefix if number == 0 else " " * len(prefix)) + marker
            for position, child in enumerate(item.children):
                own = lead if position == 0 else " " * len(lead)
                close = tight or bool(number or position)
                self.block(child, own, tight=close)

    def _add(self, block: Block) -> None:
        self.outline.add(block)


def _inline(nodes: list[SyntaxTreeNode]) -> str:
    """Inline content as text: link texts without targets, code spans in backticks, no emphasis marks."""
    codes: list[str] = []
    parts: list[str] = []
    _inline_parts(nodes, parts, codes)
    text = "".join(parts)
    text = _REFERENCE.sub(r"\1", text)
    text = _ICON.sub("", text)
    text = _ALERT.sub(lambda found: f"{found[1].capitalize()}: ", text)
    lines = (one_line(line) for line in text.split("\ue002"))
    text = "\n".join(line for line in lines if line)
    return _HOLD.sub(lambda found: codes[int(found[1])], text)


def _inline_parts(nodes: list[SyntaxTreeNode], parts: list[str], codes: list[str]) -> None:
    after_mark = False
    for node in nodes:
        if node.type == "text":
            content = re.sub("[\ue000-\ue002]", "", node.content)
            parts.append(_ATTRIBUTES_AFTER.sub("", content) if after_mark else content)
        elif node.type == "code_inline":
            content = node.content
            if parts and _ROLE.search(parts[-1]):
                parts[-1] = _ROLE.sub("", parts[-1])
                content = _ROLE_TARGET.sub(r"\1", content)
            codes.append(f"`{one_line(content)}`" if "`" not in content else f"`` {one_line(content)} ``")
            parts.append(f"\ue000{len(codes) - 1}\ue001")
        elif node.type == "softbreak":
            parts.append(" ")
        elif node.type == "hardbreak":
            parts.append("\ue002")
        elif node.type == "html_inline":
            parts.append("\ue002" if node.content.lower().startswith("<br") else "")
        elif node.type == "image":
            parts.append(node.content)
        else:
            _inline_parts(node.children, parts, codes)
        after_mark = node.type in {"link", "image", "code_inline", "strong", "em"}


def _table(node: SyntaxTreeNode) -> str:
    rows: list[str] = []
    for row in node.walk():
        if row.type == "tr":
            cells = [_inline(cell.children).replace("\n", " ") for cell in row.children]
            rows.append(" | ".join(cells).strip())
    return "\n".join(row for row in rows if row.strip(" |"))
