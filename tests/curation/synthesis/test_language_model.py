from __future__ import annotations

import json
import traceback
from collections.abc import Callable

import pytest

from curation.errors import LanguageModelError
from curation.settings import LanguageModelSettings
from curation.synthesis.language_model import LanguageModel
from tests.curation.fake_endpoint import Reply, fake_endpoint, hangs_up, says, sends, streams, waits
from tests.model_server import ModelServer

KEY = "sk-very-secret-0123456789"
HELLO = [{"role": "user", "content": "Hello"}]


def model_at(base_url: str, timeout: float = 5.0, **settings: object) -> LanguageModel:
    values = {"api_key": KEY, "timeout": timeout, "base_url": base_url, **settings}
    return LanguageModel(LanguageModelSettings.model_validate(values))


def complete(llm: LanguageModel) -> object:
    return llm.complete(HELLO, max_tokens=10, temperature=0)


def stream(llm: LanguageModel) -> object:
    return list(llm.stream(HELLO, max_tokens=10, temperature=0))


def check(llm: LanguageModel) -> object:
    return llm.check()


def failure(base_url: str, use: Callable[[LanguageModel], object], **settings: object) -> LanguageModelError:
    with pytest.raises(LanguageModelError) as caught:
        use(model_at(base_url, **settings))
    error = caught.value
    shown = str(error) + "".join(traceback.format_exception(error)) + repr(model_at(base_url, **settings))
    assert KEY not in shown
    assert base_url.split("@")[-1] in error.message
    assert error.hint
    return error


def test_answers_whole_and_in_pieces() -> None:
    with fake_endpoint(says("  It is fine. \n")) as endpoint:
        llm = model_at(endpoint.base_url)
        assert llm.complete(HELLO, max_tokens=10, temperature=0.5, stop=["\n"]) == "It is fine."
        asked = endpoint.requests[-1]
        assert (asked["model"], asked["max_tokens"], asked["stop"]) == ("fake-model", 10, ["\n"])
        endpoint.reply = streams(["It ", "is", " fine."])
        assert list(llm.stream(HELLO, max_tokens=10, temperature=0)) == ["It ", "is", " fine."]


def test_a_configured_model_is_not_looked_up() -> None:
    with fake_endpoint(says("Yes.")) as endpoint:
        endpoint.list_reply = sends(404, "{}")
        llm = model_at(endpoint.base_url, model="mine")
        llm.check()
        assert (llm.model, endpoint.requests[-1]["model"]) == ("mine", "mine")


def test_check_accepts_a_model_that_thinks_first() -> None:
    with fake_endpoint(says("")) as endpoint:
        model_at(endpoint.base_url).check()


@pytest.mark.parametrize("use", [complete, stream, check])
def test_nothing_listens(use: Callable[[LanguageModel], object]) -> None:
    error = failure("http://127.0.0.1:9/v1", use)
    assert "cannot be reached" in error.message
    assert error.exit_code == 5


@pytest.mark.parametrize("use", [complete, stream])
def test_no_answer_in_time(use: Callable[[LanguageModel], object]) -> None:
    with fake_endpoint(waits(3)) as endpoint:
        assert "within 0.2 s" in failure(endpoint.base_url, use, timeout=0.2).message


STATUSES: list[tuple[int, str]] = [
    (401, "api_key"),
    (403, "key"),
    (404, "base_url"),
    (400, "context"),
    (500, "log"),
    (429, "quota"),
]


@pytest.mark.parametrize(("status", "hint"), STATUSES)
@pytest.mark.parametrize("use", [complete, stream])
def test_an_error_status(status: int, hint: str, use: Callable[[LanguageModel], object]) -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}})
    with fake_endpoint(sends(status, body)) as endpoint:
        error = failure(endpoint.base_url, use)
    assert str(status) in error.message
    assert hint in error.hint


