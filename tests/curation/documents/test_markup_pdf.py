"""PDF: pages as places, bookmarks as headings."""

from __future__ import annotations

import builtins
import io
import time
from collections.abc import Sequence
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from curation.documents.links import Address
from curation.documents.markup.reading import parse
from curation.documents.sources.files import Skipped, SourceFile, read_bytes

Bookmarks = Sequence[tuple[str, int, str]]


def pdf(pages: Sequence[Sequence[str]], bookmarks: Bookmarks = (), title: str = "") -> bytes:
    """A PDF of ``pages`` of lines. ``bookmarks`` are title, page (from 0) and the title above."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for lines in pages:
        page = writer.add_blank_page(500, 800)
        shown = "".join(f"({line}) Tj 0 -14 Td\n" for line in lines)
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 10 Tf 50 750 Td\n{shown}ET".encode())
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        page[NameObject("/Contents")] = writer._add_object(content)
    made: dict[str, Any] = {}
    for name, number, above in bookmarks:
        made[name] = writer.add_outline_item(title=name, page_number=number, parent=made.get(above))
    if title:
        writer.add_metadata({"/Title": title})
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


def shown(data: bytes) -> list[tuple[tuple[str, ...], str, list[str]]]:
    read = read_bytes("manual.pdf", Address(), data)
    assert isinstance(read, SourceFile)
    sections = parse(read.text, read.markup).sections
    return [(one.path, one.given, [block.text for block in one.blocks]) for one in sections]


def test_pages_are_places_and_bookmarks_headings() -> None:
    kilns = ["1 Kilns", "Fire slowly.", "1.1 Wood", "Oak burns long."]
    pages = [
        ["Cover"],
        kilns,
        ["More of oak."],
        ["2 Glaze", "Blue."],
    ]
    bookmarks = [("Kilns", 1, ""), ("Wood", 1, "Kilns"), ("Glaze", 3, "")]
    assert shown(pdf(pages, bookmarks, "The Manual")) == [
        (("The Manual", "Page 1"), "page=1", ["Cover"]),
        (("The Manual", "Kilns", "Page 2"), "page=2", ["Fire slowly."]),
        (("The Manual", "Kilns", "Wood", "Page 2"), "page=2", ["Oak burns long."]),
        (("The Manual", "Kilns", "Wood", "Page 3"), "page=3", ["More of oak."]),
        (("The Manual", "Glaze", "Page 4"), "page=4", ["Blue."]),
    ]


def test_running_heads_are_left_out() -> None:
    pages = [["The Manual", f"Words of {number}.", f"Page {number} of 5"] for number in range(5)]
    assert [blocks for _, _, blocks in shown(pdf(pages))] == [[f"Words of {number}."] for number in range(5)]


def test_running_heads_of_left_and_right_pages_are_left_out() -> None:
    heads = [f"{number} The Manual" if number % 2 else f"Potters {number}" for number in range(17)]
    words = [f"Words of {chr(97 + number)}" for number in range(17)]
    pages = [list(lines) for lines in zip(heads, words, strict=True)]
    assert [blocks for _, _, blocks in shown(pdf(pages))] == [[one] for one in words]


@pytest.mark.parametrize("head", [["The Manual"], []])
def test_text_below_a_running_head_is_none(head: list[str]) -> None:
    pages = [[*head, "Results" if number in {0, 2, 4} else chr(97 + number), "x"] for number in range(8)]
    pages = [[*lines, chr(107 + number)] for number, lines in enumerate(pages)]
    assert sum("Results" in blocks[0] for _, _, blocks in shown(pdf(pages))) == 3


def test_words_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (
        "Glazes are avail-\nable, di\ufb00erent or \ufb01ne, in a time-\nseries. All available.\n"
        "Avail-\nable\ntoo."
    )
    monkeypatch.setattr("pypdf.PageObject.extract_text", lambda _: page)
    assert shown(pdf([["x"]]))[0][2] == [
        "Glazes are available,\ndifferent or fine, in a time-\nseries. All available.\nAvailable\ntoo."
    ]


def test_a_word_without_end_is_read_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pypdf.PageObject.extract_text", lambda _: "a" * 100_000)
    start = time.process_time()
    assert shown(pdf([["x"]]))[0][2]
    assert time.process_time() - start < 30  # it took minutes


def test_what_cannot_be_read_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pdf([["Words."]])
    locked = PdfWriter(clone_from=io.BytesIO(whole))
    locked.encrypt("secret", algorithm="RC4-128")
    held = io.BytesIO()
    locked.write(held)
    for data, reason in [
        (held.getvalue(), "needs a password"),
        (pdf([[]]), "without text"),
        (b"%PDF-1.7 nothing", "damaged"),
        (b"", "damaged"),
        (whole[: len(whole) // 2], ""),
    ]:
        read = read_bytes("a.pdf", Address(), data)
        assert isinstance(read, Skipped)
        assert reason in read.reason
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pypdf"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    read = read_bytes("a.pdf", Address(), whole)
    assert isinstance(read, Skipped)
    assert "clayloop[pdf]" in read.reason


def test_any_bytes_behind_the_mark_of_a_pdf_are_read_or_refused() -> None:
    whole = pdf([["Words."], ["More."]], [("A", 0, "")])
    start = time.process_time()
    for at in range(0, len(whole), 37):
        read_bytes("a.pdf", Address(), whole[:at] + b"\xff<<" + whole[at + 3 :])
    assert time.process_time() - start < 30
