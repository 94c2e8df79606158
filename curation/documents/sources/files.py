"""Files of documentation, whatever source they come from: which are read, and their bytes as text.

Markdown (``.md``, ``.markdown``, ``.mdx``, ``.qmd``, ``.Rmd``), notebooks, reStructuredText (``.rst``), HTML
and PDF are read,
and ``.txt`` files that hold an underlined title and a directive, role or target (as Django's do).
Documentation in another format, or that cannot be read, is reported with the reason. Files of other kinds
are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from curation.documents.links import Address, Links
from curation.documents.markup.notebook import notebook_text
from curation.documents.markup.page import NotIncludedError
from curation.documents.markup.pdf import pdf_text
from curation.documents.markup.reading import looks_like_restructuredtext, markup_of
from curation.documents.markup.web.decoding import decoded_html, why_no_page
from curation.records.document import Markup
from curation.settings import ChunkSettings
from curation.words import word_set

_SKIPPED_FOLDERS = word_set("node_modules __pycache__ _build _static _templates _sources site-packages")
_OTHER_FORMATS = {
    ".adoc": "AsciiDoc",
    ".asciidoc": "AsciiDoc",
    ".docx": "Word",
    ".mediawiki": "MediaWiki",
    ".org": "Org",
    ".pod": "Pod",
    ".texi": "Texinfo",
    ".textile": "Textile",
    ".typ": "Typst",
}
_NAMES = {"html": "HTML", "pdf": "PDF"}
# In trees of other markup the HTML and the PDF in these belong to pages, or to what makes them.
_PARTS_OF_PAGES = word_set(
    "assets figures fonts images img layouts overrides partials static templates theme themes"
)
_BUILD_FOLDERS = frozenset({"build", "dist", "site", "target"})
_BUILD_FILES = word_set("pyproject.toml setup.py package.json Makefile make.bat mkdocs.yml Cargo.toml")


class Skipped(BaseModel):
    """A file of documentation that was not read, and why."""

    model_config = ConfigDict(frozen=True)

    path: str
    reason: str


@dataclass(frozen=True)
class SourceFile:
    """A file of documentation as text (line breaks as in the file, no byte order mark).

    ``url`` is where the page can be opened, and ``anchors`` the style of its anchors
    (curation.documents.anchors).
    """

    path: str
    url: str
    markup: Markup
    text: str
    anchors: str = "none"


class Source(Protocol):
    """A set of documentation files. ``name`` is without a version; ``version`` may be empty, and so may
    ``remark``: what who ingests it should know of the whole, once it is read. ``links`` has the addresses of
    its pages, where these hang on their paths."""

    name: str
    version: str
    links: Links

    @property
    def remark(self) -> str: ...

    def __len__(self) -> int:
        """How many files ``read`` goes through."""

    def text(self, path: str) -> str:
        """A file that a page includes. Raises NotIncludedError with the reason when it can't be had."""

    def read(self) -> Iterator[SourceFile | Skipped | None]:
        """One item for each file, by path: its text, why it is skipped, or None for other files."""


class Kind(Protocol):
    """A kind of source, written ``PREFIX:REST``; ``form`` says what the rest looks like."""

    prefix: str
    form: str

    def name(self, rest: str) -> str:
        """The name of the source that ``rest`` names, without its version. Raises SourceError on bad form."""

    def open(self, rest: str, settings: ChunkSettings, downloads: Path) -> Source:
        """The source. ``downloads`` is a folder of its own, where it may keep what it fetched. Raises
        SourceError."""


def read_bytes(path: str, address: Address, data: bytes) -> SourceFile | Skipped | None:
    """A file as text in its markup, why it is skipped, or None where it is no documentation."""
    if path != shown(path):
        return Skipped(path=shown(path), reason="its name is not valid UTF-8")
    markup = markup_of(path)
    if markup in {"html", "pdf"} and any(_is_for_building(name) for name in path.split("/")[:-1]):
        return Skipped(path=path, reason=f"{_NAMES[markup]} among the pictures or templates of pages")
    if markup == "html":
        return _read_html(path, address, data)
    try:
        text = pdf_text(data) if markup == "pdf" else data.decode("utf-8-sig")
        if markup is None and not ("\0" in text or not looks_like_restructuredtext(text)):
            markup = "restructuredtext"
        if path.lower().endswith(".ipynb"):
            text = notebook_text(text)
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: byte 0x{data[error.start]:02x} at {error.start:,}"
        return Skipped(path=path, reason=reason) if markup else None
    except ValueError as error:
        return Skipped(path=path, reason=str(error))
    if markup is None:
        return None
    if "\0" in text:
        return Skipped(path=path, reason="not text: it holds NUL bytes")
    if not text.strip():
        return Skipped(path=path, reason="empty")
    anchors = "given" if markup == "pdf" else address.anchors
    return SourceFile(path, address.url, markup, text, anchors)


def _read_html(path: str, address: Address, data: bytes) -> SourceFile | Skipped:
    text = decoded_html(data)
    reason = why_no_page(text)
    if reason:
        return Skipped(path=path, reason=reason)
    return SourceFile(path, address.url, "html", text, "given")


def read_included(data: bytes) -> str:
    """A file that a page includes, as text. Raises NotIncludedError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotIncludedError("not UTF-8") from error


def too_large(path: str, size: int, limit: int) -> Skipped | None:
    if markup_of(path) is None:
        return None  # a .txt of that size is data
    return Skipped(path=path, reason=f"{size:,} bytes, larger than max_file_bytes ({limit:,})")


def is_passed_over(name: str, beside: Sequence[str] = ()) -> bool:
    """Whether the folder ``name`` holds no documentation: hidden, or an output of the files beside it."""
    if name.startswith(".") or name in _SKIPPED_FOLDERS or name.endswith(".egg-info"):
        return True
    # build/ is an output beside a build file, and may be a chapter anywhere else
    return name in _BUILD_FOLDERS and not _BUILD_FILES.isdisjoint(beside)


def _is_for_building(name: str) -> bool:
    return name.startswith("_") or name.lower() in _PARTS_OF_PAGES


def may_be_documentation(path: str) -> bool:
    return bool(markup_of(path) or path.lower().endswith(".txt") or other_format(path))


def other_format(path: str) -> str:
    """Why a file in another format of documentation is not read; "" for all others."""
    format_ = _OTHER_FORMATS.get(Path(path).suffix.lower())
    return f"{format_}, which is not read" if format_ else ""


def shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
