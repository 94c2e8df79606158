"""Translates Argilla's text queries to FTS5.

The language is Lucene's SimpleQueryParser (org.apache.lucene.queryparser.simple), which Elasticsearch offers
as `simple_query_string` and which Argilla asks for with AND as the default operator: `"a phrase"`, `prefix*`,
`-not`, `one | other`, `+`, brackets and backslash escapes. Operators bind from left to right with equal
strength. No input is an error. Differences: `term~1` (fuzzy) is taken literally without its suffix, a term of
several words (`e-mail`, `loop/clay`) is a phrase, and `"a b"~3` becomes FTS5's NEAR, which asks for no order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from argilla_lite.engine import tokens

# A column and the one word in it: FTS5 cannot negate without something to subtract from.
MARKER = "everything"
_MATCH_ALL = f'{{{MARKER}}} : "{MARKER}"'
# FTS5's parser has a stack of 100 entries, and a phrase of thousands of words keeps it busy for minutes. What
# goes beyond these limits is left out, not refused.
_DEEPEST = 15
_MOST_WORDS = 250
_MOST_NEAR = 16  # words; its time grows much faster than their number
_ENDS_TERM = set('"|+()')
_QUOTED = re.compile('"[^"]*"')
_BRACKETS = re.compile("[()]")
_SLOP = re.compile(r"~(\d{1,3})")


def to_fts5(query: str, columns: list[str]) -> str | None:
    """The FTS5 expression for a query as it was typed, or None when nothing can match (no words at all). A
    record matches when its words are found in any of the `columns`."""
    if not columns:
        return None
    parser = _Parser(query.replace("\0", " "), " ".join(columns))
    return parser.parse(0, len(parser.text), 0)


@dataclass
class _State:
    """The query built so far at one level of brackets."""

    operands: list[str] = field(default_factory=list)  # all joined by the same operator
    joined_by: str = "AND"
    operator: str | None = None  # given before the next operand
    negate: bool = False

    @property
    def top(self) -> str | None:
        if len(self.operands) < 2:
            return self.operands[0] if self.operands else None
        return "(" + f" {self.joined_by} ".join(self.operands) + ")"

    def add(self, operand: str | None) -> None:
        if operand is None:
            return
        if self.negate:
            operand = f"({_MATCH_ALL} NOT {operand})"
        operator = self.operator or "AND"
        turns = len(self.operands) > 1 and operator != self.joined_by
        before = [str(self.top)] if turns else self.operands
        if max(map(_nesting, [operand, *before[:1]])) >= _DEEPEST:
            return
        self.operands = [*before, operand]
        self.joined_by = operator
        self.operator = None


def _nesting(expression: str) -> int:
    """How deep an expression's brackets go."""
    deepest = depth = 0
    for bracket in _BRACKETS.findall(_QUOTED.sub("", expression)):
        depth += 1 if bracket == "(" else -1
        deepest = max(deepest, depth)
    return deepest


@dataclass
class _Parser:
    text: str
    columns: str
    words: int = 0

    def parse(self, start: int, end: int, depth: int) -> str | None:
        state = _State()
        position = start
        while position < end:
            character = self.text[position]
            if character == "-":
                state.negate = not state.negate
                position += 1
                continue  # keeps the negation for what follows at once
            if character == "(":
                position = self._brackets(state, position, end, depth)
            elif character == '"':
                position = self._phrase(state, position, end)
            elif character in "+|":
                if state.operands and state.operator is None:
                    state.operator = "AND" if character == "+" else "OR"
                position += 1
            elif character == ")" or character.isspace():
                position += 1
            else:
                position = self._term(state, position, end)
            state.negate = False
        return state.top

    def _brackets(self, state: _State, position: int, end: int, depth: int) -> int:
        opened, cursor = 1, position + 1
        while cursor < end and opened:
            if self.text[cursor] == "\\":
                cursor += 1
            elif self.text[cursor] == "(":
                opened += 1
            elif self.text[cursor] == ")":
                opened -= 1
            cursor += 1
        if opened or depth >= _DEEPEST:
            return position + 1  # unbalanced: as if the bracket were not there
        state.add(self.parse(position + 1, cursor - 1, depth + 1))
        return cursor

    def _phrase(self, state: _State, position: int, end: int) -> int:
        cursor, letters = position + 1, []
        while cursor < end and self.text[cursor] != '"':
            if self.text[cursor] == "\\" and cursor + 1 < end:
                cursor += 1
            letters.append(self.text[cursor])
            cursor += 1
        if cursor >= end:
            return position + 1  # no closing quote: as if it were not there
        cursor += 1
        slop = _SLOP.match(self.text, cursor, end)
        prepared = tokens.prepare("".join(letters))
        if tokens.has_token(prepared):
            near = int(slop.group(1)) if slop else 0
            state.add(self._near(prepared, near) if near else self._leaf(prepared))
        return slop.end() if slop else cursor

    def _term(self, state: _State, position: int, end: int) -> int:
        letters: list[str] = []
        prefix, cursor = False, position
        while cursor < end:
            character = self.text[cursor]
            if character in _ENDS_TERM or character.isspace():
                break
            prefix = character == "*"
            if character == "\\" and cursor + 1 < end:
                cursor += 1
                character, prefix = self.text[cursor], False
            letters.append(character)
            cursor += 1
        term = "".join(letters)
        if prefix:
            if term == "*":
                state.add(_MATCH_ALL)
                return cursor
            term = term[:-1]
        elif (fuzzy := re.search(r"~\d?$", term)) is not None:
            term = term[: fuzzy.start()]
        prepared = tokens.prepare(term)
        if tokens.has_token(prepared):
            leaf = self._leaf(prepared)
            state.add(f"{leaf} *" if leaf and prefix else leaf)
        return cursor

    def _leaf(self, prepared: str) -> str | None:
        phrase = self._within_limits(prepared)
        return f'{{{self.columns}}} : "{phrase}"' if phrase else None

    def _near(self, prepared: str, slop: int) -> str | None:
        words = [word for word in self._within_limits(prepared).split() if tokens.has_token(word)]
        if not words:
            return None
        # FTS5 counts from the first word to the last, Lucene what lies between the words.
        between = slop + max(len(words) - 2, 0)
        words = [f'"{word}"' for word in words[:_MOST_NEAR]]
        return f"{{{self.columns}}} : NEAR({' '.join(words)}, {between})"

    def _within_limits(self, prepared: str) -> str:
        """As many words as the query may still have."""
        kept, count = tokens.first_words(prepared.replace('"', " "), _MOST_WORDS - self.words)
        self.words += count
        return kept
