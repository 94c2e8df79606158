"""Answers: what the language model is given, what is shown, and what happens without it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given, strategies as st
from markdown_it import MarkdownIt

from curation import Home, LanguageModel, LanguageModelError, LanguageModelSettings, Message
from serving.bot.answers import (
    BROKEN_OFF,
    NO_MODEL,
    REFUSAL,
    Reply,
    answer_question,
    messages,
    packed,
    sources,
)
from serving.bot.chat import read_history
from serving.bot.conversations import Conversations
from serving.bot.markup import harmless, link, plain, web_address
from serving.bot.small_models import loop_start
from serving.bot.suggestions import example_questions
from serving.releases.prompt import Prompt
from serving.releases.retriever import Retriever, load_release
from serving.releases.store import ReleaseStore
from serving.retrieval.index import Hit
from serving.settings import BotSettings, ServingSettings
from tests.model_server import running_model_server
from tests.serving.conftest import MakeRelease
from tests.serving.pages import make_chunks

HOW = "How do I run several tasks at the same time?"
STRANGE = "Who painted the ceiling of the Sistine Chapel?"


class FakeModel:
    """Says what it is told to; a language model that breaks on demand can't be had."""

    def __init__(self, pieces: list[str], error: str = "", few_shot: bool = False) -> None:
        self.pieces = pieces
        self.few_shot = few_shot
        self.error = error
        self.asked: list[list[dict[str, str]]] = []

    def stream(self, messages: list[dict[str, str]], **options: object) -> Iterator[str]:
        self.asked.append(messages)
        yield from self.pieces
        if self.error:
            raise LanguageModelError(self.error)


@pytest.fixture
def retriever(home: Home, make_release: MakeRelease, settings: ServingSettings) -> Retriever:
    make_release()
    return load_release(ReleaseStore(home), None, settings)


def ask(retriever: Retriever, model: FakeModel | None, question: str = HOW) -> list[Reply]:
    return list(answer_question(retriever, cast("LanguageModel | None", model), question, [], BotSettings()))


def test_the_answer_streams_and_ends_with_its_sources(retriever: Retriever) -> None:
    model = FakeModel(["Use ", "`kiln run --jobs 4`", "."])
    replies = ask(retriever, model)
    assert [reply.text for reply in replies][-1] == "Use `kiln run --jobs 4`."
    assert all(not reply.hits for reply in replies[:-1])
    assert len(replies[-1].hits) == 4 and replies[-1].score == replies[-1].hits[0].score
    assert "](https://docs.example.org/tasks.md)" in replies[-1].markdown
    asked = model.asked[0]
    assert asked[0]["role"] == "system" and HOW in asked[-1]["content"]
    assert "--jobs 4 to run four tasks" in asked[-1]["content"]


def test_a_question_the_documentation_does_not_answer_is_refused_without_the_model(
    retriever: Retriever,
) -> None:
    model = FakeModel(["Michelangelo"])
    (reply,) = ask(retriever, model, STRANGE)
    assert reply.text == REFUSAL and reply.refused and not reply.hits and not model.asked
    assert reply.markdown == REFUSAL


def test_without_a_model_the_best_passages_are_quoted(retriever: Retriever) -> None:
    for model in (None, FakeModel([], "Nothing listens at 127.0.0.1:1.")):
        reply = ask(retriever, model)[-1]
        assert reply.text.startswith(NO_MODEL) and "--jobs 4" in reply.text and len(reply.hits) == 4
    assert reply.trouble == "Nothing listens at 127.0.0.1:1."
    assert "127.0.0.1" not in reply.markdown, "addresses are for the log"


def test_an_answer_that_breaks_off_is_kept_and_says_so(retriever: Retriever) -> None:
    reply = ask(retriever, FakeModel(["Like this:\n```python\nrun("], "timed out"))[-1]
    assert reply.text.startswith("Like this:\n```python\nrun(\n```") and BROKEN_OFF in reply.text
    assert len(reply.hits) == 4


def test_a_very_small_model_is_cut_when_it_loops_and_shown_with_its_passage(retriever: Retriever) -> None:
    model = FakeModel(["Run them as "] + ["tasks, "] * 50, few_shot=True)
    replies = ask(retriever, model)
    assert replies[-1].text.startswith("Run them as tasks,\n\n*From the documentation:*")
    assert "--jobs 4" in replies[-1].text and len(replies) < 10
    assert len(model.asked[0]) == 4 and "--jobs 4" in model.asked[0][-1]["content"]
    assert loop_start("a list: 1, 2, 3, 4, 5, 6") is None
    assert loop_start("----------------------------------") is None
    assert loop_start("so so so so so so so so") is not None


@pytest.mark.parametrize(
    "said", ["Run `vault restore DATE`.", "Michelangelo painted the ceiling of the chapel.", "", " \n"]
)
def test_what_a_very_small_model_makes_up_is_not_shown(retriever: Retriever, said: str) -> None:
    reply = ask(retriever, FakeModel([said], few_shot=True))[-1]
    assert reply.text.startswith("*From the documentation:*") and "--jobs 4" in reply.text
    held = ask(retriever, FakeModel(["Use `--jobs 4` to run four tasks."], few_shot=True))[-1]
    assert held.text.startswith("Use `--jobs 4`")


