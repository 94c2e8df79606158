"""What each kind of reStructuredText directive means for a reader of the text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from curation.words import word_set

# The content is code, kept verbatim.
CODE = word_set(
    """
    code code-block sourcecode doctest testcode testoutput ipython
    prompt console graphviz digraph mermaid plantuml uml math highlight-block jupyter-execute plot
    productionlist code-tab code-cell command-output program-output
    """
)
# A reader sees no text of these.
SILENT = word_set(
    """
    toctree contents sectnum section-numbering index highlight highlightlang default-role role currentmodule
    currentclass meta tabularcolumns default-domain program target-notes header footer autosummary
    bibliography inheritance-diagram sectionauthor codeauthor moduleauthor testsetup testcleanup title date
    changelog_imports namespace namespace-push namespace-pop spelling rst-class minigallery nbgallery
    nblinkgallery footbibliography
    """
)
# Their content is a list of pages.
LISTS_PAGES = frozenset({"toctree", "nbgallery", "nblinkgallery"})
# The arguments configure the builder; the content is ordinary text.
TRANSPARENT = word_set(
    """
    only ifconfig class cssclass container compound tabs tab-set grid table list-table csv-table figure
    card-carousel div hlist centered rubric epigraph highlights pull-quote glossary line-block
    """
)
ADMONITIONS = word_set(
    """
    note warning tip hint important caution danger error attention seealso admonition topic sidebar todo
    """
)
# The argument is a label for the content.
LABELLED = word_set(
    """
    admonition topic sidebar tab tab-item group-tab md-tab-item dropdown collapse details card
    grid-item-card grid-item toggle example
    """
)
VERSIONS = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "deprecated-removed": "Deprecated since version",
    "versionremoved": "Removed in version",
    "version-added": "Added in version",
    "version-changed": "Changed in version",
    "version-deprecated": "Deprecated since version",
    "version-removed": "Removed in version",
}
# They describe something: the argument is its signature or name, the content what it is.
DESCRIBING = word_set(
    """
    function method classmethod staticmethod attribute property data exception decorator decoratormethod
    option cmdoption describe object confval envvar setting signal reqmeta templatetag templatefilter
    fieldlookup django-admin django-admin-option macro member type struct union enum enumerator var
    concept alias directive role module
    """
)
# Sphinx writes what they show from the project's code, below the name that is their argument.
GENERATED = word_set(
    """
    autoclass automodule autofunction autoexception autodata automethod autoattribute autoproperty
    autodecorator automodulesumm click argparse mkdocstrings
    """
)
# The page shows what they describe: "class Kiln".
_SHOWN_BEFORE = frozenset({"class", "exception", "classmethod", "staticmethod"})
# Text beside the two colons begins the content.
CONTENT_MAY_BE_ARGUMENT = ADMONITIONS - LABELLED
# Their argument is text to show before the content, not a label.
ARGUMENT_IS_TEXT = frozenset({"rubric", "centered", "table", "list-table", "csv-table"})
# What is not in the sets above and is read all the same.
_READ_APART = word_set(
    "image figure raw include literalinclude parsed-literal replace unicode button-link button-ref"
)
KNOWN = CODE | SILENT | TRANSPARENT | ADMONITIONS | LABELLED | VERSIONS.keys() | DESCRIBING | _READ_APART
KNOWN |= GENERATED
_RULE_OF_CARD = re.compile(r"\^{3,}|\+{3,}")
# A line of a program: a decorator, a prompt, the head of a block, an assignment, a call, an import.
_CODE_LINE = re.compile(
    r"\s*(?:@\w+|\$ |>>> |\.\.\. |(?:async |export )?(?:def|class|for|if|with|function)\b.*[:{]\s*$"
    r"|[\w.\[\]\"']+ = |[\w.]+\(.*\)?;?\s*$|(?:import|from|return) [\w.]|[{})\]];?$)"
)


def is_rule_of_card(name: str, line: str) -> bool:
    """Whether ``line`` parts the header or the footer of a card from its text."""
    return name.endswith("card") and bool(_RULE_OF_CARD.fullmatch(line.strip()))


def said_by_options(name: str, options: Mapping[str, str]) -> list[str]:
    """What a page shows of the options of something that it describes: its type, what it is by itself."""
    if name not in DESCRIBING:
        return []
    return [f"{key.capitalize()}: {options[key]}" for key in ("type", "default", "value") if options.get(key)]


def short_name(name: str) -> str:
    """A directive's name without its domain (``py:function``)."""
    return name.rsplit(":", 1)[-1].lower()


def holds_code(name: str, content: Sequence[str]) -> bool:
    """Whether the content of a directive of a project's own is a program, as that of ``click:run`` is."""
    is_code = [bool(_CODE_LINE.match(line)) for line in content if line.strip()]
    is_own = name not in KNOWN or name == "example"
    return is_own and bool(is_code) and (is_code[0] or 2 * sum(is_code) > len(is_code))


def is_silent(name: str, argument: str, has_content: bool) -> bool:
    """Whether the page itself says nothing to a reader in the place of this directive."""
    return name in SILENT or (name in GENERATED and not has_content and "(" not in argument)


def _names_a_class(name: str, argument: str) -> bool:
    """Whether ``class`` describes a class of Python, as in Sphinx, or styles what follows, as in docutils."""
    return ":" in name or bool(re.search(r"[A-Z(.]", argument))


def label_of(name: str, argument: str) -> str:
    """The words that stand for a directive before its content; empty when it adds none."""
    short = short_name(name)
    if short in VERSIONS:
        version, _, text = argument.partition(" ")
        return f"{VERSIONS[short]} {version}: {text}".rstrip()
    if short == "seealso":
        return "See also:"
    if short in LABELLED:
        return f"{argument.rstrip(':')}:" if argument else ""
    if short in ADMONITIONS:
        return f"{short.capitalize()}:"
    if short in _SHOWN_BEFORE and (short != "class" or _names_a_class(name, argument)):
        return "\n".join(f"{short} {line}" for line in argument.split("\n"))
    if short in TRANSPARENT and short not in ARGUMENT_IS_TEXT:
        return ""
    return argument
