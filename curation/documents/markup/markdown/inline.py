"""Inline tokens as readable text: what a reader sees, not what a renderer needs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.tree import SyntaxTreeNode

from curation.documents.markup.blocks import one_line
from curation.documents.markup.html import is_html_tag
from curation.documents.markup.rst.roles import role_text

_REFERENCE = re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]")
_ATTRIBUTE = r"(?:[.#][\w:-]+|[\w:-]+=(?:\"[^\"]*\"|'[^']*'|[^\s{}\"']+)|data-[\w-]+)"
ATTRIBUTES_AT_END = re.compile(rf"\s*\{{:?\s*{_ATTRIBUTE}(?:\s+{_ATTRIBUTE})*\s*\}}\s*$")
HEADING_ATTRIBUTES = re.compile(rf"\s*\{{:?\s*(?:{_ATTRIBUTE}|[\w-]+)(?:\s+{_ATTRIBUTE})*\s*\}}\s*$")
_ATTRIBUTES_AFTER = re.compile(rf"^\{{:?\s*{_ATTRIBUTE}(?:\s+{_ATTRIBUTE})*\s*\}}")
_ALERT = re.compile(r"^\[!(\w+)\][+-]?\s*")
_FOOTNOTE = re.compile(r"\[\^([\w-]+)\]")
_DATA = re.compile(r"data:[\w/+.-]*;base64,[A-Za-z0-9+/=\s]{64,}")
_HOLD = re.compile("\ue000(\\d+)\ue001")
OUR_MARKS = re.compile("[\ue000-\ue003]")  # characters that hold places in this file
_WIDE = "\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uff00-\uffef"
_BETWEEN_WIDE = re.compile(rf"(?<=[{_WIDE}])\ue003(?=[{_WIDE}])")


def inline_text(nodes: Sequence[SyntaxTreeNode]) -> str:
    """Inline content as text: link texts without targets, code spans in backticks, no emphasis marks."""
    reader = _Inline()
    reader.read(nodes)
    text = "".join(reader.parts)
    if "\ue003" in text:
        text = _BETWEEN_WIDE.sub("", text).replace("\ue003", " ")
    if "[" in text:
        text = _REFERENCE.sub(r"\1", text)
        text = _FOOTNOTE.sub(r"[\1]", text)
        text = _ALERT.sub(lambda found: f"{found[1].capitalize()}: ", text)
    if ";base64," in text:
        text = _DATA.sub("", text)
    lines = (one_line(line) for line in text.split("\ue002"))
    text = "\n".join(line for line in lines if line)
    return _HOLD.sub(lambda found: reader.codes[int(found[1])], text) if reader.codes else text


class _Inline:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.codes: list[str] = []

    def read(self, nodes: Sequence[SyntaxTreeNode]) -> None:
        after_mark = False
        for node in nodes:
            if node.type == "text":
                content = node.content
                self.parts.append(_ATTRIBUTES_AFTER.sub("", content) if after_mark else content)
            elif node.type == "code_inline":
                self._code(node.content)
            elif node.type == "myst_role":
                words, is_code = role_text(node.meta["name"], node.content)
                self._code(words) if is_code else self.parts.append(words)
            elif node.type == "softbreak":
                self.parts.append("\ue003")
            elif node.type == "hardbreak":
                self.parts.append("\ue002")
            elif node.type == "html_inline":
                self._html(node.content)
            elif node.type == "image":
                self.parts.append(node.content)
            elif node.type == "footnote_ref":
                self.parts.append(f"[{node.meta.get('label', '')}]")
            elif node.type == "link":
                self._link(node)
            else:
                self.read(node.children)
            after_mark = node.type in {"link", "image", "code_inline", "strong", "em"}

    def _code(self, content: str) -> None:
        self.codes.append(f"`{one_line(content)}`" if "`" not in content else f"`` {one_line(content)} ``")
        self.parts.append(f"\ue000{len(self.codes) - 1}\ue001")

    def _html(self, tag: str) -> None:
        if tag.lower().startswith("<br"):
            self.parts.append("\ue002")
        elif not is_html_tag(tag):
            self.parts.append(tag)  # <your-name>, List<String>

    def _link(self, node: SyntaxTreeNode) -> None:
        before = len(self.parts)
        self.read(node.children)
        if not "".join(self.parts[before:]).strip():  # [](#name): MyST takes the title of what it leads to
            target = str(node.attrs.get("href", ""))
            name = target.rpartition("#")[2] or target.rpartition("/")[2]
            self.parts.append("" if "://" in target else re.sub(r"\.(?:md|html?)$", "", name))
