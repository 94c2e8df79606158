"""What each kind of reStructuredText directive means for a reader of the text."""

from __future__ import annotations

import re

from curation.words import word_set

# The content is code, kept verbatim.
CODE = word_set(
    """
    code code-block sourcecode parsed-literal doctest testcode testoutput testsetup testcleanup ipython
    prompt console graphviz digraph mermaid plantuml uml math highlight-block jupyter-execute plot
    productionlist code-tab code-cell command-output program-output
    """
)
# A reader sees no text of these.
SILENT = word_set(
    """
    toctree contents sectnum index highlight highlightlang default-role role currentmodule currentclass
    meta tabularcolumns include literalinclude default-domain program target-notes header footer
    autosummary bibliography image inheritance-diagram sectionauthor codeauthor testsetup testcleanup
    spelling rst-class unicode restructuredtext-test-directive ifconfig-end
    """
)
# The arguments configure the builder; the content is ordinary text.
TRANSPARENT = word_set(
    """
    only ifconfig class cssclass container compound tabs tab-set grid table list-table csv-table figure
    card-carousel div hlist centered rubric epigraph highlights pull-quote glossary
    """
)
ADMONITIONS = word_set(
    """
    note warning tip hint important caution danger error attention seealso admonition topic sidebar todo
    """
)
VERSIONS = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "deprecated-removed": "Deprecated since version",
    "versionremoved": "Removed in version",
}
# Text beside the two colons begins the content.
CONTENT_MAY_BE_ARGUMENT = ADMONITIONS - {"admonition", "topic", "sidebar"}
# Their argument is text to show before the content, not a label.
ARGUMENT_IS_TEXT = frozenset({"rubric", "centered", "table", "list-table", "csv-table", "hlist", "only-text"})

_OPTION = re.compile(r"^:[\w-]+:(?:\s+(?P<value>.*))?$")


def argument_lines(lines: list[str]) -> int:
    """How many of the lines below a directive still belong to its argument (several signatures)."""
    number = 0
    while number < len(lines) and lines[number] and not _OPTION.match(lines[number].strip()):
        number += 1
    return number


def split_directive(lines: list[str], start: int = 0) -> tuple[dict[str, str], int]:
    """Options from line ``start`` of a directive's dedented lines, and where its content starts."""
    options: dict[str, str] = {}
    number = start
    name = ""
    while number < len(lines):
        line = lines[number]
        found = _OPTION.match(line)
        if found:
            name = line[1 : line.index(":", 1)]
            options[name] = found["value"] or ""
        elif name and line[:1].isspace() and line.strip():
            options[name] += " " + line.strip()
        else:
            break
        number += 1
    return options, number


def label_of(name: str, argument: str) -> str:
    """The words that stand for a directive before its content; empty when it adds none."""
    short = name.rsplit(":", 1)[-1].lower()
    if short in VERSIONS:
        version, _, text = argument.partition(" ")
        return f"{VERSIONS[short]} {version}: {text}".rstrip()
    if short == "seealso":
        return "See also:"
    if short in {"admonition", "topic", "sidebar"}:
        return f"{argument}:" if argument else ""
    if short in ADMONITIONS:
        return f"{short.capitalize()}:"
    if short in TRANSPARENT and short not in ARGUMENT_IS_TEXT:
        return ""
    return argument
