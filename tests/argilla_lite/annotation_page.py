"""What the annotator's day is made of: the records, and Argilla's annotation page as tests use it."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import argilla as rg

from tests.argilla_lite.sample import Api

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Response

    from tests.argilla_lite.server import ArgillaLite

COUNT = 24


@dataclass(frozen=True)
class Item:
    """What a record was made of."""

    name: str
    text: str
    topic: str
    length: int
    suggested: str
    score: float
    position: list[float]


def make_items() -> list[Item]:
    """Every length and every score occurs once, so that sorting by them has one right answer."""
    rng = random.Random(11)
    return [
        Item(
            name=f"r{number}",
            text=f"Firing {number:02d}: a matter of {'glaze' if number % 3 == 0 else 'kiln'}",
            topic="clay" if number % 2 else "fire",
            length=number * 7 % COUNT,
            suggested="yes" if number % 4 == 1 else "no",
            score=round((number * 5 % COUNT) / COUNT, 3),
            position=[round(rng.gauss(0, 1), 3) for _ in range(4)],
        )
        for number in range(COUNT)
    ]


ITEMS = make_items()


def texts(keep: Callable[[Item], bool]) -> set[str]:
    return {item.text for item in ITEMS if keep(item)}


def cosine(one: Item, other: Item) -> float:
    dot = sum(x * y for x, y in zip(one.position, other.position, strict=True))
    return dot / math.hypot(*one.position) / math.hypot(*other.position)


def nearest(text: str) -> tuple[Item, list[Item]]:
    """The item of this text, and the others, the most similar first."""
    source = next(item for item in ITEMS if item.text == text)
    return source, sorted(
        (item for item in ITEMS if item is not source), key=lambda item: -cosine(source, item)
    )


@dataclass(frozen=True)
class Found:
    """A search as the page asked for it, and the server's answer."""

    query: dict[str, Any]
    sort: list[dict[str, Any]] | None
    filters: list[dict[str, Any]]
    texts: list[str]
    scores: list[float]
    total: int


@dataclass(frozen=True)
class Annotator:
    """Somebody with a workspace of their own."""

    name: str
    password: str
    id: str
    workspace: str
    api: Api


@dataclass(frozen=True)
class Day:
    """The annotation page, open at a dataset of which nothing is answered yet."""

    page: Page
    annotator: Annotator
    owner: Api
    dataset_id: str
    first: Found

    def found(self, act: Callable[[], object]) -> Found:
        """Does something that lets the page search."""
        return found(self.page, act)

    def texts(self) -> Locator:
        """The text of the record that is shown; in the bulk view, of all that are."""
        return self.page.locator(".text_field_component .content-area > div")

    def shows(self, expected: Found) -> None:
        """Bulk view: the page's total and its records, in order, are those that were found."""
        from playwright.sync_api import expect

        expect(self.page.get_by_label("Total Records")).to_have_text(f"of {expected.total}")
        expect(self.texts()).to_have_text(expected.texts)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def choose(self, label: str) -> None:
        """Clicks a label unless it is chosen already (a click on the chosen one would take it back)."""
        option = self.page.get_by_label("Question: relevant").locator("label", has_text=label)
        if "label-active" not in (option.get_attribute("class") or ""):
            option.click()

    def answer(self, button: str) -> Response:
        """Clicks Discard, Save as draft or Submit. Returns the server's answer."""
        with self.page.expect_response(
            lambda response: "/responses" in response.url and response.request.method in ("POST", "PUT")
        ) as info:
            self.page.locator(f".button--{button}").click()
        assert info.value.ok, info.value.text()
        return info.value

    def show_status(self, status: str) -> Found:
        """Picks pending, draft, discarded or submitted from the menu."""
        self.page.locator(".filter-status button").click()
        return self.found(lambda: self.page.locator(f".filter-status .option.{status}").click())

    def responses(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Text of each record with a response → its status and its values, as stored."""
        listed = self.owner.get(f"/datasets/{self.dataset_id}/records", include="responses", limit=1000)
        stored = {}
        for record in listed["items"]:
            for response in record["responses"]:
                assert response["user_id"] == self.annotator.id
                values = {name: value["value"] for name, value in (response["values"] or {}).items()}
                stored[record["fields"]["text"]] = response["status"], values
        return stored

    def progress_is(self, draft: int = 0, discarded: int = 0, submitted: int = 0) -> None:
        """The progress panel and the API agree on this."""
        from playwright.sync_api import expect

        counts = {"draft": draft, "discarded": discarded, "submitted": submitted}
        counts = {"pending": COUNT - sum(counts.values()), **counts}
        # Whether the panel is open is remembered from visit to visit.
        closed = self.page.locator(".panel__header", has_text="Submitted")
        closed.or_(self.page.locator(".panel__header", has_text="My progress")).wait_for()
        if closed.is_visible():
            closed.click()
        expect(self.page.locator(".my-progress__status")).to_have_text(
            [re.compile(rf"^\s*{name}\s*{count}\s*$", re.IGNORECASE) for name, count in counts.items()]
        )
        expect(self.page.locator(".team-progress__percent")).to_have_text(f"{100 * submitted / COUNT:.2f}%")
        expect(self.page.locator(".team-progress__info")).to_have_text(f"{submitted} of {COUNT}")
        mine = self.annotator.api.get(f"/me/datasets/{self.dataset_id}/metrics")["responses"]
        assert mine == {"total": COUNT, **counts}
        team = self.owner.get(f"/datasets/{self.dataset_id}/progress")
        assert (team["total"], team["completed"]) == (COUNT, submitted)


def found(page: Page, act: Callable[[], object]) -> Found:
    with page.expect_response(lambda response: "/records/search?" in response.url) as info:
        act()
    assert info.value.ok, info.value.text()
    asked, answer = info.value.request.post_data_json, info.value.json()
    return Found(
        query=asked.get("query") or {},
        sort=asked.get("sort"),
        filters=asked["filters"]["and"],
        texts=[one["record"]["fields"]["text"] for one in answer["items"]],
        scores=[one["query_score"] for one in answer["items"]],
        total=answer["total"],
    )


def log_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(url)
    page.locator("input").first.fill(name)
    page.locator("input[type=password]").fill(password)
    page.keyboard.press("Enter")


def make_dataset(server: ArgillaLite, workspace: str) -> rg.Dataset:
    dataset = rg.Dataset(
        name=f"firings-{uuid4().hex[:8]}",
        workspace=workspace,
        client=rg.Argilla(api_url=server.url, api_key=server.api_key),
        settings=rg.Settings(
            fields=[rg.TextField(name="text")],
            questions=[
                rg.LabelQuestion(name="relevant", labels=["yes", "no"]),
                rg.TextQuestion(name="comment", required=False),
            ],
            metadata=[rg.TermsMetadataProperty(name="topic"), rg.IntegerMetadataProperty(name="length")],
            vectors=[rg.VectorField(name="position", dimensions=4)],
        ),
    )
    dataset.create()
    dataset.records.log(
        [
            rg.Record(
                id=item.name,
                fields={"text": item.text},
                metadata={"topic": item.topic, "length": item.length},
                vectors={"position": item.position},
                suggestions=[rg.Suggestion("relevant", item.suggested, score=item.score, agent="kiln-1")],
            )
            for item in ITEMS
        ]
    )
    return dataset
