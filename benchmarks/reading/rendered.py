"""What Sphinx and MkDocs make of a documentation: each page's text, as JSON.

    python rendered.py (text|html|mkdocs) FOLDER OUT [DIRECTIVE …]

It runs in an environment of its own (trees.py). text and html are builders of Sphinx, each DIRECTIVE one
that only marks a place. FOLDER holds conf.py or mkdocs.yml. Of a project's configuration only what it says
literally is used, and none of its extensions: directives and roles that nobody knows keep their arguments and
their text. Left out, and counted in OUT: tables of contents. What Sphinx makes from code is left out, too.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_LITERALS = (
    *(
        "myst_enable_extensions",
        "myst_substitutions",
        "extlinks",
        "rst_prolog",
        "rst_epilog",
        "source_suffix",
    ),
    *("exclude_patterns", "master_doc", "root_doc", "default_role", "primary_domain", "highlight_language"),
    *("version", "release", "project"),
)
_WIDE = 2_000
_BREAKING = frozenset(
    re.findall(
        r"\w+",
        "p div li ul ol dl dt dd tr td th table pre h1 h2 h3 h4 h5 h6 blockquote section br figure summary",
    )
)


def main() -> int:
    kind, folder, out, *targets = sys.argv[1:]
    dropped: Counter[str] = Counter()
    root = Path(folder).resolve()
    pages = mkdocs_pages(root) if kind == "mkdocs" else sphinx_pages(root, kind == "html", targets, dropped)
    Path(out).write_text(json.dumps({"pages": pages, "dropped": dropped}), encoding="utf-8")
    return 0


# Sphinx


def literals(folder: Path) -> dict[str, Any]:
    """What conf.py sets to a literal; nothing of it is run."""
    found: dict[str, Any] = {}
    path = folder / "conf.py"
    for node in ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return {name: found[name] for name in _LITERALS if name in found}


def sphinx_pages(
    folder: Path, as_html: bool, targets: Sequence[str], dropped: Counter[str]
) -> dict[str, str]:
    from docutils import nodes
    from sphinx import addnodes
    from sphinx.application import Sphinx
    from sphinx.writers import text

    given = literals(folder)
    know_everything(targets)
    suffixes = given.pop("source_suffix", None) or {}
    names = [suffixes] if isinstance(suffixes, str) else list(suffixes)
    given["source_suffix"] = names or sorted(
        {".rst", *(own for own in (".md",) if any(folder.rglob("*.md")))}
    )
    if not any(folder.rglob("*.rst")) and any(folder.rglob("*.txt")):
        given["source_suffix"] = [".txt"]
    if ".md" in given["source_suffix"]:
        given["source_suffix"] = {
            one: "markdown" if one == ".md" else "restructuredtext" for one in given["source_suffix"]
        }
    given["extensions"] = ["sphinx.ext.extlinks", "sphinx.ext.ifconfig", "myst_parser"]
    given |= {"add_module_names": False, "exclude_patterns": [*given.get("exclude_patterns", []), "_build"]}
    if not as_html:
        text.MAXWIDTH = _WIDE  # only words that are wider would be broken, and a rule is as wide
        text.Cell.wrap = lambda self, width: setattr(self, "wrapped", text.my_wrap(self.text, _WIDE))
        text.TextTranslator.visit_image = image_words

    def without_toctrees(app: Any, doctree: Any) -> None:
        for node in list(doctree.findall(addnodes.toctree)):
            dropped["toctree"] += 1
            node.parent.remove(node)

    def without_contents(app: Any, doctree: Any, name: str) -> None:
        for node in list(doctree.findall(nodes.topic)):
            if "contents" in node.get("classes", ()):
                dropped["contents"] += 1
                node.parent.remove(node)

    with tempfile.TemporaryDirectory() as scratch:
        builder = "json" if as_html else "text"
        app = Sphinx(
            folder, None, scratch, Path(scratch) / "doctrees", builder, given, status=None, warning=None
        )
        app.tags.add("html")
        app.connect("doctree-read", without_toctrees, priority=900)
        app.connect("doctree-resolved", without_contents)
        app.build()
        pages = {}
        for name in sorted(app.env.found_docs):
            path = Path(app.env.doc2path(name)).relative_to(folder).as_posix()
            made = Path(scratch) / f"{name}{'.fjson' if as_html else '.txt'}"
            if made.is_file():
                content = made.read_text(encoding="utf-8")
                pages[path] = html_text(json.loads(content)["body"]) if as_html else content
    return pages


def image_words(self: Any, node: Any) -> None:
    from docutils import nodes

    self.add_text(node.get("alt", ""))
    raise nodes.SkipNode


def know_everything(targets: Sequence[str]) -> None:
    """A directive or role that nobody knows shows its argument, its content and its text; but one of
    ``targets`` only marks a place (Sphinx's ``add_crossref_type``)."""
    from docutils import nodes, utils
    from docutils.parsers.rst import Directive, directives, roles

    class Unknown(Directive):
        has_content, optional_arguments, final_argument_whitespace = True, 1, True
        option_spec = type("AnyOption", (dict,), {"__getitem__": lambda *_: str})({"": str})

        def run(self) -> list[Any]:
            if self.name in targets or (self.name.startswith("auto") and not any(self.content)):
                return []
            holder = nodes.container()
            holder.document = self.state.document
            for line in self.arguments[:1]:
                holder += nodes.paragraph("", "", *self.state.inline_text(line, self.lineno)[0])
            self.state.nested_parse(self.content, self.content_offset, holder)
            return [holder]

    def known_options(given: Any, wanted: Any) -> Any:
        return of_docutils([one for one in given if one[0] in wanted], wanted)

    def unknown_role(name: str, raw: str, words: str, *_: Any, **__: Any) -> Any:
        titled = re.match(r"^(.*\S)\s*<[^<>]+>$", words, re.DOTALL)
        shown = titled[1] if titled else words.lstrip("!")
        shown = shown[1:].rsplit(".", 1)[-1] if shown.startswith("~") else shown
        return [nodes.inline("", f"{name} {shown}" if re.fullmatch(r"#?\d[\d.]*", shown) else shown)], []

    of_directive, of_role, of_docutils = directives.directive, roles.role, utils.assemble_option_dict

    def directive(name: str, *others: Any) -> Any:
        found, messages = of_directive(name, *others)
        return (found, messages) if found else (Unknown, [])

    def role(name: str, *others: Any) -> Any:
        found, messages = of_role(name, *others)
        if found:
            return found, messages
        return (lambda role_name, *rest, **more: unknown_role(name, *rest, **more)), []

    directives.directive, roles.role = directive, role
    utils.assemble_option_dict = known_options


# MkDocs


def mkdocs_pages(folder: Path) -> dict[str, str]:
    import os

    from mkdocs.config import load_config
    from mkdocs.structure.files import get_files
    from mkdocs.structure.pages import Page

    os.chdir(folder)
    config = load_config(str(folder / "mkdocs.yml"), plugins=[], hooks=[], theme="mkdocs", strict=False)
    files, pages = get_files(config), {}
    for file in files.documentation_pages():
        page = Page(None, file, config)
        page.read_source(config)
        page.render(config, files)
        pages[file.src_uri] = html_text(page.content or "")
    return pages


# HTML


class _Text(HTMLParser):
    """Text without what is no part of the page: scripts, pictures, line numbers, tables of contents."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []
        self._lists: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = set(given.get("class", "").split())
        if self._silent:
            self._silent += [tag] if tag == self._silent[-1] else []
        elif tag in {"script", "style", "svg"} or classes & {"toc", "linenos", "headerlink", "contents"}:
            self._silent.append(tag)
        else:
            if tag in {"ol", "ul"}:
                start = given.get("start", "1")
                self._lists.append(int(start) if tag == "ol" and start.isdigit() else 0)
            if tag == "li" and self._lists and self._lists[-1]:  # the browser shows the number
                self.parts.append(f"\n{self._lists[-1]}. ")
                self._lists[-1] += 1
            words = given.get("alt", "") if tag == "img" and "emoji" not in given.get("class", "") else ""
            self.parts.append(f" {words} " if words else "\n" if tag in _BREAKING else "")

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
        elif tag in _BREAKING:
            self.parts.append("\n")
            if tag in {"ol", "ul"} and self._lists:
                self._lists.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def html_text(markup: str) -> str:
    reader = _Text()
    reader.feed(markup)
    reader.close()
    return "".join(reader.parts)


if __name__ == "__main__":
    sys.exit(main())
