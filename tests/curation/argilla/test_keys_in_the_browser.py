"""Annotating by keyboard as docs/annotators.md says, in Argilla's page: what is stored is what was meant."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import argilla as rg
import pytest
from pydantic import SecretStr

from curation.argilla.api import Api, JsonObject
from curation.argilla.connection import connect_to_argilla
from curation.argilla.conversations import log_turns
from curation.argilla.datasets import RemoteDataset
from curation.argilla.push import push_to_argilla
from curation.argilla.suggestions import Suggestion
from curation.documents.corpus import Corpus
from curation.home import Home
from curation.records.decision import BEST_SOURCE, CORRECTION, OTHER_SOURCE, DatasetName
from curation.settings import ArgillaSettings
from curation.shown.records import readable
from serving import Embedder
from tests.argilla_lite.annotation_page import log_in
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite
from tests.browser import chromium_page
from tests.curation.argilla.sample import dataset_of, make_chunk, make_triplet, make_turn, rows, small_corpus

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

pytestmark = [pytest.mark.argilla, pytest.mark.browser]

GUIDE = Path(__file__).parents[3] / "docs" / "annotators.md"
# What the guide says, word by word; `Keyboard` does just that.
SENTENCES = (
    "| chunks | `1` (yes) or `2` (no): that submits it |",
    "| triplets | `1` or `2` for the positive, `1` or `2` for the negative, `Enter` |",
    "| conversations | `1` or `2`, `1` or `2`, `Enter`. To name a source: its key before `Enter` |",
    "The keys are the same whether an answer is suggested or not.",
    "The keys of the sources are `1` to `9`, `1` `0` for source 10 and `1` `1` for *none*, the second within "
    "a second.",
    "Where clayloop did not start Argilla, it must follow within 0.3 s, and after `1` alone wait until "
    "source 1 is marked.",
    "To write into a text box, go there with `↓`, press `Shift`+`Enter`, write, press `Esc`, then `Enter` "
    "or, for the next box, `↓`.",
    "To change an answer that you have given, press the key of the other one, then `Enter`.",
)
Values = dict[str, str]
KEYS = {"yes": "1", "no": "2"}
QUESTIONS: dict[DatasetName, tuple[str, ...]] = {
    "chunks": ("good_chunk",),
    "triplets": ("is_positive_relevant", "is_negative_irrelevant"),
    "conversations": ("is_response_correct", "out_of_guardrails"),
}
TEXTS = (OTHER_SOURCE, CORRECTION, "feedback")  # in the order of the page
FIRST_FOCUSED = (
    "() => document.querySelector('.questions-form .questions > div')?.contains(document.activeElement)"
)


@dataclass
class Desk:
    """An annotator at the page of one Argilla, with the three datasets."""

    page: Page
    url: str
    api: Api
    settings: ArgillaSettings
    suggests: bool

    def dataset(self, kind: DatasetName) -> RemoteDataset:
        return dataset_of(self.api, self.settings, kind)

    def records(self, kind: DatasetName) -> list[JsonObject]:
        """With suggestions and responses, ordered by id."""
        found = rows(self.api, self.settings, kind, ["suggestions", "responses"])
        return sorted(found, key=lambda record: str(record["external_id"]))

    def suggested(self, kind: DatasetName) -> list[Values]:
        """What is suggested for each record."""
        names = {key: name for name, key in self.dataset(kind).questions.items()}
        return [
            {names[one["question_id"]]: one["value"] for one in record["suggestions"]}
            for record in self.records(kind)
        ]

    def open(self, kind: DatasetName, status: str = "pending") -> None:
        base = f"{self.url}/dataset/{self.dataset(kind).id}/annotation-mode"
        self.page.goto(f"{base}?page=1&status={status}")

    def annotate(self, kind: DatasetName, meant: list[Values]) -> None:
        """Answer all records, in whatever order the page shows them."""
        marks = self.marks(kind)
        waiting = dict(zip(marks, meant, strict=True))
        self.open(kind)
        while waiting:
            said = waiting.pop(self.shown(waiting))
            with self._answer():
                self._press(kind, said)

    def change(self, kind: DatasetName, question: str, stored: list[Values]) -> list[Values]:
        """Give another answer to the first question of the first submitted record. What is meant then."""
        marks = self.marks(kind)
        self.open(kind, "submitted")
        row = marks.index(self.shown(marks))
        meant = [dict(said) for said in stored]
        meant[row][question] = _other(meant[row][question])
        with self._answer():
            self.page.keyboard.press(KEYS[meant[row][question]])
            self.page.keyboard.press("Enter")
        return meant

    def marks(self, kind: DatasetName) -> list[str]:
        """A part of each record's text that no other record has."""
        return [_mark(kind, record["fields"]) for record in self.records(kind)]

    def shown(self, waiting: Iterable[str]) -> str:
        """Which of these records is shown, once one is and the page listens to keys."""
        fields = self.page.locator(".text_field_component .content-area")
        for _ in range(600):
            shown = "\n".join(fields.all_inner_texts())
            found = [mark for mark in waiting if mark in shown]
            if found and self.page.evaluate(FIRST_FOCUSED):
                return found[0]
            self.page.wait_for_timeout(50)
        raise AssertionError(f"none of {list(waiting)} is shown, but {shown!r}")

    @contextmanager
    def _answer(self) -> Iterator[None]:
        """Until Argilla has stored an answer. Its page saves what is half done as a draft by itself; an Enter
        at that moment is lost on a slow machine, and a person presses it again."""
        stored: list[Response] = []

        def note(response: Response) -> None:
            is_answer = "/responses" in response.url and response.request.method in ("POST", "PUT")
            if is_answer and '"submitted"' in (response.request.post_data or ""):
                stored.append(response)

        self.page.on("response", note)
        yield
        for tried in range(600):
            if stored:
                break
            if tried and not tried % 200:
                self.page.keyboard.press("Enter")
            self.page.wait_for_timeout(50)
        self.page.remove_listener("response", note)
        assert stored and stored[0].ok, "an answer was stored"

    def _press(self, kind: DatasetName, said: Values) -> None:
        press = self.page.keyboard.press
        if kind == "chunks":
            press(KEYS[said["good_chunk"]])
            return
        first, second = QUESTIONS[kind]
        press(KEYS[said[first]])
        press(KEYS[said[second]])
        source = said.get(BEST_SOURCE)
        for place, digit in enumerate("11" if source == "none" else source or ""):
            self.page.wait_for_timeout(500 if place and self.suggests else 0)
            press(digit)
        if source == "1" and not self.suggests:  # as released, the page forgets it at the next key
            self.page.locator(".label-active").get_by_text("source 1", exact=True).wait_for()
        at = 0 if source else -1  # of the text box; a source that was named leads to the first one
        for place, question in enumerate(TEXTS):
            if question in said:
                for _ in range(place - at):
                    press("ArrowDown")
                at = place
                press("Shift+Enter")
                self.page.keyboard.type(said[question])
                press("Escape")
        press("Enter")

    def stored(self, kind: DatasetName) -> list[Values]:
        """What Argilla holds as submitted, in the order of ``records``."""
        stored = []
        for record in self.records(kind):
            (response,) = record["responses"] or [{"status": "none", "values": {}}]
            assert response["status"] == "submitted"
            stored.append({name: value["value"] for name, value in response["values"].items()})
        return stored


