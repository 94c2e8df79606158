"""Where a dialect's rule stands, and what it may push into markdown-it's stream of tokens.

A rule pushes the tokens that markdown-it makes itself (paragraphs, fences, tables, …) and these:

    labelled      a container whose ``meta["label"]`` stands before its content
    list_table    a container with a list of lists, each inner list a row; ``meta["header"]``: rows of head
    rst           a leaf with reStructuredText as its content
    label         a leaf: ``meta["name"]`` names the section that begins next (``is_id``: is its id)
    markdown-it's ``inline`` tokens may hold ``code_inline`` and ``text``
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from curation.documents.markup.markdown.front_matter import without_front_matter
from curation.documents.markup.page import Included, Notice, Page

_DEEPEST = 20
_OF_THE_PAGE = re.compile(r"^\$?front[mM]atter\.")


@dataclass
class Context:
    """In ``env["context"]`` of every markdown-it state: the page, and how far the reader is into it.

    ``base`` is the line of the page on which the text being parsed begins (from 0). In an included file
    every line counts as the one that included it. ``values`` are the page's own, for ``{name}``, and
    ``partials`` the files that it imports as components. ``room`` is how many characters may still be looked
    through in vain for the end of a tag, ``tabs`` the labels that are left of the tabs that are open.
    """

    page: Page
    chain: tuple[str, ...] = ()
    base: int = 0
    depth: int = 0
    fixed: int | None = None
    values: dict[str, str] = field(default_factory=dict)
    partials: dict[str, str] = field(default_factory=dict)
    tabs: list[list[tuple[str, str]]] = field(default_factory=list)
    ends: dict[str, dict[int, int]] = field(default_factory=dict)
    room: int = 5_000_000

    @property
    def is_mdx(self) -> bool:
        return self.page.path.lower().endswith(".mdx")

    def value(self, name: str) -> str | None:
        """What ``{name}`` or ``{{ name }}`` is on this page."""
        return self.values.get(_OF_THE_PAGE.sub("page.", name))

    def line(self, number: int) -> int:
        """The line of the page, from 1, for line ``number`` (from 0) of what is being parsed."""
        return (self.fixed if self.fixed is not None else self.base + number) + 1

    def unknown(self, name: str, number: int) -> None:
        self.page.unknown.append(Notice(name, self.line(number)))

    def left_out(self, name: str, number: int) -> None:
        self.page.left_out.append(Notice(name, self.line(number)))

    def include(self, target: str, number: int, options: Mapping[str, str] | None = None) -> Included | None:
        return self.page.include(target, self.line(number), self.chain, options)


BlockRule = Callable[[StateBlock, int, int, bool], bool]
_RULES: WeakKeyDictionary[MarkdownIt, dict[str, list[BlockRule]]] = WeakKeyDictionary()
_MAY_INTERRUPT = ["paragraph", "reference", "blockquote", "list", "table"]


def add_block_rule(md: MarkdownIt, characters: str, rule: BlockRule) -> None:
    """Ask ``rule`` for each line that begins with one of ``characters``, before markdown-it's own fences.

    Of several rules for a character the one that was added first is asked first. All stand behind one rule of
    markdown-it's, since each of those costs a call for every line.
    """
    rules = _RULES.get(md)
    if rules is None:
        rules = _RULES[md] = {}

        def dialects(state: StateBlock, first: int, last: int, silent: bool, rules: Any = rules) -> bool:
            at = state.bMarks[first] + state.tShift[first]
            found = rules.get(state.src[at : at + 1])
            if found is None or state.is_code_block(first):
                return False
            return any(one(state, first, last, silent) for one in found)

        md.block.ruler.before("fence", "dialects", dialects, {"alt": _MAY_INTERRUPT})
    for character in characters:
        rules.setdefault(character, []).append(rule)


def context_of(state: StateBlock) -> Context:
    context = state.env["context"]
    assert isinstance(context, Context)  # noqa: S101
    return context


def line_at(state: StateBlock, number: int) -> str:
    """Line ``number`` of what is parsed, from the column at which its container begins."""
    if number >= state.lineMax:
        return ""
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def push_markdown(state: StateBlock, lines: Sequence[str], first: int) -> None:
    """Parse ``lines``, of which the first is line ``first`` of what is being parsed, in this place."""
    _parse(state, "\n".join(lines), first)


def push_included(state: StateBlock, included: Included, number: int) -> None:
    """Parse an included file in this place."""
    context = context_of(state)
    before = context.chain, context.fixed
    context.chain, context.fixed = included.chain, context.line(number) - 1
    try:
        _parse(state, without_front_matter(included.text), number, included=True)
    finally:
        context.chain, context.fixed = before


def _parse(state: StateBlock, text: str, first: int, included: bool = False) -> None:
    context = context_of(state)
    tokens: list[Token] = []
    if context.depth >= _DEEPEST:
        push_paragraph(state, " ".join(text.split()), first)
        return
    context.depth += 1
    base, context.base = context.base, context.base + first
    try:
        state.md.block.parse(text, state.md, state.env, tokens)
    finally:
        context.depth -= 1
        context.base = base
    for token in tokens:
        if token.map:
            token.map = [first, first + 1] if included else [token.map[0] + first, token.map[1] + first]
    state.tokens += tokens


@contextmanager
def labelled(state: StateBlock, label: str, first: int, end: int) -> Iterator[None]:
    """A container around what is pushed within; without a label none."""
    if not label:
        yield
        return
    token = state.push("labelled_open", "div", 1)
    token.map, token.meta = [first, end], {"label": label}
    yield
    state.push("labelled_close", "div", -1)


def push_paragraph(state: StateBlock, text: str, number: int) -> None:
    if not text.strip():
        return
    token = state.push("paragraph_open", "p", 1)
    token.map = [number, number + 1]
    token = state.push("inline", "", 0)
    token.map, token.content, token.children = [number, number + 1], text, []
    state.push("paragraph_close", "p", -1)


def push_label(state: StateBlock, label: str, number: int) -> None:
    """A label on a line of its own."""
    if label.strip():
        push_paragraph(state, as_label(label), number)


def push_code(state: StateBlock, text: str, language: str, number: int) -> None:
    token = state.push("fence", "code", 0)
    token.map, token.content, token.info = [number, number + 1], text, language


def as_label(words: str) -> str:
    """``words`` as what stands before a text."""
    words = words.strip()
    return words if not words or words.endswith((".", ":", "?", "!")) else f"{words}:"


def cut_lines(state: StateBlock, first: int, end: int, indent: int) -> list[str]:
    """Lines ``first`` to ``end`` (excluded) without up to ``indent`` columns of their indentation."""
    return state.getLines(first, end, indent, False).split("\n") if end > first else []
