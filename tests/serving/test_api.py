"""The bot as programs use it: the openai client, feedback, metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from curation import Home, LanguageModel, LanguageModelSettings, Turn
from serving.bot.answers import FOUND
from serving.bot.refusals import REFUSAL
from serving.settings import BotSettings, ServingSettings
from tests.serving.conftest import MakeRelease
from tests.serving.running import RunningBot, running_bot
from tests.serving.test_bot import HOW, Mailbox


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def bot(home: Home, make_release: MakeRelease, mailbox: Mailbox) -> Iterator[RunningBot]:
    make_release()
    with running_bot(home, ServingSettings(bot=BotSettings(port=0)), None, mailbox) as running:
        yield running


def test_the_openai_client_gets_answers_citations_and_a_conversation(
    bot: RunningBot, mailbox: Mailbox
) -> None:
    client = openai.OpenAI(base_url=f"{bot.url}/v1", api_key="none", timeout=60)
    assert [model.id for model in client.models.list()] == [client.models.retrieve("clayloop").id]
    first = client.chat.completions.create(model="any", messages=[{"role": "user", "content": HOW}])
    text = first.choices[0].message.content or ""
    assert text.startswith(FOUND) and "--jobs 4" in text and first.choices[0].finish_reason == "stop"
    extra = first.model_extra or {}
    assert extra["citations"][0]["title"] == "Tasks > Running tasks in parallel" and extra["refused"] is False
    assert extra["citations"][0]["url"] == "https://docs.example.org/tasks.md"

    pieces = list(
        client.chat.completions.create(
            model="clayloop",
            messages=[
                {"role": "user", "content": HOW},
                {"role": "assistant", "content": text},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "and how do I retry it when it fails?"}],
                },
            ],
            stream=True,
            metadata={"after": first.id},
        )
    )
    streamed = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert "retries=3" in streamed and pieces[-1].choices[0].finish_reason == "stop"
    assert (pieces[-1].model_extra or {})["citations"]
    turns = mailbox.wait_for(2)
    assert [turn.turn for turn in turns] == [0, 1] and len({turn.conversation_id for turn in turns}) == 1
    assert turns[1].history[0].content == HOW

    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="x", messages=[{"role": "assistant", "content": "Hi"}])
    many: list[ChatCompletionMessageParam] = [{"role": "user", "content": "x" * 60_000}] * 4
    with pytest.raises(openai.APIStatusError, match="together may have 200,000 characters"):
        client.chat.completions.create(model="x", messages=many)
    with pytest.raises(openai.APIStatusError, match=r"temperature: .* less than or equal to 2$"):
        client.chat.completions.create(model="x", temperature=5, messages=[{"role": "user", "content": HOW}])

    def error(body: bytes) -> tuple[int, str]:
        headers = {"content-type": "application/json"}
        got = httpx.post(f"{bot.url}/v1/chat/completions", content=body, headers=headers, timeout=60)
        return got.status_code, got.json()["error"]["message"]

    assert error(b"") == (422, "Field required")
    assert error(b"{bad") == (422, "JSON decode error")
    parts = [{"type": "text", "text": "clay " * 9_000}] * 5
    status, message = error(json.dumps({"messages": [{"role": "user", "content": parts}]}).encode())
    assert status == 422 and "may have 200,000 characters" in message
    blank = {"role": "user", "content": [{"type": "image_url"}]}
    assert error(json.dumps({"messages": [blank]}).encode())[0] == 400
    assert error(b"\xff")[0] == 400
    unknown = bot.get("/v1/nothing")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["message"] == "There is no GET /v1/nothing."


def test_the_openai_client_is_told_the_usage(bot: RunningBot) -> None:
    client = openai.OpenAI(base_url=f"{bot.url}/v1", api_key="none", timeout=60)
    short: list[ChatCompletionMessageParam] = [{"role": "user", "content": HOW}]
    long: list[ChatCompletionMessageParam] = [{"role": "system", "content": "Be brief. " * 20}, *short]
    told = [client.chat.completions.create(model="any", messages=one).usage for one in (short, long)]
    assert told[0] and told[1] and told[1].prompt_tokens > told[0].prompt_tokens + 50
    assert told[1].completion_tokens == told[0].completion_tokens > 20
    assert told[0].total_tokens == told[0].prompt_tokens + told[0].completion_tokens

    *pieces, last = client.chat.completions.create(
        model="any", messages=short, stream=True, stream_options={"include_usage": True}
    )
    assert last.usage == told[0] and last.choices == [] and last.id == pieces[-1].id
    assert all(piece.choices and piece.usage is None for piece in pieces)
    assert pieces[-1].choices[0].finish_reason == "stop"
    *_, last = client.chat.completions.create(model="any", messages=short, stream=True)
    assert last.usage is None and last.choices[0].finish_reason == "stop"


TOOL: ChatCompletionToolParam = {"type": "function", "function": {"name": "look_up", "parameters": {}}}


# Each list is asked of one bot: to start one takes longer than an answer.
HARMLESS: list[dict[str, Any]] = [
    {"n": 1, "max_tokens": 4096, "stop": ["\n\n"], "user": "u1", "seed": 7, "top_p": 0.5},
    {"max_completion_tokens": 5, "store": False, "frequency_penalty": 0.1, "presence_penalty": 0},
    {"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": True, "logprobs": False},
    {"response_format": {"type": "text"}, "modalities": ["text"], "reasoning_effort": "low"},
    {"stream": None, "temperature": None, "metadata": None, "stream_options": None, "n": None},
    {"extra_body": {"chat_id": "a front end's own", "features": {}, "num_ctx": 2048}},
]
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"n": 2}, "n", "n has to be 1"),
    ({"n": 0}, "n", "n has to be 1"),
    ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice", "calls no tools"),
    ({"functions": [], "function_call": {"name": "look_up"}}, "function_call", "calls no functions"),
    ({"response_format": {"type": "json_object"}}, "response_format", "json_object is not supported"),
    ({"response_format": {"type": "x" * 90}}, "response_format", "x" * 50 + " is not supported"),
    ({"logprobs": True}, "logprobs", "no log probabilities"),
    ({"modalities": ["text", "audio"]}, "modalities", "text only"),
]


def test_what_changes_nothing_does_no_harm(bot: RunningBot) -> None:
    client = openai.OpenAI(base_url=f"{bot.url}/v1", api_key="none", timeout=60)
    asked: list[ChatCompletionMessageParam] = [{"role": "user", "content": HOW}]
    for fields in HARMLESS:
        answer = client.chat.completions.create(model="x", messages=asked, **fields)
        assert "--jobs 4" in (answer.choices[0].message.content or ""), fields


def test_what_would_be_waited_for_is_refused(bot: RunningBot) -> None:
    client = openai.OpenAI(base_url=f"{bot.url}/v1", api_key="none", timeout=60)
    asked: Any = [{"role": "user", "content": HOW}]
    for fields, param, said in REFUSED:
        with pytest.raises(openai.BadRequestError, match=said) as error:
            client.chat.completions.create(model="x", messages=asked, **fields)
        assert error.value.param == param and error.value.type == "invalid_request_error"
    asked = [{"role": "robot", "content": HOW}, {"role": "user", "content": HOW}]
    with pytest.raises(openai.UnprocessableEntityError, match=r"messages\.0\.role: .*'system'") as refused:
        client.chat.completions.create(model="x", messages=asked)
    assert refused.value.type == "invalid_request_error"


def test_the_bot_speaks_to_a_bot(bot: RunningBot) -> None:
    """Our own client of OpenAI-compatible endpoints reads its stream."""
    model = LanguageModel(LanguageModelSettings(), f"{bot.url}/v1")
    said = list(model.stream([{"role": "user", "content": "Who won the cup in 1998?"}], 10, 0.0))
    assert "".join(said).startswith(REFUSAL)


def test_feedback_reaches_the_turns_record_and_the_metrics(bot: RunningBot, mailbox: Mailbox) -> None:
    asked = {"messages": [{"role": "user", "content": HOW}]}
    answer = httpx.post(f"{bot.url}/v1/chat/completions", json=asked, timeout=60).json()
    said = {"id": answer["id"], "thumb": "down", "comment": " Too <b>short</b>. "}
    for _ in range(3):
        assert httpx.post(f"{bot.url}/feedback", json=said, timeout=60).status_code == 200
    turns: list[Turn] = mailbox.wait_for(2)
    assert [(turn.thumb, turn.comment) for turn in turns][1] == ("down", "Too <b>short</b>.")
    assert len(turns) == 2 and turns[0].id == turns[1].id, "said again, nothing is sent again"
    for wrong in ("chatcmpl-x", "", "../../etc/passwd"):
        assert (
            httpx.post(f"{bot.url}/feedback", json={"id": wrong, "thumb": "up"}, timeout=60).status_code
            == 404
        )
    nothing = httpx.post(f"{bot.url}/feedback", json={"id": answer["id"]}, timeout=60)
    assert nothing.status_code == 422 and "Give a thumb" in nothing.json()["error"]["message"]
    for number, status in ((1, 200), (len(answer["citations"]) + 1, 422), (True, 422), (0, 422)):
        opened = httpx.post(f"{bot.url}/feedback", json={"id": answer["id"], "opened": number}, timeout=60)
        assert opened.status_code == status
        assert status == 200 or opened.json()["error"]["message"].startswith("opened: ")
    assert mailbox.wait_for(3)[-1].opened == (1,)
    metrics = bot.get("/metrics").text
    assert 'clayloop_bot_answers_total{kind="passages"} 1.0' in metrics
    assert 'clayloop_bot_thumbs_total{thumb="down"} 1.0' in metrics
    assert "clayloop_bot_answer_seconds_count 1.0" in metrics
    assert "/v1/chat/completions" in bot.get("/openapi.json").json()["paths"]


def test_another_site_may_not_use_it(bot: RunningBot) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{bot.url}/feedback", headers=origin, timeout=60)
    assert "access-control-allow-origin" not in answer.headers
