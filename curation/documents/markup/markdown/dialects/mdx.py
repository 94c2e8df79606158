"""MDX: imports, exports, components and comments of JSX between Markdown.

Components go, the words that they are given (``label``, ``title``) and what stands between their tags stay.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, html_block
from markdown_it.rules_inline import StateInline

from curation.documents.markup.markdown.context import (
    Context,
    add_block_rule,
    context_of,
    line_at,
    push_code,
    push_included,
    push_label,
    push_markdown,
    push_paragraph,
)
from curation.documents.markup.markdown.dialects.attributes import given_words

_MOST_LINES = 300
_MOST_CHARACTERS = 20_000
_MOST_OF_A_TAG = 400_000  # an API reference may be one component's data
_IMPORT = re.compile(r"^import\s+(?:[\w*{}\s,$-]+?\s+from\s+)?(['\"])[^'\"\n]+\1\s*;?\s*$")
_MAY_IMPORT = re.compile(r"^import\s*(?:[\w*$]+[\w*$,\s]*|\{|['\"])")
_PARTIAL = re.compile(r"^import\s+(\w+)\s+from\s+['\"]([^'\"\n]+\.mdx?)['\"]")
_EXPORT = re.compile(r"^export\s+(?:const|let|var|function|default|class|async|type|interface|\{|\*)")
_VALUE = re.compile(r"^export\s+const\s+(\w+)\s*=\s*(?:(['\"])(.*?)\2|([\d.]+))\s*;?\s*$")
_COMPONENT = re.compile(r"</?[A-Z][\w.]*(?=[\s/>]|$)|<>|</>", re.MULTILINE)
# In an .mdx file all tags are JSX; but rows of a table stay together.
_ELEMENT = re.compile(
    r"</?(?!(?:table|thead|tbody|tfoot|tr|td|th|caption|pre|script|style)\b)[a-z][\w.-]*(?=[\s/>]|$)"
)
_CAPITAL = re.compile(r"</?[A-Z]+[a-z]")
_ITEMS = re.compile(r"\bitems=\{\s*\[([^\[\]{}]*)\]\s*\}")
_VALUE_OF_TAB = re.compile(r"\bvalue=\{?[\"']([^\"'\n]+)")  # Docusaurus: what has no label shows its value
_STRING = re.compile(r"([\"'`])(.*?)\1")
# <CodeBlock>{`…`}</CodeBlock>: code over several lines
_LITERAL = re.compile(r"\{`(?=[^`]*\n)(?:\\.|[^`\\$]|\$(?!\{))*`\}", re.DOTALL)
_ESCAPED = re.compile(r"\\([`$\\])")
_SIGNIFICANT = re.compile(r"[\"'`{}<>\\]")
_NAME = re.compile(r"\{\s*(?:([A-Za-z_][\w.?]*)|([\"'`])([^\"'`$\n]*)\2)\s*\}")
# A line of an expression: {page.is_new && (   …   )}
_EXPRESSION = re.compile(r"\{[^{}\"'`]*(?:&&|\?|=>)\s*\(?\s*$|\)+\}\s*$|\{[A-Za-z_]\w*\??\.[\w.?]+\}\s*$")


def dialect(md: MarkdownIt) -> None:
    add_block_rule(md, "ie", _module)
    add_block_rule(md, "{", _comment)
    add_block_rule(md, "{)", _expression)
    add_block_rule(md, "<{", _component)
    md.block.ruler.at("html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]})
    md.inline.ruler.before("html_inline", "mdx_inline", _inline)
    md.inline.ruler.before("html_inline", "mdx_value", _inline_value)


def _module(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """An import or export: up to the blank line behind it."""
    line = line_at(state, first)
    if silent or state.level or not line.startswith(("import", "export")):
        return False
    end = first
    if _MAY_IMPORT.match(line):
        text = ""
        while end < min(last, first + _MOST_LINES) and not state.isEmpty(end):
            text += line_at(state, end) + "\n"
            end += 1
            if _IMPORT.match(text):
                partial = _PARTIAL.match(text)
                if partial:
                    context_of(state).partials[partial[1]] = partial[2].removeprefix("@site")
                break
        else:
            return False
    elif _EXPORT.match(line):
        depth = 0
        while end < min(last, first + _MOST_LINES):
            text = line_at(state, end)
            depth += sum(text.count(mark) for mark in "{[(") - sum(text.count(mark) for mark in "}])")
            end += 1
            if depth <= 0 and (end >= last or state.isEmpty(end) or _EXPORT.match(line_at(state, end))):
                break
        else:
            return False
        value = _VALUE.match(line)
        if value:
            context_of(state).values[value[1]] = value[3] or value[4] or ""
    else:
        return False
    context_of(state).left_out(line.split()[0], first)
    state.line = end
    return True


def _comment(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    begin = state.bMarks[first]
    if not line_at(state, first).startswith("{/*") or _comment_end(state.src, begin) < 0:
        return False
    for number in range(first, min(last, first + _MOST_LINES)):
        if "*/}" in line_at(state, number):
            if line_at(state, number).split("*/}", 1)[1].strip():
                return False
            if not silent:
                state.line = number + 1
            return True
    return False


def _expression(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A line of JavaScript around what a page shows."""
    context = context_of(state)
    if not context.is_mdx or not _EXPRESSION.match(line_at(state, first)):
        return False
    if not silent:
        context.left_out("{expression}", first)
        state.line = first + 1
    return True