def test_the_context_fits_and_braces_stay_text(retriever: Retriever) -> None:
    hits = retriever.search(HOW, 20)
    chosen = packed(hits, 100)
    assert chosen[0] == hits[0].chunk and sum(chunk.tokens for chunk in chosen) <= 100
    assert packed(hits, 1) == [hits[0].chunk], "the best chunk always goes in"
    assert packed([hits[0], hits[0]], 1000) == [hits[0].chunk]
    prompt = Prompt(system="", template="{context}|{question}|{x}")
    assert prompt.fill(question="{0}", context="{question}") == "{question}|{0}|{x}"
    history = [Message(role="user", content=str(number)) for number in range(20)]
    sent = messages(retriever, "Q {context}", hits[:1], history, BotSettings())
    assert [message["content"] for message in sent[1:-1]] == [str(number) for number in range(12, 20)]
    assert "Q {context}" in sent[-1]["content"]


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![tracker](https://evil.example/pixel.png)",
    "!![t](//evil.example/p.png)",
    "![a][b]\n\n[b]: https://evil.example/p.png",
    "[click](javascript:alert(1))",
    "[click](  JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,AAAA)",
    "`` ` `` <b>x</b> `",
    "```<script>\nalert(1)\n```\n<script>x</script>",
    "~~~ `\n<img src=x>\n~~~",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_an_answer_loads_or_runs(text: str) -> None:
    rendered = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(harmless(text))
    assert not re.search(r"<(script|img|b|iframe)\b", rendered), rendered
    assert not re.search(r"href=\"\s*(javascript|data|vbscript)", rendered, re.IGNORECASE), rendered


@given(st.text(alphabet="<>!`~[]()a:/\n &;#\\javscript", max_size=60))
def test_no_text_makes_an_image_or_a_tag(text: str) -> None:
    rendered = MarkdownIt("commonmark", {"html": True}).render(harmless(text))
    assert not re.search(r"<(?!/?(p|em|strong|code|pre|a|ul|ol|li|h[1-6]|hr|br|blockquote)\b)", rendered), (
        rendered
    )


def test_code_stays_as_it_is() -> None:
    text = "Use `a < b` so:\n```python\nif a < b: print('![x](y)')\n```\nand `![i](j)`."
    assert harmless(text) == text


@given(st.text(max_size=40))
def test_a_title_is_shown_letter_by_letter(text: str) -> None:
    rendered = MarkdownIt("commonmark", {"html": True}).render(f"x [{plain(text)}](https://e.org) y")
    assert rendered.startswith('<p>x <a href="https://e.org">') and rendered.count("<") == 4


def test_sources_are_links_only_where_the_address_is_one() -> None:
    assert web_address("https://e.org/a b(1).html") == "https://e.org/a%20b%281%29.html"
    for address in ("javascript:alert(1)", "file:///etc/passwd", "", "//e.org", "http://", "https://[bad"):
        assert web_address(address) == ""
        assert link("Title", address, "docs/a`b.md") == "Title (`docs/a'b.md`)"
    chunks = make_chunks()
    listed = sources(
        [Hit(chunk=chunks[0], score=0.5), Hit(chunk=chunks[0], score=0.5), Hit(chunk=chunks[20], score=0.4)]
    )
    assert listed.splitlines()[0] == "1. [Installing Kilnworks](https://docs.example.org/install.md)"
    assert listed.splitlines()[1].endswith("(`faq.md`)") and len(listed.splitlines()) == 2


def test_conversations_live_until_they_are_cleared() -> None:
    conversations = Conversations(most_sessions=2)
    first = conversations.next_turn("a", 0)
    assert first[1] == 0 and conversations.next_turn("a", 1) == (first[0], 1)
    assert conversations.next_turn("a", 1) == (first[0], 2), "asked again: a turn of its own"
    cleared = conversations.next_turn("a", 0)
    assert cleared[0] != first[0] and cleared[1] == 0
    assert conversations.next_turn(None, 0)[0] != conversations.next_turn(None, 0)[0]
    conversations.next_turn("b", 0)
    conversations.next_turn("c", 0)
    assert conversations.next_turn("a", 3)[0] != cleared[0], "forgotten: goes on under a new id"


def test_gradio_histories_are_read_without_the_sources() -> None:
    shown = Reply(text="It is **so**.", hits=(Hit(chunk=make_chunks()[0], score=0.5),)).markdown
    history = [
        {"role": "user", "content": [{"type": "text", "text": "Is it?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": shown}]},
        {"role": "assistant", "content": shown},
        {"role": "system", "content": "ignored"},
        {"role": "user", "content": [{"type": "file", "file": {"path": "x"}}]},
    ]
    assert [message.content for message in read_history(history)] == [
        "Is it?",
        "It is **so**.",
        "It is **so**.",
        "",
    ]


def test_examples_are_questions_first_and_from_different_files() -> None:
    examples = example_questions(make_chunks())
    assert len(examples) == 3 and examples == example_questions(make_chunks())
    assert examples[0].endswith("?")
    assert example_questions([]) == []


@pytest.mark.llm
@pytest.mark.slow
def test_the_embedded_model_answers(retriever: Retriever) -> None:
    with running_model_server() as server:
        llm = LanguageModel(LanguageModelSettings(), server.base_url)
        replies = list(answer_question(retriever, llm, HOW, [], BotSettings(max_answer_tokens=48)))
        assert len(replies) > 3 and replies[-1].trouble is None
        assert replies[-1].text.strip() and len(replies[-1].hits) == 4
        print(replies[-1].markdown)
    down = list(answer_question(retriever, llm, HOW, [], BotSettings()))[-1]
    assert down.trouble and down.text.startswith(NO_MODEL)
