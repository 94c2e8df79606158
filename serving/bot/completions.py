"""A request for a chat completion as OpenAI's clients send it: what of it is read, and what is refused.

Fields that are not here change nothing: passages are the documentation's own, whatever ``max_tokens``,
``stop``, ``seed`` or ``user`` say. Refused is what a client waits for that would never come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from curation import Message
from serving.bot.options import Options

MODEL = "clayloop"
_MOST_MESSAGES, _MOST_CHARACTERS = 200, 200_000


class TextPart(BaseModel):
    """A part of a message. Only text is read."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """One message of a request."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream tells besides."""

    include_usage: bool | None = None


class ResponseFormat(BaseModel):
    """What an answer is to be."""

    type: str = "text"


class ChatRequest(BaseModel):
    """``model`` may be any. ``metadata.after`` is the id of the answer before, where the conversation goes
    on. The last message is the question. From ``n`` on: what only ``refused_field`` looks at."""

    model: str = MODEL
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=_MOST_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    metadata: dict[str, str] | None = None
    n: int | None = None
    response_format: ResponseFormat | None = None
    tool_choice: str | dict[str, Any] | None = None
    function_call: str | dict[str, Any] | None = None
    logprobs: bool | None = None
    modalities: list[str] | None = None

    @model_validator(mode="after")
    def is_short(self) -> ChatRequest:
        """More would only be counted: a question has far less, and the history is cut to fit."""
        if sum(len(message.text) for message in self.messages) > _MOST_CHARACTERS:
            raise ValueError(f"All messages together may have {_MOST_CHARACTERS:,} characters.")
        return self

    @property
    def history(self) -> list[Message]:
        """What was said before the question."""
        return [
            Message(role=message.role, content=message.text)
            for message in self.messages[:-1]
            if message.role == "user" or message.role == "assistant"
        ]

    @property
    def options(self) -> Options:
        """The temperature and the system message of the request."""
        system = "\n".join(one.text for one in self.messages if one.role in ("system", "developer"))
        given = {"system": system[:8_000]}
        return (
            Options(**given) if self.temperature is None else Options(temperature=self.temperature, **given)
        )

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with how many tokens it took."""
        return bool(self.stream_options and self.stream_options.include_usage)


def refused_field(request: ChatRequest) -> tuple[str, str] | None:
    """The field that asks for what the bot cannot do, and a sentence on it."""
    kind = (request.response_format or ResponseFormat()).type[:50]
    checks: Sequence[tuple[str, bool, str]] = (
        ("n", request.n not in (None, 1), "A question gets one answer: n has to be 1."),
        ("response_format", kind != "text", f"Answers are Markdown; {kind} is not supported."),
        ("tool_choice", request.tool_choice not in (None, "auto", "none"), "The bot calls no tools."),
        ("function_call", request.function_call not in (None, "auto", "none"), "The bot calls no functions."),
        ("logprobs", bool(request.logprobs), "Passages are quoted: there are no log probabilities."),
        ("modalities", request.modalities not in (None, ["text"]), "Answers are text only."),
    )
    return next(((field, why) for field, is_so, why in checks if is_so), None)