def _component(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """Lines that hold tags of components and nothing else; in an .mdx file HTML's containers are such."""
    text, context = state.src, context_of(state)
    at = state.bMarks[first] + state.tShift[first]
    is_literal = context.is_mdx and text.startswith("{`", at)
    if (
        not is_literal
        and not _COMPONENT.match(text, at)
        and not (context.is_mdx and _ELEMENT.match(text, at))
    ):
        return False
    begin, tags = at, list[str]()
    while at < len(text) and text[at] != "\n":
        if text[at] in " \t":
            at += 1
            continue
        literal = _LITERAL.match(text, at, at + _MOST_CHARACTERS) if context.is_mdx else None
        end = literal.end() if literal else tag_end(text, at, context)
        if end is None:
            return False
        tags.append(text[at:end])
        at = end
    end_line = first + text.count("\n", begin, at) + 1
    if end_line > last:
        return False
    if not silent:
        for tag in tags:
            if tag.startswith("{`"):
                push_code(state, _ESCAPED.sub(r"\1", tag[2:-2]).strip("\n"), "", first)
            elif not tag.startswith("</"):
                _put(state, tag, first)
            elif re.match(r"</Tabs\s*>", tag) and context.tabs:
                context.tabs.pop()
        state.line = end_line
    return True


def _html_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """markdown-it's own, but for components whose names are HTML's: ``<Frame>``, ``<Details>``."""
    return not _CAPITAL.match(line_at(state, first)) and html_block(state, first, last, silent)


def _put(state: StateBlock, tag: str, number: int) -> None:
    """What a component shows: the page that was imported by its name, else the words that it is given."""
    context, name = context_of(state), re.split(r"[\s/>]", tag[1:], maxsplit=1)[0]
    included = context.include(context.partials[name], number) if name in context.partials else None
    if included:
        push_included(state, included, number)
        return
    if name[:1].isupper():
        context.left_out(f"<{name}>", number)
    items = _ITEMS.search(tag)
    if items and not tag.endswith("/>"):  # <Tabs items={["npm", "pnpm"]}>: the labels of the tabs within
        context.tabs.append(_STRING.findall(items[1]))
    lines = given_words(tag)
    value = _VALUE_OF_TAB.search(tag) if not lines and name == "TabItem" else None
    if value:
        push_label(state, value[1], number)
    elif not lines and name.endswith("Tab") and context.tabs and context.tabs[-1]:
        push_label(state, context.tabs[-1].pop(0)[1], number)
    elif len(lines) > 1:
        push_markdown(state, [f"- {line}" for line in lines], number)
    else:
        push_paragraph(state, "".join(lines), number)


def _comment_end(text: str, at: int) -> int:
    """Where the comment that begins at ``at`` ends; -1 when it does not end soon."""
    found = text.find("*/}", at, at + _MOST_CHARACTERS)
    return found + 3 if found >= 0 else -1


def tag_end(text: str, at: int, context: Context) -> int | None:
    """Where the tag that begins at ``at`` ends: its strings and expressions may hold ``>``."""
    found = _COMPONENT.match(text, at) or (_ELEMENT.match(text, at) if context.is_mdx else None)
    if not found:
        return None
    if found[0].endswith(">"):
        return found.end()
    depth, quote, escaped = 0, "", -1
    most = min(len(text), at + _MOST_OF_A_TAG, at + context.room)
    for mark in _SIGNIFICANT.finditer(text, found.end(), most):
        char, position = mark[0], mark.start()
        if position == escaped:
            continue
        if quote:
            escaped = position + 1 if char == "\\" and depth else escaped
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
        elif char == ">" and depth <= 0:
            return position + 1
        elif char == "<" and depth <= 0:
            return None
    context.room -= most - at
    return None


def _inline(state: StateInline, silent: bool) -> bool:
    """A component's tag in a line. ``List<String>`` is no tag, and ``<Name>`` only where it is closed."""
    if state.src[state.pos] == "{":
        behind = _comment_end(state.src, state.pos) if state.src.startswith("{/*", state.pos) else -1
        state.pos = behind if behind > 0 else state.pos
        return behind > 0
    if state.src[state.pos] != "<" or (
        state.pos and state.src[state.pos - 1].isalnum() and state.src[state.pos + 1 : state.pos + 2] != "/"
    ):
        return False
    end = tag_end(state.src, state.pos, state.env["context"])
    if end is None:
        return False
    tag = state.src[state.pos : end]
    plain = re.fullmatch(r"<([A-Z][\w.]*)>", tag)
    if plain and f"</{plain[1]}>" not in state.src:
        return False
    if tag.startswith("</") and f"<{tag[2:-1].strip()}" not in state.src[: state.pos]:
        return False
    if not silent and not tag.startswith("</"):
        words = " ".join(given_words(tag))
        if words:
            state.push("text", "", 0).content = words + " "
    state.pos = end
    return True


def _inline_value(state: StateInline, silent: bool) -> bool:
    """``{name}``: the page's own value, else (in an .mdx file) the name; ``{"words"}`` there: the words."""
    if state.src[state.pos] != "{":
        return False
    found = _NAME.match(state.src, state.pos)
    if not found:
        return False
    context = state.env["context"]
    value = context.value(found[1]) if found[1] else found[3]
    if not context.is_mdx and (value is None or not found[1]):
        return False
    if not silent:
        state.push("text", "", 0).content = found[1] if value is None else value
    state.pos = found.end()
    return True
