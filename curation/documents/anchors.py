"""The anchors under which a page's sections can be opened, as the tools make them that publish pages.

A style is a function from a page's sections to an anchor for each; "" is the page itself. A page's title
needs no anchor.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from docutils import nodes
from docutils.utils import new_document

from curation.documents.markup.blocks import Section
from curation.documents.markup.rst.settings import settings
from curation.words import word_set

Style = Callable[[Sequence[Section]], list[str]]

_NUMBERED = re.compile(r"^id\d+$")
_COUNTED = re.compile(r"^(.*)_(\d+)$")
_DASHES = re.compile(r"-{2,}")
_OF_WORDS = word_set("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl Pc")  # Unicode's categories


def anchors(sections: Sequence[Section], style: str) -> list[str]:
    """The anchor of each of a page's sections in one of ``STYLES``; "" leads to the page itself."""
    found = STYLES[style](sections)
    first = next((number for number, one in enumerate(sections) if one.level), None)
    if first is not None and sections[first].level == 1:
        found[first] = ""  # the page's title
    return found


def line_anchor(line: int) -> str:
    """Of a line in a file that is shown with numbers."""
    return f"L{line}"


def _sphinx(sections: Sequence[Section]) -> list[str]:
    """docutils' ids, of MyST's pages too. A number (``id3``) hangs on all that stands before: where there is
    a target above the heading, that is taken instead."""
    document = new_document("page", settings())
    found, notes = [], 0
    for section in sections:
        for label in section.labels:
            target = nodes.target("", "", names=[nodes.fully_normalize_name(label)])
            document.note_explicit_target(target)
        for _ in range(notes, section.notes):  # they take numbers too
            document.set_id(nodes.footnote_reference())
        notes = section.notes
        own = section.id or section.given
        if section.level and not own:
            node = nodes.section("", names=[nodes.fully_normalize_name(section.path[-1])])
            document.note_implicit_target(node)
            own = str(node["ids"][0])
        label = next(filter(None, map(nodes.make_id, section.labels)), "")
        found.append(label if label and (not own or _NUMBERED.match(own)) else own)
    return found


def _mkdocs(sections: Sequence[Section]) -> list[str]:
    """``toc`` of Python-Markdown with its own ``slugify``."""
    return _toc(
        sections, lambda text: _slug(unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode())
    )


def _pymdownx(sections: Sequence[Section]) -> list[str]:
    """``toc`` with ``pymdownx.slugs.slugify`` in lower case, which Material for MkDocs recommends."""
    return _toc(
        sections,
        lambda text: (
            re.sub(r"[^\w\- ]", "", unicodedata.normalize("NFC", text)).strip().lower().replace(" ", "-")
        ),
    )


def _slug(text: str) -> str:
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())


def _toc(sections: Sequence[Section], slug: Callable[[str], str]) -> list[str]:
    used = {section.given for section in sections}
    found = []
    for section in sections:
        anchor = section.given
        if section.level and not anchor:
            anchor = slug(section.path[-1])
            while not anchor or anchor in used:
                counted = _COUNTED.match(anchor)
                anchor = f"{counted[1]}_{int(counted[2]) + 1}" if counted else f"{anchor}_1"
            used.add(anchor)
        found.append(anchor)
    return found


def _docusaurus(sections: Sequence[Section]) -> list[str]:
    """github-slugger, and ``{#id}`` where it stands. A heading of the first level has no anchor."""
    counted = _counted(sections, github_slug)
    return [
        "" if one.level == 1 else one.given or anchor for one, anchor in zip(sections, counted, strict=True)
    ]


def github_slug(text: str) -> str:
    """As github-slugger makes it."""
    kept = (one for one in text.strip().lower() if one in "- " or unicodedata.category(one) in _OF_WORDS)
    return "".join(kept).replace(" ", "-")


def _counted(sections: Sequence[Section], slug: Callable[[str], str]) -> list[str]:
    occurrences: dict[str, int] = {}
    found = []
    for section in sections:
        if not section.level:
            found.append("")
            continue
        first = anchor = slug(section.path[-1])
        while anchor in occurrences:
            occurrences[first] += 1
            anchor = f"{first}-{occurrences[first]}"
        occurrences[anchor] = 0
        found.append(anchor)
    return found


STYLES: Mapping[str, Style] = {
    "none": lambda sections: [""] * len(sections),
    "given": lambda sections: [section.given for section in sections],  # the page's own, in HTML and PDF
    "sphinx": _sphinx,
    "mkdocs": _mkdocs,
    "pymdownx": _pymdownx,
    "github": lambda sections: _counted(sections, github_slug),  # Hugo, mdBook and others do the same
    "gitlab": lambda sections: _counted(sections, lambda text: _DASHES.sub("-", github_slug(text))),
    "docusaurus": _docusaurus,
}
