"""What the page sends back of a conversation: read as messages, and to know which turn came last."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt

from curation import Message, fenced
from serving.bot.reply import SOURCES

_TAG = re.compile(r"<[^>]*>")
_UNFOLDED = re.compile(r"<details>.*?</details>\s*", re.DOTALL)
_READER = MarkdownIt("commonmark", {"html": True})


def read_history(history: Sequence[dict[str, Any]]) -> list[Message]:
    """Gradio's messages (``content`` is text or a list of parts) as ours: answers as text, without their
    sources and what was folded."""
    messages: list[Message] = []
    for entry in history:
        role, text = entry.get("role"), _text(entry.get("content"))
        if role == "user":
            messages.append(Message(role="user", content=text))
        elif role == "assistant":
            messages.append(Message(role="assistant", content=_answer(text)))
    return messages


def last_turn(history: Sequence[dict[str, Any]]) -> str | None:
    """The name of the last answer's turn."""
    for entry in reversed(history):
        if entry.get("role") == "assistant":
            name = (entry.get("metadata") or {}).get("id")
            return name if isinstance(name, str) else None
    return None


def _answer(page: str) -> str:
    """An answer as ``Reply.page`` wrote it, as plain text with its code."""
    shown = _UNFOLDED.sub("", page.rpartition(f"\n\n{SOURCES}\n\n")[0] or page)
    parts = []
    for token in _READER.parse(shown):
        if token.type == "fence":
            parts.append(fenced(token.content, token.info))
        elif token.type == "html_block":
            parts.append(html.unescape(_TAG.sub("", token.content)).strip())
        elif token.type == "inline":
            parts.append(token.content)
    return "\n\n".join(filter(None, parts))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(text for part in content if (text := _text(part)))
    if isinstance(content, dict):
        return _text(content.get("text"))
    return ""
