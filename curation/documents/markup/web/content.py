"""Which part of a page is its own: not the navigation, the banners and the footer around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from curation.words import word_set

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

# Elements that hold no text of a page, whatever is in them.
SILENT = word_set(
    "script style template noscript svg canvas iframe object embed audio video map head form button input "
    "select textarea dialog nav menu footer link meta base"
)
_SILENT_ROLES = word_set(
    "navigation search banner contentinfo complementary menu menubar toolbar dialog tooltip"
)
_SILENT_CLASSES = word_set(
    """
    sidebar sphinxsidebar sphinxsidebarwrapper navbar nav-links breadcrumb breadcrumbs toc toctree-wrapper
    table-of-contents theme-doc-toc-mobile theme-doc-footer theme-doc-breadcrumbs theme-doc-version-badge
    pagination pagination-nav prev-next-area prev-next-footer related footer page-footer site-footer
    headerlink hash-link anchorjs-link heading-anchor header-anchor anchor-link permalink md-source-file
    md-sidebar md-footer md-nav edit-this-page editlink edit-link sr-only visually-hidden visuallyhidden
    screen-reader-text skip-link dropdown-menu linenos lineno linenodiv line-numbers copybtn cookie-banner
    """
)
_LISTS_OF_HEADINGS = word_set("toc _toc table-of-contents table_of_contents _table_of_contents")
CONTENTS = frozenset({"on this page", "table of contents"})  # what stands above such a list
# Where generators of documentation put the page itself, the surest first.
_MAIN = (
    "[itemprop=articleBody]",
    "main article",
    "[role=main] article",
    "article.markdown-body",
    ".markdown-body",
    "main",
    "[role=main]",
    ".rst-content",
    ".theme-doc-markdown",
    "article",
    "div.document div.body",
    "#main-content",
    "#content",
    ".content",
)
_NO_OWN_WORDS = word_set("a script style nav footer")
_SMALL = 0.3  # a part with less of the page's text is not all of its own


def main_part(tree: LexborHTMLParser) -> LexborNode | None:
    """The element that holds what the page is about; its body where nothing says which."""
    body = tree.body or tree.root
    if body is None:
        return None
    if "manpage" in (body.attributes.get("class") or "").split():
        return body  # of AsciiDoc, with the command's name and purpose above #content
    whole = _words(body)
    for selector in _MAIN:
        found = [node for node in body.css(selector) if not _is_inside_silence(node)]
        if len(found) == 1 and _words(found[0]) >= _SMALL * whole:
            return found[0]
        if len(found) > 1 and "article" in selector:
            continue  # a list of articles
    mains = body.css("main") or body.css("[role=main]")
    return mains[0] if len(mains) == 1 else body


def is_silent(node: LexborNode) -> bool:
    """Whether nothing of an element belongs to the page's text."""
    if node.tag in SILENT:
        return True
    attributes = node.attributes
    if not attributes:
        return False
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    if (attributes.get("role") or "").lower() in _SILENT_ROLES:
        return True
    classes = (attributes.get("class") or "").lower().split()
    if not _SILENT_CLASSES.isdisjoint(classes):
        return True
    name = attributes.get("id")
    return (name in _LISTS_OF_HEADINGS and not has_own_words(node)) or (
        name == "footer" and node.css_first("h1, h2, h3, h4, h5, h6") is None
    )


def nodes_below(node: LexborNode, enters: Callable[[LexborNode], bool]) -> Iterator[LexborNode]:
    """All nodes of an element in the order of the page, of its elements only what is in those that it
    ``enters``. They may be nested deeply."""
    waiting = [node.child]
    while waiting:
        child = waiting.pop()
        if child is None:
            continue
        waiting.append(child.next)
        yield child
        if child.is_element_node and enters(child):
            waiting.append(child.child)


def has_own_words(node: LexborNode) -> bool:
    """Whether an element holds words outside of links. It looks no further than the first."""
    below = nodes_below(node, lambda one: one.tag not in _NO_OWN_WORDS)
    return any(one.is_text_node and (one.text() or "").strip() for one in below)


def _is_inside_silence(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.tag in {"nav", "footer", "aside"}:
            return True
        parent = parent.parent
    return False


def _words(node: LexborNode) -> int:
    """How many words an element holds, links counted for nothing."""
    linked = sum(len((link.text() or "").split()) for link in node.css("a"))
    silent = sum(len((part.text() or "").split()) for part in node.css("script, style, nav, footer"))
    return max(len((node.text() or "").split()) - linked - silent, 0)
