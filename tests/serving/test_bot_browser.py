"""A person chats with the bot in a browser while the release under it is swapped."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect, sync_playwright

from curation import Home, Turn
from serving.bot.answers import FOUND
from serving.bot.refusals import NOT_SURE
from serving.releases.canary import Canary
from serving.releases.store import ReleaseStore
from serving.settings import BotSettings, ServingSettings
from tests.serving.conftest import MakeRelease
from tests.serving.running import RunningBot, running_bot
from tests.xss import XSS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = "/usr/bin/chromium"
HOW = "How do I run several tasks at the same time?"
PATIENCE = 90_000  # milliseconds
BOT_MESSAGE = ".message.bot"
# Gradio's message that its stream of events ends is late, as on a slow line or a busy machine.
LATE_END = """const real = window.fetch;
window.fetch = async (...what) => {
    const got = await real(...what);
    if (!got.url.includes('/queue/data')) return got;
    const late = new TransformStream({async transform(chunk, to) {
        const at = new TextDecoder('latin1').decode(chunk).indexOf('close_stream');
        to.enqueue(chunk.slice(0, at < 0 ? chunk.length : at));
        if (at < 0) return;
        await new Promise(go => setTimeout(go, 3000));
        to.enqueue(chunk.slice(at));
    }});
    return new Response(got.body.pipeThrough(late), {status: got.status, headers: got.headers});
};"""


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def ask(page: Page, question: str, answers: int) -> str:
    """Type ``question``, wait until the ``answers``-th answer of the page is complete, return its text."""
    page.locator("textarea").first.fill(question)
    page.keyboard.press("Enter")
    message = page.locator(BOT_MESSAGE).nth(answers - 1)
    expect(message).to_contain_text(FOUND if question == HOW else NOT_SURE, timeout=PATIENCE)
    return message.inner_text()


def wait_for_turns(turns: list[Turn], number: int) -> None:
    """A turn is kept a moment after its answer is shown."""
    deadline = time.monotonic() + PATIENCE / 1000
    while len(turns) < number:
        assert time.monotonic() < deadline, f"{len(turns)} of {number} turns were kept"
        time.sleep(0.05)


def screenshot(page: Page, name: str) -> None:
    """Kept where CLAYLOOP_SCREENSHOTS says, for a person to look at."""
    folder = os.environ.get("CLAYLOOP_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def chat_across_a_swap(
    page: Page, bot: RunningBot, first: str, make_release: MakeRelease, turns: list[Turn]
) -> None:
    elsewhere: list[str] = []
    trouble: list[str] = []

    def watch(request: Request) -> None:
        if not request.url.startswith((bot.url, "data:", "blob:")):
            elsewhere.append(request.url)

    page.on("request", watch)
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.goto(bot.url)
    page.get_by_placeholder("Ask about the documentation").wait_for()
    screenshot(page, "1-start")
    ask(page, HOW, 1)
    link = page.locator(BOT_MESSAGE).first.get_by_role("link", name="Tasks > Running tasks in parallel")
    assert link.get_attribute("href") == "https://docs.example.org/tasks.md"
    screenshot(page, "2-before")

    second = make_release("SECOND-RELEASE").id
    bot.wait_for_release(second)
    ask(page, HOW, 2)
    screenshot(page, "3-after")
    ask(page, "Who painted the ceiling of the Sistine Chapel?", 3)
    screenshot(page, "4-refused")

    assert elsewhere == [], "the page needs nothing from anywhere else"
    assert not [text for text in trouble if "Content Security Policy" in text], trouble
    wait_for_turns(turns, 3)
    assert [turn.release_id for turn in turns[:2]] == [first, second]
    assert len({turn.conversation_id for turn in turns}) == 1 and [turn.turn for turn in turns] == [0, 1, 2]
    page.get_by_label("Clear").first.click()
    expect(page.locator(BOT_MESSAGE)).to_have_count(0)
    ask(page, HOW, 1)
    wait_for_turns(turns, 4)
    assert turns[3].conversation_id != turns[0].conversation_id and turns[3].turn == 0


def test_chat_across_a_swap_quoting_passages(home: Home, make_release: MakeRelease, page: Page) -> None:
    first = make_release("FIRST-RELEASE").id
    turns: list[Turn] = []
    settings = ServingSettings(bot=BotSettings(port=0, title="Kilnworks assistant"))
    with running_bot(home, settings, None, turns.extend) as bot:
        chat_across_a_swap(page, bot, first, make_release, turns)
        answers = [turn.answer for turn in turns]
    assert "FIRST-RELEASE" in answers[0] and "SECOND-RELEASE" in answers[1]


def test_what_a_visitor_opens_of_an_interleaved_answer_is_told(
    home: Home, make_release: MakeRelease, page: Page
) -> None:
    make_release("ONE")
    other = make_release("TWO", promote=False)
    canary = Canary(release=other.id, share=0.5, since=datetime.now(timezone.utc), interleave=True)
    ReleaseStore(home).marks.set_canary(canary)
    turns: list[Turn] = []
    page.route("https://docs.example.org/**", lambda route: route.abort())
    with running_bot(home, ServingSettings(bot=BotSettings(port=0)), None, turns.extend) as bot:
        page.goto(bot.url)
        for asked in range(1, 20):  # half of the conversations
            ask(page, HOW, 1)
            wait_for_turns(turns, asked)
            if turns[-1].drafted:
                break
            page.get_by_label("Clear").first.click()
            expect(page.locator(BOT_MESSAGE)).to_have_count(0)
        links = page.locator(BOT_MESSAGE).first.get_by_role("link", name="Tasks")
        for opened, number in enumerate((2, 3), 1):
            links.nth(number - 1).click(modifiers=["Control"])
            wait_for_turns(turns, asked + opened)
        screenshot(page, "8-interleaved")
    first, last = turns[-3], turns[-1]
    assert last.id == first.id and last.opened == (2, 3)
    assert turns[-2].preferred.startswith(first.drafted[1])


def test_a_visitor_rates_reloads_and_goes_on(home: Home, make_release: MakeRelease, page: Page) -> None:
    make_release()
    turns: list[Turn] = []
    settings = ServingSettings(bot=BotSettings(port=0, title="Kilnworks assistant"))
    page.add_init_script(LATE_END)
    with running_bot(home, settings, None, turns.extend) as bot:
        page.goto(bot.url)
        ask(page, HOW, 1)
        expect(page.locator(f"{BOT_MESSAGE} mark").first).to_contain_text("--jobs 4")
        page.get_by_label("Dislike").first.click()
        comment = page.get_by_placeholder("What was good, or what was missing? (optional)")
        comment.fill("Which number is best?")
        screenshot(page, "6-comment")
        page.get_by_role("button", name="Send comment").click()
        expect(page.get_by_text("The maintainers will see your comment.")).to_be_visible(timeout=PATIENCE)
        expect(comment).to_be_hidden()
        wait_for_turns(turns, 3)
        assert [(turn.thumb, turn.comment) for turn in turns] == [
            (None, ""),
            ("down", ""),
            ("down", "Which number is best?"),
        ]
        assert len({turn.id for turn in turns}) == 1, "one record"
        page.get_by_label("Disliked").first.click()
        wait_for_turns(turns, 4)
        assert (turns[3].thumb, turns[3].comment) == (None, "Which number is best?"), "taken back"

        page.reload()
        expect(page.locator(BOT_MESSAGE).first).to_contain_text(FOUND, timeout=PATIENCE)
        ask(page, HOW, 2)
        wait_for_turns(turns, 5)
        assert turns[4].conversation_id == turns[0].conversation_id and turns[4].turn == 1
        screenshot(page, "7-after-a-reload")


def test_nothing_in_a_question_or_a_document_runs(home: Home, make_release: MakeRelease, page: Page) -> None:
    make_release("\n\n".join(one.replace("alert(1)", "window.hit=1") for one in XSS))
    settings = ServingSettings(bot=BotSettings(port=0, title="<b>Kilnworks</b>"))
    with running_bot(home, settings, None, None) as bot:
        loaded: list[str] = []
        page.on("requestfinished", lambda request: loaded.append(request.url))
        page.goto(bot.url)
        ask(page, HOW, 1)
        hostile = " ".join(one.replace("alert(1)", "window.hit=1").replace("\n", " ") for one in XSS)
        page.locator("textarea").first.fill(f"run tasks at the same time {hostile}")
        page.keyboard.press("Enter")
        expect(page.locator(BOT_MESSAGE)).to_have_count(2, timeout=PATIENCE)
        for summary in page.locator(f"{BOT_MESSAGE} summary").all():
            summary.click()
        for one in page.locator(f"{BOT_MESSAGE} a").all():
            assert (one.get_attribute("href") or "https://").startswith("http"), one.inner_text()
        screenshot(page, "5-hostile")
        assert page.evaluate("window.hit") is None
        assert [url for url in loaded if "evil.example" in url] == [], "the page's policy stops every image"
        assert "onerror" in page.locator(BOT_MESSAGE).first.inner_text(), "shown as the text that it is"