def _mark(kind: DatasetName, fields: Values) -> str:
    """A part of a record's text that no other record has."""
    if kind == "chunks":
        text = readable(fields["chunk"]).partition("\n")[2].strip()
        return text.removeprefix("- ")[:24]  # the page draws the marks of a list
    return fields["positive" if kind == "triplets" else "instruction"]


@pytest.fixture(scope="module", params=["argilla_lite", "as-released"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgillaLite]:
    """Our page, and the one that Argilla was released with: there no answer may be suggested."""
    if request.param == "argilla_lite":
        yield request.getfixturevalue("argilla_lite")
        return
    with running_argilla_lite(tmp_path_factory.mktemp("as-released"), arguments=["--no-patches"]) as lite:
        yield lite


@pytest.fixture(scope="module")
def desk(server: ArgillaLite, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Eight records in each dataset, and in each a number larger than any limit one would think of."""
    settings = ArgillaSettings(
        url=server.url,
        api_key=SecretStr(server.api_key),
        workspace="keyboards",
        chunks="chunks-keys",
        triplets="triplets-keys",
        conversations="conversations-keys",
    )
    client: rg.Argilla = connect_to_argilla(settings, Home(tmp_path_factory.mktemp("keys") / "home"))
    corpus = small_corpus()
    chunks = [*corpus.chunks[1:], corpus.chunks[0].model_copy(update={"tokens": 250_000})]
    triplets = [
        make_triplet(chunk, f"Query {number} about {other.heading}", f"Bread {number}")
        for number, (chunk, other) in enumerate(zip(chunks, [chunks[0], *chunks[:-1]], strict=True))
    ]
    push_to_argilla(client, settings, Corpus([], chunks), triplets, embedder)
    offered = (*(chunk.id for chunk in chunks), "e" * 32, "f" * 32)
    turns = [
        make_turn(
            f"Question {turn}", "Because.", f"c{turn}", turn, cited=offered[: 2 + turn % 4], offered=offered
        )
        for turn in (0, 1, 2, 3, 4, 5, 6, 250_000)
    ]
    log_turns(client, settings, turns, embedder)
    with chromium_page() as page:
        log_in(page, server.url, server.username, server.password)
        page.get_by_text("Your datasets").wait_for()
        api = Api.of(client)
        yield Desk(page, server.url, api, settings, api.shows_suggestions())


def _suggest_to_half(desk: Desk, kind: DatasetName) -> list[Values]:
    """Something to the first half of the records, nothing to the second. Returns what is suggested then."""
    dataset = desk.dataset(kind)
    for number, record in enumerate(desk.records(kind)):
        if ids := ",".join(one["id"] for one in record["suggestions"]):
            desk.api.request(
                "DELETE", f"/api/v1/records/{record['id']}/suggestions", "taking away", params={"ids": ids}
            )
        if desk.suggests and number < 4:
            desk.api.upsert(dataset.id, [_suggesting(record, dataset, kind, ("yes", "no")[number % 2])])
    suggested = desk.suggested(kind)
    assert [bool(one) for one in suggested] == [desk.suggests] * 4 + [False] * 4
    return suggested


def _suggesting(record: JsonObject, dataset: RemoteDataset, kind: DatasetName, value: str) -> JsonObject:
    said = [
        Suggestion(value, 0.9, "a-test").payload(dataset.questions[question]) for question in QUESTIONS[kind]
    ]
    return {"external_id": record["external_id"], "suggestions": said}


def _other(value: str) -> str:
    return "no" if value == "yes" else "yes"


def _meant(suggested: list[Values], questions: tuple[str, ...]) -> list[Values]:
    """Agree with, and contradict, what is suggested, in all combinations; where nothing is, all answers."""
    choices = list(itertools.product((True, False), repeat=len(questions)))
    meant = []
    for row, values in enumerate(suggested):
        choice = dict(zip(questions, choices[row % len(choices)], strict=True))
        meant.append(
            {
                name: values.get(name, "yes") if agrees else _other(values.get(name, "yes"))
                for name, agrees in choice.items()
            }
        )
    return meant


def test_the_guide_says_so() -> None:
    guide = " ".join(GUIDE.read_text().split())
    assert [sentence for sentence in SENTENCES if sentence not in guide] == []


@pytest.mark.parametrize("kind", QUESTIONS)
def test_what_is_stored_is_what_was_meant(desk: Desk, kind: DatasetName) -> None:
    meant = _meant(_suggest_to_half(desk, kind), QUESTIONS[kind])
    if kind == "conversations":
        more: list[Values] = [
            {},
            {BEST_SOURCE: "10"},
            {BEST_SOURCE: "none", OTHER_SOURCE: "guide/settings.md, Timeouts"},
            {"feedback": "see 1 and 2"},
            {CORRECTION: "Set it to 12. Then 1."},
            {BEST_SOURCE: "2", "feedback": "no 21"},
            {BEST_SOURCE: "1", CORRECTION: "yes 12", "feedback": "2"},
            {BEST_SOURCE: "1"},
        ]
        meant = [{**said, **one} for said, one in zip(meant, more, strict=True)]
    desk.annotate(kind, meant)
    assert desk.stored(kind) == meant

    changed = desk.change(kind, QUESTIONS[kind][0], meant)
    assert desk.stored(kind) == changed


def test_enter_alone_submits_nothing(desk: Desk, embedder: Embedder) -> None:
    """An Enter too many, or held down, must not answer the next record with what a machine suggests."""
    chunk = make_chunk("more.md", "More", "Enough words to be suggested as one that is worth finding again.")
    triplets = [make_triplet(chunk, "Who wants more?", "Who wants less?")]
    client = rg.Argilla(api_url=desk.url, api_key=desk.settings.api_key.get_secret_value())
    settings = desk.settings.model_copy(update={kind: f"{kind}-enter" for kind in ("chunks", "triplets")})
    other = Desk(desk.page, desk.url, desk.api, settings, desk.suggests)
    push_to_argilla(client, settings, Corpus([], [chunk]), triplets, embedder)
    kinds: tuple[DatasetName, ...] = ("chunks", "triplets")
    for kind in kinds:
        dataset = other.dataset(kind)
        if desk.suggests:
            desk.api.upsert(dataset.id, [_suggesting(other.records(kind)[0], dataset, kind, "yes")])
        assert bool(other.suggested(kind)[0]) == desk.suggests
        other.open(kind)
        other.shown(other.marks(kind))
        for _ in range(3):
            desk.page.keyboard.press("Enter")
        desk.page.wait_for_timeout(1000)
        assert other.records(kind)[0]["responses"] == []


@pytest.mark.parametrize(
    ("kind", "name", "title"),
    [
        ("chunks", "tokens", "Length in tokens"),
        ("triplets", "rank", "Positive: place in search"),
        ("conversations", "turn", "Turn in the conversation"),
        ("conversations", "sources", "Number of sources"),
    ],
)
def test_numbers_can_be_filtered(desk: Desk, kind: DatasetName, name: str, title: str) -> None:
    """The page offers the range of the records that are there, however large, and finds those inside."""
    from playwright.sync_api import expect

    numbers = sorted(int(record["metadata"][name]) for record in desk.records(kind))
    least = next(number for number in numbers if number > numbers[0])
    page = desk.page
    desk.open(kind, "submitted" if desk.records(kind)[0]["responses"] else "pending")
    desk.shown(desk.marks(kind))
    page.get_by_role("button", name="Filters", exact=True).click()
    metadata = page.locator(".metadata-filter")
    metadata.get_by_text("Metadata").click()
    metadata.get_by_text(title, exact=True).click()
    low, high = metadata.locator(".range__inputs input").all()
    expect(low).to_have_value(str(numbers[0]))
    expect(high).to_have_value(str(numbers[-1]))
    low.fill(str(least))
    with page.expect_response(lambda response: "/records/search?" in response.url) as found:
        low.press("Tab")
    body = found.value.request.post_data_json
    assert body is not None
    asked = body["filters"]["and"]
    scope = {"entity": "metadata", "metadata_property": name}
    assert {"type": "range", "scope": scope, "ge": least, "le": numbers[-1]} in asked
    assert found.value.json()["total"] == sum(number >= least for number in numbers)