GARBAGE: dict[str, Reply] = {
    "html": sends(200, "<html>Log in first</html>", "text/html"),
    "html called json": sends(200, "<html>"),
    "nothing": sends(200, ""),
    "null": sends(200, "null"),
    "a list": sends(200, "[1, 2]"),
    "an empty object": sends(200, "{}"),
    "no choices": sends(200, '{"choices": []}'),
    "odd choices": sends(200, '{"choices": [7]}'),
    "choices that are text": sends(200, '{"choices": "many"}'),
    "no message": sends(200, '{"choices": [{"index": 0}]}'),
    "a message that is a number": sends(200, '{"choices": [{"message": {"content": 7}}]}'),
    "broken json": sends(200, '{"choices": [{'),
    "not utf-8": lambda request: request.send(200, b'{"choices": "\xff\xfe"}'),
}


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("use", [complete, stream])
def test_garbage(name: str, use: Callable[[LanguageModel], object]) -> None:
    with fake_endpoint(GARBAGE[name]) as endpoint:
        failure(endpoint.base_url, use)


def test_a_model_list_that_is_none() -> None:
    with fake_endpoint(says("Yes.")) as endpoint:
        for reply in (
            sends(200, '{"data": []}'),
            sends(200, "<html>", "text/html"),
            sends(200, '{"data": [{}]}'),
        ):
            endpoint.list_reply = reply
            failure(endpoint.base_url, check)


BROKEN_STREAMS: dict[str, Reply] = {
    "hangs up": hangs_up,
    "ends without a reason": streams(["Half an"], finish=None),
    "events that are not json": lambda request: request.send_events(["{", "[DONE]"]),
    "an error event": lambda request: request.send_events(['{"error": {"message": "out of memory"}}']),
    "no events": lambda request: request.send_events([]),
    "blank": streams([" ", "\n"]),
    "empty": streams([]),
}


@pytest.mark.parametrize("name", BROKEN_STREAMS)
def test_a_broken_stream(name: str) -> None:
    with fake_endpoint(BROKEN_STREAMS[name]) as endpoint:
        failure(endpoint.base_url, stream)


def test_pieces_before_the_break_arrive() -> None:
    pieces = []
    with (
        fake_endpoint(streams(["Half", " an"], finish=None)) as endpoint,
        pytest.raises(LanguageModelError, match="breaks off"),
    ):
        for piece in model_at(endpoint.base_url).stream(HELLO, max_tokens=10, temperature=0):
            pieces.append(piece)
    assert pieces == ["Half", " an"]


@pytest.mark.parametrize("answer", ["", " \n\t"])
def test_an_empty_answer(answer: str) -> None:
    with fake_endpoint(says(answer)) as endpoint:
        assert "empty answer" in failure(endpoint.base_url, complete).message


def test_secrets_in_the_address_are_not_shown() -> None:
    llm = model_at("http://ann:passw0rd@127.0.0.1:9/v1?token=passw0rd")
    with pytest.raises(LanguageModelError) as caught:
        llm.check()
    assert "passw0rd" not in str(caught.value) + repr(llm)


@pytest.mark.parametrize("base_url", ["http://[::1/v1", "127.0.0.1:8000"])
def test_an_address_that_is_none(base_url: str) -> None:
    with pytest.raises(LanguageModelError):
        model_at(base_url).check()


def test_no_address() -> None:
    with pytest.raises(LanguageModelError, match="No address"):
        LanguageModel(LanguageModelSettings())


def test_few_shot_is_for_the_embedded_model_unless_set() -> None:
    address = "http://127.0.0.1:9/v1"
    assert LanguageModel(LanguageModelSettings(), address).few_shot
    assert not model_at(address).few_shot
    assert not LanguageModel(LanguageModelSettings(few_shot=False), address).few_shot
    assert model_at(address, few_shot=True).few_shot


def test_the_environment_does_not_choose_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "somebody")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    headers = {}

    def reply(request: object) -> None:
        headers.update(request.headers)  # type: ignore[attr-defined]
        says("Yes.")(request)  # type: ignore[arg-type]

    with fake_endpoint(reply) as endpoint:
        model_at(endpoint.base_url).check()
    assert "OpenAI-Organization" not in headers


@pytest.mark.llm
def test_the_embedded_model(model_server: ModelServer) -> None:
    llm = LanguageModel(LanguageModelSettings(), model_server.base_url)
    llm.check()
    assert llm.model == "SmolLM2-135M-Instruct.Q4_1"
    question = [{"role": "user", "content": "What is Python? One sentence."}]
    pieces = list(llm.stream(question, max_tokens=30, temperature=0))
    assert len(pieces) > 3
    assert "Python" in "".join(pieces)
    assert "Python" in llm.complete(question, max_tokens=30, temperature=0)
