"""Addresses of records in Argilla's page (tests/dashboards/test_first_screen.py opens them in a browser)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from curation.argilla.links import MOST_NAMED, RecordLinks
from curation.argilla.queue import is_asked_twice

COMMON, TWICE = "http://argilla/dataset/1/annotation-mode", "http://argilla/dataset/2/annotation-mode"
LINKS = RecordLinks(addresses={"triplets": COMMON}, twice={"triplets": TWICE}, overlap=0.5, finds_ids=True)
IDS = [f"{number:032x}" for number in range(400)]


def opened(address: str) -> tuple[str, list[str]]:
    """The dataset, and the records that are named."""
    parts = urlsplit(address)
    (searched,) = parse_qs(parts.query)["search"]
    return address.partition("?")[0], searched.removesuffix("~all").split("|")


def test_records_are_opened_in_the_dataset_that_has_them() -> None:
    once = [key for key in IDS if not is_asked_twice(key, 0.5)]
    twice = [key for key in IDS if is_asked_twice(key, 0.5)]
    assert opened(LINKS.records("triplets", once[:3])) == (COMMON, once[:3])
    assert opened(LINKS.records("triplets", twice[:3])) == (TWICE, twice[:3])
    assert opened(LINKS.records("triplets", [once[0], *twice[:2]])) == (TWICE, twice[:2])
    assert len(opened(LINKS.records("triplets", once))[1]) == MOST_NAMED


def test_what_cannot_be_opened_has_no_address() -> None:
    assert LINKS.records("triplets", []) == ""
    assert LINKS.records("chunks", IDS[:1]) == ""
    assert LINKS.model_copy(update={"finds_ids": False}).records("triplets", IDS[:1]) == ""
    assert RecordLinks().pending("triplets") == ""


def test_filters_say_what_an_address_can() -> None:
    found = parse_qs(urlsplit(LINKS.pending("triplets", {"origin": "heading", "source": "a.b"})).query)
    assert found == {
        "page": ["1"],
        "status": ["pending"],
        "sort": ["metadata.priority.desc"],
        "metadata": ["origin.heading"],
    }
    assert parse_qs(urlsplit(LINKS.pending("triplets")).query)["metadata"] == ["queue.asked"]
