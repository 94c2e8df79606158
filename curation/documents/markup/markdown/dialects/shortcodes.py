"""Templates between Markdown: Hugo's shortcodes, Liquid (Jekyll, GitBook), Jinja, Vue and MyST's values.

The marks go. The words that a shortcode is given and what stands between its tags stay; names of notes and
tabs become labels.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from curation.documents.markup.markdown.context import (
    add_block_rule,
    as_label,
    context_of,
    cut_lines,
    line_at,
    push_code,
    push_label,
    push_markdown,
)
from curation.documents.markup.rst.names import ADMONITIONS

_MOST_LINES = 40
_MOST_CHARACTERS = 1_000
_TAG = re.compile(r"\{\{[<%].*?[>%]\}\}|\{%.*?%\}|\{\{(?![<%#]).*?\}\}|\{#.*?#\}", re.DOTALL)
_SETS = re.compile(r"\{\{\s*[\"']?[\w-]+[\"']?\s*:\s")
_SETTINGS_AT_END = re.compile(rf"\s*{_SETS.pattern}[^{{}}]*\}}\}}\s*$")
_OPENS = ("{{<", "{{%", "{%", "{#", "{{")
_PARTS = re.compile(
    r"(?:(?P<key>[\w-]+)\s*=\s*)?(?:\"(?P<value>(?:\\.|[^\"\\])*)\"|'(?P<quoted>[^']*)'|`(?P<raw>[^`]*)`)"
)
_ESCAPED = re.compile(r"(\{\{[<%])/\*(.*?)\*/([%>]\}\})", re.DOTALL)
# What they are given are names of files and videos.
_NO_WORDS = re.compile(r"youtube|vimeo|tweet|gist|instagram|figure|img|image|icon|(?:rel)?ref\b|end|/")
_TEXTS = ("title", "text", "label", "name", "content", "caption", "alt", "header", "summary")
_VERBATIM = re.compile(
    r"^(?:\{%-?|\{\{[<%])\s*"
    r"(?P<name>highlight|code(?:[-_]?(?:block|toggle|snippet))?|prism|raw|verbatim)(?![\w-])"
    r"(?P<rest>[^%>]*)(?:-?%\}|[>%]\}\})\s*$"
)
_NOTES = ADMONITIONS | {
    "info",
    "success",
    "alert",
    "callout",
    "caution",
    "callout-note",
    "notice",
    "admonition",
    "hint",
}
_LINK = re.compile(
    r"\[(?P<words>(?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]\((?P<target>\s*<?\{[{%][^\n]*?[}%]\}[^)\n]*)\)"
)


def unescaped(text: str) -> str:
    """Hugo's tags that are shown and not run, ``{{</* name */>}}``, as its readers see them."""
    return _ESCAPED.sub(r"\1\2\3", text) if "*/" in text else text


def without_settings(heading: str) -> str:
    """A heading without the ``{{ key: value }}`` of JavaScript behind it."""
    return _SETTINGS_AT_END.sub("", heading) if heading.endswith("}}") else heading


def without_tags(text: str) -> str:
    """HTML without the tags between it."""
    return _TAG.sub(_shown_in_html, text) if "{" in text else text


def _shown_in_html(found: re.Match[str]) -> str:
    is_text = _SETS.match(found[0]) and not found.string[: found.start()].endswith("=")
    return found[0] if is_text else _value(found[0])


def _value(tag: str) -> str:
    """The name in ``{{ name | filter }}``; ``{{ key: value }}`` of JavaScript sets something."""
    is_value = tag.startswith("{{") and tag[2:3] not in "<%" and not _SETS.match(tag)
    return tag.strip("{}- \n").split("|")[0].strip() if is_value else ""


