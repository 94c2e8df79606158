"""Inline tokens as readable text: what a reader sees, not what a renderer needs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from curation.documents.markup.blocks import one_line
from curation.documents.markup.html import is_html_tag
from curation.documents.markup.markdown.dialects.shortcodes import unescaped
from curation.documents.markup.references import PAGE, mark
from curation.documents.markup.rst.roles import role_text

# [words][name] and [][name] that lead out of the page; a[0][1] does not.
_REFERENCE = re.compile(r"(?<![\w\])])\[([^\[\]]*)\]\[([^\[\]]*)\]")
_ATTRIBUTE = r"(?:[.#][\w:-]+|[\w:-]+=(?:\"[^\"]*\"|'[^']*'|[^\s{}\"']+)|data-[\w-]+)"
ATTRIBUTES_AT_END = re.compile(rf"\s*\{{:?\s*{_ATTRIBUTE}(?:\s+{_ATTRIBUTE})*\s*\}}\s*$")
_FIRST = rf":\s*(?:{_ATTRIBUTE}|[\w-]+)|\s*{_ATTRIBUTE}"  # then bare words may follow
HEADING_ATTRIBUTES = re.compile(rf"\s*\{{(?:(?:{_FIRST})(?:\s+(?:{_ATTRIBUTE}|[\w-]+))*|\s*[\w-]+)\s*\}}\s*$")
_ATTRIBUTES_AFTER = re.compile(rf"^\{{:?\s*{_ATTRIBUTE}(?:\s+{_ATTRIBUTE})*\s*\}}")
# `#!python fire()` of pymdownx: code and its language.
_LANGUAGE_OF_CODE = re.compile(r"^#![a-z][\w+-]* +(?=\S)")
_SPAN = re.compile(rf"\[([^\[\]]*)\]\{{:?\s*{_ATTRIBUTE}(?:\s+{_ATTRIBUTE})*\s*\}}")
_ALERT = re.compile(r"^\[!(\w+)\][+-]?\s*")
_FOOTNOTE = re.compile(r"\[\^([\w-]+)\]")
_HOLD = re.compile("\ue000(\\d+)\ue001")
_WIDE = "\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uff00-\uffef"
_ROLE_BEFORE = re.compile(
    r"(?<![\w:`]):"
    r"([a-z]+:[a-z]+|class|func|meth|mod|attr|exc|data|obj|const|ref|doc|term|envvar|option|file|pep|rfc"
    r"|code|command|program|kbd|samp|sub|sup|math|guilabel|menuselection|abbr):$"
)
# What {.attributes} may stand behind.
_MARKED = frozenset({"link_close", "image", "code_inline", "strong_close", "em_close"})
_OF_MYST = ("project:", "path:", "inv:", "xref:")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # the address of another site
_BETWEEN_WIDE = re.compile(rf"(?<=[{_WIDE}])\ue003(?=[{_WIDE}])")


def inline_text(tokens: Sequence[Token]) -> str:
    """Inline content as text: link texts without targets, code spans in backticks, no emphasis marks."""
    reader = _Inline()
    reader.read(tokens)
    text = "".join(reader.parts)
    if "\ue003" in text:
        text = _BETWEEN_WIDE.sub("", text).replace("\ue003", " ")
    if "[" in text:
        text = _REFERENCE.sub(lambda found: found[1] or found[2] or found[0], text)
        text = _SPAN.sub(r"\1", text)
        text = _FOOTNOTE.sub(r"[\1]", text)
        text = _ALERT.sub(lambda found: f"{found[1].capitalize()}: ", text)
    if "\ue002" in text:
        text = "\n".join(filter(None, map(one_line, text.split("\ue002"))))
    else:
        text = one_line(text)
    return _HOLD.sub(lambda found: reader.codes[int(found[1])], text) if reader.codes else text


class _Inline:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.codes: list[str] = []
        self._links: list[tuple[int, Token]] = []

    def read(self, tokens: Sequence[Token]) -> None:
        after_mark = False
        for token in tokens:
            kind = token.type
            if kind == "text":
                content = token.content
                self.parts.append(_ATTRIBUTES_AFTER.sub("", content) if after_mark else content)
            elif kind == "code_inline":
                self._code_or_role(token.content)
            elif kind == "softbreak":
                self.parts.append("\ue003")
            elif kind == "link_open":
                self._links.append((len(self.parts), token))
            elif kind == "link_close":
                self._link()
            else:
                self._other(token)
            after_mark = kind in _MARKED

    def _other(self, token: Token) -> None:
        kind = token.type
        if kind == "myst_role":
            words, is_code = role_text(token.meta["name"], token.content)
            self._code(words) if is_code else self.parts.append(words)
        elif kind == "hardbreak":
            self.parts.append("\ue002")
        elif kind == "html_inline":
            self._html(token.content)
        elif kind == "image":
            self.parts.append("")  # a link around it has words, if it has none itself
            self.read(token.children or [])
        elif kind == "footnote_ref":
            self.parts.append(f"[{token.meta.get('label', '')}]")
        elif token.children:
            self.read(token.children)

    def _code_or_role(self, content: str) -> None:
        """A code span. Behind a role of reStructuredText, in docstrings that stand in Markdown, its text."""
        role = _ROLE_BEFORE.search(self.parts[-1]) if self.parts else None
        if role is None:
            self._code(content)
            return
        self.parts[-1] = self.parts[-1][: role.start()]
        words, is_code = role_text(role[1], content)
        self._code(words) if is_code else self.parts.append(words)

    def _code(self, content: str) -> None:
        content = _LANGUAGE_OF_CODE.sub("", unescaped(content))
        self.codes.append(f"`{one_line(content)}`" if "`" not in content else f"`` {one_line(content)} ``")
        self.parts.append(f"\ue000{len(self.codes) - 1}\ue001")

    def _html(self, tag: str) -> None:
        if tag.lower().startswith("<br"):
            self.parts.append("\ue002")
        elif not is_html_tag(tag):
            self.parts.append(tag)  # <your-name>, List<String>

    def _link(self) -> None:
        if not self._links:
            return
        before, token = self._links.pop()
        target = str(token.attrs.get("href", ""))
        is_bare = token.info == "auto" and target.startswith(_OF_MYST)  # <project:guide.md#fire>
        if is_bare or len(self.parts) == before:  # a picture without words is something else
            target = re.sub(r"^inv:.*(?=#)|^(?:project|path|inv|xref):", "", target)
            self.parts[before:] = [] if not target or _ELSEWHERE.match(target) else [mark(PAGE, target)]
