"""Access to a language model: an OpenAI-compatible chat endpoint, whoever runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from curation.addresses import is_loopback
from curation.errors import LanguageModelError
from curation.settings import LanguageModelSettings

NO_KEY = "none"
CONNECT_SECONDS = 10.0
RETRIES = 1
LONGEST_EXCERPT = 200

if TYPE_CHECKING:
    import openai

ChatMessage = dict[str, str]


class LanguageModel:
    """A chat model at ``base_url`` (usually ending in /v1), from a ``section`` of the settings file. Safe to
    share between threads.

    Every failure (nothing listens, timeout, wrong key, unknown model, an answer outside the protocol, a
    stream that breaks off, an empty answer) is a LanguageModelError that says the address and what to do, and
    never the key.
    """

    def __init__(
        self, settings: LanguageModelSettings, base_url: str = "", section: str = "curation.language_model"
    ) -> None:
        self.settings = settings
        self._section = f"[{section}]"
        self._key_name = f"CLAYLOOP_{section.replace('.', '__').upper()}__API_KEY"
        self.base_url = (base_url or settings.base_url).rstrip("/")
        if not self.base_url:
            raise LanguageModelError(
                "No address of a language model is known.",
                f"Start the embedded one (clayloop up), or set base_url under {self._section}.",
            )
        self.address = _without_secrets(self.base_url)
        self._key = settings.api_key.get_secret_value()
        self._model = settings.model
        self._lock = threading.Lock()
        try:
            httpx.URL(self.base_url)
        except (httpx.InvalidURL, ValueError) as error:
            raise LanguageModelError(
                f"{self.address} cannot be used as a language model's address: {self._safe(str(error))}",
                f"Correct base_url under {self._section}, for example http://127.0.0.1:8000/v1.",
            ) from None

    def __repr__(self) -> str:
        return f"LanguageModel({self._model or 'first one listed'} at {self.address})"

    @property
    def is_embedded(self) -> bool:
        """Whether this is the small model that clayloop runs itself."""
        return not self.settings.base_url

    @property
    def few_shot(self) -> bool:
        """Whether prompts need worked examples: the setting, or only the embedded model when it is empty."""
        return self.is_embedded if self.settings.few_shot is None else self.settings.few_shot

    @property
    def model(self) -> str:
        """The configured name, or the first one that the endpoint lists. Asks the endpoint at most once."""
        with self._lock:
            if not self._model:
                self._model = self._first_listed()
            return self._model

    def check(self) -> None:
        """Ask for one token. Raises LanguageModelError when the endpoint cannot be used as configured."""
        model = self.model
        with self._failures():
            answer = self._client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Hello"}], max_tokens=1
            )
            self._message(answer)

    def stream(
        self,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        temperature: float,
        stop: Sequence[str] | None = None,
    ) -> Iterator[str]:
        """Yield the answer piece by piece; closing the iterator ends the generation.

        Raises LanguageModelError, possibly after some pieces; also when all of it was blank.
        """
        blank, finished = True, False
        with self._failures():
            response = self._asked(messages, max_tokens, temperature, stop, stream=True)
            with response:
                for event in response:
                    text, reason = self._piece(event)
                    finished = finished or bool(reason)
                    if text:
                        blank = blank and not text.strip()
                        yield text
                kind = str(response.response.headers.get("content-type", ""))
        if not finished:
            raise self._unusable(
                "an answer that breaks off" if not blank else f"no stream of events ({kind})"
            )
        if blank:
            raise self._empty()

    def complete(
        self,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        temperature: float,
        stop: Sequence[str] | None = None,
    ) -> str:
        """The whole answer, stripped. Raises LanguageModelError, also when it is blank."""
        with self._failures():
            answer = self._asked(messages, max_tokens, temperature, stop)
            content = getattr(self._message(answer), "content", None)
        if content is not None and not isinstance(content, str):
            raise self._unusable("a message that is not text")
        if not content or not content.strip():
            raise self._empty()
        return content.strip()

    def _asked(
        self,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        temperature: float,
        stop: Sequence[str] | None,
        stream: bool = False,
    ) -> Any:
        ask: Any = self._client.chat.completions.create
        return ask(
            model=self.model,
            messages=list(messages),
            max_tokens=max_tokens,
            temperature=temperature,
            stop=list(stop) if stop else None,
            stream=stream,
        )

    @cached_property
    def _client(self) -> openai.OpenAI:
        import openai  # most of a second, and a bot that shows passages alone asks no model

        is_local = is_loopback(urlsplit(self.base_url).hostname or "")
        client = openai.OpenAI(
            base_url=self.base_url,
            api_key=self._key or NO_KEY,
            timeout=openai.Timeout(
                self.settings.timeout, connect=min(CONNECT_SECONDS, self.settings.timeout)
            ),
            max_retries=RETRIES,
            # A proxy in the environment cannot reach this machine's own loopback.
            http_client=openai.DefaultHttpxClient(trust_env=False) if is_local else None,
        )
        # The client takes these from the environment; only the settings count here.
        client.organization = None
        client.project = None
        return client

    def _first_listed(self) -> str:
        with self._failures():
            listed = self._client.models.list()
            data = getattr(listed, "data", None)
            first = data[0] if isinstance(data, list) and data else None
            name = getattr(first, "id", None)
        if not isinstance(name, str) or not name:
            raise self._unusable("no list of models")
        return name

    def _message(self, answer: object) -> object:
        choices = getattr(answer, "choices", None)
        if not isinstance(choices, list) or not choices:
            excerpt = f" ({self._safe(answer)})" if isinstance(answer, str) else ""
            raise self._unusable(f"no chat completion{excerpt}")
        message = getattr(choices[0], "message", None)
        if message is None:
            raise self._unusable("a choice without a message")
        return message

    def _piece(self, event: object) -> tuple[str, str]:
        """Text and finish reason of one event. An event without choices (usage, keep-alive) has neither."""
        choices = getattr(event, "choices", None)
        if not choices:
            return "", ""
        if not isinstance(choices, list):
            raise self._unusable("an event without choices")
        text = getattr(getattr(choices[0], "delta", None), "content", None)
        reason = getattr(choices[0], "finish_reason", None)
        return text if isinstance(text, str) else "", reason if isinstance(reason, str) else ""

    @contextmanager
    def _failures(self) -> Iterator[None]:
        import openai

        # The causes are left out on purpose (from None): an endpoint may echo the key in its error message.
        try:
            yield
        except LanguageModelError:
            raise
        except openai.APITimeoutError:
            raise LanguageModelError(
                f"The language model at {self.address} did not answer within {self.settings.timeout:g} s.",
                f"It may be busy or too slow for this machine: raise timeout under {self._section}, "
                "or use a smaller model.",
            ) from None
        except openai.APIStatusError as error:
            raise self._status_error(error) from None
        except openai.APIConnectionError as error:
            raise LanguageModelError(
                f"The language model at {self.address} cannot be reached or hung up: "
                f"{self._safe(str(error.__cause__ or error))}",
                "Is it running? clayloop up starts the embedded one; "
                f"otherwise check base_url under {self._section}.",
            ) from None
        except openai.OpenAIError as error:
            raise self._unusable(f"an error ({self._safe(str(error))})") from None
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError) as error:
            # What the client library raises for an answer that is not what it should be.
            raise self._unusable(f"what cannot be parsed ({type(error).__name__})") from None

    def _status_error(self, error: openai.APIStatusError) -> LanguageModelError:
        hints = {
            400: "The request does not suit this model: the text may be longer than its context window.",
            401: f"Set api_key ({self._key_name}) to a key that is valid there.",
            403: f"The key ({self._key_name}) does not give access to this model.",
            404: f"Check base_url (it usually ends in /v1) and model under {self._section}.",
            429: "Too many requests or no quota left: wait, or use another endpoint.",
        }
        hint = hints.get(error.status_code, "The server has a problem: see its own log, then try again.")
        return LanguageModelError(
            f"The language model at {self.address} answered HTTP {error.status_code}: "
            f"{self._safe(error.message)}",
            hint,
        )

    def _unusable(self, what: str) -> LanguageModelError:
        return LanguageModelError(
            f"The language model at {self.address} sent {what}.",
            f"Is base_url under {self._section} an OpenAI-compatible endpoint (it usually ends in /v1)?",
        )

    def _empty(self) -> LanguageModelError:
        return LanguageModelError(
            f"The language model {self._model} at {self.address} gave an empty answer.",
            "A model that thinks first needs more tokens; otherwise try again or use another model.",
        )

    def _safe(self, text: str) -> str:
        """An excerpt on one line, without the key."""
        if self._key:
            text = text.replace(self._key, "***")
        text = text.replace(self.base_url, self.address)
        line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        return line if len(line) <= LONGEST_EXCERPT else line[:LONGEST_EXCERPT] + "…"


def _without_secrets(url: str) -> str:
    """``url`` without user, password, query and fragment, which may all hold secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not an address)"
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}"