def dialect(md: MarkdownIt) -> None:
    add_block_rule(md, "{", _block)
    md.inline.ruler.before("link", "shortcode_link", _link)
    md.inline.ruler.before("link", "shortcode_inline", _inline)


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """Lines that hold tags and nothing else; code between two tags as code."""
    line = line_at(state, first)
    if not line.startswith(_OPENS):
        return False
    text, end = line, first + 1
    while "}" not in text and end < min(last, first + _MOST_LINES) and not state.isEmpty(end):
        text += "\n" + line_at(state, end)
        end += 1
    if (
        len(text) > 8 * _MOST_CHARACTERS
        or _ESCAPED.search(text)
        or _TAG.sub("", text).strip()
        or (text.startswith("{{") and text[2:3] not in "<%")
    ):
        return False
    verbatim = _VERBATIM.match(text)
    if silent:
        return True
    context = context_of(state)
    if verbatim and (close := _closing(state, end, last, verbatim["name"])) is not None:
        lines = cut_lines(state, end, close, state.sCount[first])
        code = "\n".join(lines)
        if verbatim["name"] not in {"raw", "verbatim"}:
            given = _given(verbatim["rest"])
            push_label(state, given.get("file") or given.get("title") or "", first)
            words = verbatim["rest"].split()
            if code.lstrip().startswith(("```", "~~~")):  # GitBook's {% code %} stands around a fence
                push_markdown(state, lines, end)
                state.line = close + 1
                return True
            push_code(state, code, words[0].strip("\"'") if words and "=" not in words[0] else "", first)
            state.line = close + 1
            return True
    for tag in _TAG.findall(text):
        name, words = _read(tag)
        if not name.startswith(("/", "end")):
            context.left_out(f"{tag[:3].strip('- ')} {name}".replace("{{ ", "{{"), first)
        push_label(state, words, first)
    state.line = end
    return True


def _closing(state: StateBlock, first: int, last: int, name: str) -> int | None:
    ends = re.compile(rf"^(?:\{{%-?\s*end{name}|\{{\{{[<%]\s*/\s*{name})")
    for number in range(first, min(last, first + 2_000)):
        if ends.match(line_at(state, number)):
            return number
    return None


def _read(tag: str) -> tuple[str, str]:
    """A tag's name, and the words it shows: its text, or the kind of note it begins."""
    inner = tag.strip("{}<>%#-/ \n") if not re.match(r"^\{[{%][<%-]?\s*/", tag) else ""
    if tag.startswith("{#") or not inner:
        return "/", ""
    name = inner.split()[0]
    given = _given(inner)
    words = next((given[key] for key in _TEXTS if given.get(key)), "")
    if not words and name.lower() in {"tab", "tabitem", "accordion", "details", "expand", "step"}:
        words = given.get("", "")
    if not words and name.lower() in _NOTES:
        bare = [word for word in inner.split()[1:2] if word.isalpha()]  # {{% callout warning %}}
        words = (given.get("type") or given.get("style") or given.get("") or [*bare, name][0]).capitalize()
    return name, words


def _given(inner: str) -> dict[str, str]:
    """What a tag is given by name, and the last without a name as ""."""
    return {
        found["key"] or "": re.sub(r"\\(.)", r"\1", found["value"] or "")
        or found["quoted"]
        or found["raw"]
        or ""
        for found in _PARTS.finditer(inner)
    }


def _positional(tag: str, behind: str) -> str:
    """What a tag of Hugo's that stands by itself in a sentence is given without a name:
    ``{{< gh "@somebody" >}}``."""
    name, _, given = tag.strip("{}<>% \n").partition(" ")
    if tag[:2] != "{{" or "=" in given or _NO_WORDS.match(name):
        return ""
    return "" if _closes(name, behind) else given.strip(" \"'`")


def _closes(name: str, behind: str) -> bool:
    return re.search(rf"\{{[{{%][<%-]?\s*(?:/\s*|end){re.escape(name)}\b", behind) is not None


def _inline(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith(_OPENS, state.pos):
        return False
    if state.src.find("}", state.pos, state.pos + _MOST_CHARACTERS) < 0:
        return False
    found = _TAG.match(state.src, state.pos, min(len(state.src), state.pos + _MOST_CHARACTERS))
    if not found:
        return False
    if not silent:
        tag = found[0]
        name = _value(tag)
        if _ESCAPED.match(tag) or _SETS.match(tag):
            words = unescaped(tag)
        elif name:
            value = state.env["context"].value(name)
            words = name if value is None else value
        else:
            behind = state.src[found.end() :]
            name, words = _read(tag)
            if words and _closes(name, behind):  # {{< note >}}Mind it.{{< /note >}}
                words = as_label(words) + " "
            words = words or _positional(tag, behind)
        if words:
            state.push("text", "", 0).content = words
    state.pos = found.end()
    return True


def _link(state: StateInline, silent: bool) -> bool:
    """A link to a shortcode, which CommonMark takes for no link."""
    at = state.pos
    image = state.src[at] == "!"
    if not state.src.startswith("[", at + image):
        return False
    found = _LINK.match(state.src, at + image, min(len(state.src), at + 4_000))
    if not found:
        return False
    if not silent:
        end = state.posMax
        state.pos, state.posMax = found.start("words"), found.end("words")
        state.push("link_open", "a", 1)
        state.md.inline.tokenize(state)
        state.push("link_close", "a", -1)
        state.posMax = end
    state.pos = found.end()
    return True
