"""The Gradio chat over the served release."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import gradio as gr

from curation import ClayloopError, LanguageModel, Message, Turn
from serving.bot.answers import Reply, answer_question, without_sources
from serving.bot.conversations import Conversations
from serving.bot.live import LiveRelease
from serving.retrieval.tokens import printable
from serving.settings import BotSettings

log = logging.getLogger(__name__)

NOTHING_ASKED = "Ask me something about the documentation."
FAILED = "Something went wrong while looking this up. Please ask again; the fault is in the bot's log."

_WELCOME = "Answers come from the documentation and name their sources."
_KEPT = " Conversations are kept, so that people can make the answers better."
_AT_ONCE = 8
_FONT = ["system-ui", "sans-serif"]
_MONO = ["ui-monospace", "monospace"]


class ChatService:
    """Answers questions and hands every finished turn to ``log_turn`` before the answer counts as given."""

    def __init__(
        self,
        live: LiveRelease,
        llm: LanguageModel | None,
        log_turn: Callable[[Turn], None],
        settings: BotSettings,
    ) -> None:
        self._live = live
        self._llm = llm
        self._log_turn = log_turn
        self._settings = settings
        self._conversations = Conversations()

    def reply(self, question: str, history: Sequence[Message], session: str | None) -> Iterator[str]:
        """Yield the answer as Markdown, each piece the whole so far. One release from start to end."""
        question = printable(question)
        if not question.strip():
            yield NOTHING_ASKED
            return
        earlier = sum(1 for message in history if message.role == "user")
        conversation, number = self._conversations.next_turn(session, earlier)
        retriever = self._live.retriever
        last = Reply(text="")
        recorded = False

        def record() -> None:
            nonlocal recorded
            recorded = True
            self._log_turn(
                Turn(
                    conversation_id=conversation,
                    turn=number,
                    question=question,
                    history=tuple(history),
                    answer=last.text,
                    cited=last.cited,
                    refused=last.refused,
                    score=round(last.score, 6),
                    release_id=retriever.release.id,
                    created_at=datetime.now(timezone.utc),
                )
            )

        try:
            pending: Reply | None = None
            for last in answer_question(retriever, self._llm, question, history, self._settings):
                # One behind: the last piece is shown once the turn is on disk.
                if pending is not None:
                    yield pending.markdown
                pending = last
            record()
            yield last.markdown
        except ClayloopError:
            log.exception("A question could not be answered")
            yield FAILED
        except GeneratorExit:  # the visitor stopped the answer or left: what was shown is the turn
            if not recorded and last.text:
                record()
            raise


def build_page(service: ChatService, settings: BotSettings, examples: Sequence[str]) -> gr.ChatInterface:
    """The page. Its API endpoint is ``/chat`` (gradio_client: ``predict(message, api_name="/chat")``)."""

    def chat(message: str, history: list[dict[str, Any]], request: gr.Request) -> Iterator[str]:
        yield from service.reply(message, read_history(history), request.session_hash)

    return gr.ChatInterface(
        chat,
        api_name="chat",
        title=html.escape(settings.title),
        examples=list(examples) or None,
        cache_examples=False,
        analytics_enabled=False,
        flagging_mode="never",
        save_history=False,
        concurrency_limit=_AT_ONCE,
        fill_height=True,
        textbox=gr.Textbox(
            placeholder="Ask about the documentation",
            show_label=False,
            max_length=4000,
            scale=7,
            autofocus=True,
            submit_btn=True,
            stop_btn=True,
        ),
        chatbot=gr.Chatbot(
            height="70vh",
            sanitize_html=True,
            show_label=False,
            buttons=["copy"],
            allow_file_downloads=False,
            latex_delimiters=[],
            placeholder=_WELCOME + (_KEPT if settings.log_conversations else ""),
        ),
    )


def theme() -> gr.themes.Base:
    """Gradio's default look with the machine's own fonts: nothing is fetched from elsewhere."""
    return gr.themes.Default(font=_FONT, font_mono=_MONO)


def read_history(history: Sequence[dict[str, Any]]) -> list[Message]:
    """Gradio's messages (``content`` is text or a list of parts) as ours, answers without their sources."""
    messages: list[Message] = []
    for entry in history:
        role = entry.get("role")
        text = _text(entry.get("content"))
        if role == "user":
            messages.append(Message(role="user", content=text))
        elif role == "assistant":
            messages.append(Message(role="assistant", content=without_sources(text)))
    return messages


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(text for part in content if (text := _text(part)))
    if isinstance(content, dict):
        return _text(content.get("text"))
    return ""
