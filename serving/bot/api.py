"""The bot for programs: chat completions as OpenAI's clients ask for them, feedback, metrics."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from curation import web_address
from serving.bot.chat import MOST_COMMENT, Answer, ChatService
from serving.bot.completions import MODEL, ChatRequest, refused_field
from serving.bot.conversations import Thumb
from serving.bot.curated import name_of
from serving.bot.prompting import count_tokens
from serving.bot.reply import Reply, documents_first
from serving.retrieval.tokens import printable

_PREFIX = "chatcmpl-"
_CHUNK = "chat.completion.chunk"


class FeedbackRequest(BaseModel):
    """A visitor's word on the answer ``id``, or the number of a passage that the visitor opened."""

    id: str = Field(max_length=100)
    thumb: Thumb | None = None
    comment: str | None = Field(None, max_length=MOST_COMMENT)
    opened: int | None = Field(None, ge=1, strict=True)


def add_api(app: FastAPI, service: ChatService) -> None:
    """Add the routes to ``app``. Errors have the shape of OpenAI's."""

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        return _error(422, "; ".join(map(_said, error.errors())))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith("/v1/"):
            return _error(error.status_code, str(error.detail))
        return await http_exception_handler(request, error)

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [model()]}

    @app.get(f"/v1/models/{MODEL}")
    def model() -> dict[str, Any]:
        return {"id": MODEL, "object": "model", "created": 0, "owned_by": service.live.release_id}

    @app.post("/v1/chat/completions", response_model=None)
    def chat_completions(request: ChatRequest) -> Response:
        question = request.messages[-1]
        if question.role != "user":
            return _error(400, "The last message is the question: its role has to be user.", "messages")
        if not printable(question.text).strip():
            return _error(400, "The last message has no text, and nothing else of it is read.", "messages")
        if refusal := refused_field(request):
            field, why = refusal
            return _error(400, why, field)

        def usage(reply: Reply) -> dict[str, int]:
            """In tokens of the release's embedding model, rather too many: no other model may be at work."""
            embedder = service.live.retriever.embedder
            prompt = sum(count_tokens(embedder, message.text) for message in request.messages)
            answer = count_tokens(embedder, reply.markdown)
            return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}

        answers = service.reply(
            question.text,
            request.history,
            (request.metadata or {}).get("after", "").removeprefix(_PREFIX),
            request.options if service.settings.advanced_options else None,
        )
        if request.stream:
            events = _events(answers, usage if request.wants_usage else None)
            return StreamingResponse(events, media_type="text/event-stream")
        *_, last = answers
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": last.reply.markdown},
            "finish_reason": "stop",
        }
        body = _object("chat.completion", last.turn, [choice], last.reply)
        return JSONResponse({**body, "usage": usage(last.reply)})

    @app.api_route("/v1/{path:path}", methods=["GET", "POST"], include_in_schema=False, response_model=None)
    def unknown(path: str, request: Request) -> Response:
        return _error(404, f"There is no {request.method} /v1/{path}.")

    @app.post("/feedback", response_model=None)
    def feedback(request: FeedbackRequest) -> Response:
        if request.thumb is None and request.comment is None and request.opened is None:
            return _error(422, "Give a thumb, a comment, or the number of a passage that was opened.")
        turn = request.id.removeprefix(_PREFIX)
        shown = service.conversations.passages(turn)
        if shown is not None and (request.opened or 0) > shown:
            return _error(422, f"opened: this answer has no passage {request.opened}, it has {shown}.")
        if not service.rate(turn, request.thumb, request.comment, request.opened):
            return _error(404, "No such answer is known: it may be too old, or no answer to a question.")
        return JSONResponse({"ok": True})

    @app.get("/metrics", response_model=None)
    def metrics() -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _events(answers: Iterator[Answer], usage: Callable[[Reply], dict[str, int]] | None) -> Iterator[str]:
    """Server-sent events. An answer only grows, so each one is what came to it; the last one of those has the
    citations. After them, and with no choice, one with the ``usage``."""
    sent = ""
    last = Answer(Reply(text=""), "")
    for last in answers:
        text = last.reply.text
        if text.startswith(sent) and text != sent:
            yield _event(last, {"content": text[len(sent) :]})
            sent = text
    rest = last.reply.markdown
    if rest != sent:
        yield _event(last, {"content": rest.removeprefix(sent)})
    yield _event(last, {}, "stop")
    if usage is not None:
        yield _data({**_object(_CHUNK, last.turn, []), "usage": usage(last.reply)})
    yield "data: [DONE]\n\n"


def _event(answer: Answer, delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    return _data(_object(_CHUNK, answer.turn, [choice], answer.reply if finish else None))


def _data(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def _object(
    kind: str, turn: str, choices: list[dict[str, Any]], reply: Reply | None = None
) -> dict[str, Any]:
    body = {
        "id": f"{_PREFIX}{turn}",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL,
        "choices": choices,
    }
    return body if reply is None else {**body, "citations": _citations(reply), "refused": reply.refused}


def _citations(reply: Reply) -> list[dict[str, Any]]:
    """What the numbers in the answer stand for, in their order."""
    if reply.curated is not None:
        return [
            {"chunk_id": one.chunk_id, "title": one.heading, "path": one.path, "url": web_address(one.url)}
            for one in reply.curated.sources
        ]
    return [
        {
            "chunk_id": hit.chunk.id,
            "title": name_of(hit.chunk),
            "path": hit.chunk.path,
            "url": web_address(hit.chunk.url),
            "score": hit.score,
        }
        for hit in documents_first(reply.hits)
    ]


def _said(error: dict[str, Any]) -> str:
    """Where something is wrong, as far as that has a name, and what."""
    place = ".".join(str(part) for part in error["loc"][1:] if len(error["loc"]) > 2 or isinstance(part, str))
    return f"{place}: {error['msg']}" if place else str(error["msg"])


def _error(status: int, message: str, param: str | None = None) -> JSONResponse:
    body = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return JSONResponse({"error": body}, status_code=status)
