"""What the language model is sent: rules, as much of the conversation as fits, and the passages as data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation import Chunk, Message
from serving.bot.curated import as_data, name_of
from serving.bot.options import Options
from serving.releases.retriever import Retriever
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import Hit
from serving.settings import BotSettings

# The model's own tokenizer is not known here. It may need more tokens than the embedding model's.
_MARGIN = 1.25
_CHARACTERS = 3  # of a token, at least, where the embedding model has no fast tokenizer
_PER_MESSAGE = 8
_TAG = re.compile(r"<(?=/?\s*(?:passage|question)\b)", re.IGNORECASE)


class TooLongError(Exception):
    """The question does not fit into the model's window: it takes ``tokens``, and ``most`` would fit."""

    def __init__(self, tokens: int, most: int) -> None:
        super().__init__(f"{tokens} tokens, {most} fit")
        self.tokens, self.most = tokens, most


def messages(
    retriever: Retriever,
    question: str,
    chunks: Sequence[Chunk],
    history: Sequence[Message],
    settings: BotSettings,
    options: Options,
) -> list[dict[str, str]]:
    """The conversation for the language model: the system message, the newest turns that fit into its window,
    and the question with the ``chunks``.

    Raises TooLongError when the question does not fit with the best of them.
    """
    prompt = retriever.release.prompt
    system = options.system or prompt.system_for(settings.product, settings.support)
    asked = prompt.fill(_data(question.strip()), numbered(chunks))
    left = settings.context_window - settings.max_answer_tokens
    left -= sum(count_tokens(retriever.embedder, text) for text in (system, asked))
    if left < 0:
        if len(chunks) > 1:
            return messages(retriever, question, chunks[:-1], history, settings, options)
        own = count_tokens(retriever.embedder, question)
        raise TooLongError(own, max(0, own + left))
    earlier: list[Message] = []
    for message in reversed(history):
        left -= count_tokens(retriever.embedder, message.content)
        if left < 0:
            break
        earlier.insert(0, message)
    while earlier and earlier[0].role != "user":  # an answer without its question only confuses
        earlier.pop(0)
    return [
        {"role": "system", "content": system},
        *({"role": message.role, "content": message.content} for message in earlier),
        {"role": "user", "content": asked},
    ]


def packed(hits: Sequence[Hit], max_tokens: int) -> list[Chunk]:
    """The chunks of ``hits``, best first, as long as they fit. The best one always goes in, and no text
    twice."""
    chosen: list[Chunk] = []
    seen: set[str] = set()
    left = max_tokens
    for hit in hits:
        if hit.chunk.text in seen or (chosen and hit.chunk.tokens > left):
            continue
        seen.add(hit.chunk.text)
        chosen.append(hit.chunk)
        left -= hit.chunk.tokens
    return chosen


def numbered(chunks: Sequence[Chunk]) -> str:
    """The passages between tags that no text in them can close."""
    return "\n\n".join(
        f'<passage number="{number}" title="{_data(name_of(chunk)).replace(chr(34), chr(39))}">\n'
        f"{_data(as_data(chunk))}\n</passage>"
        for number, chunk in enumerate(chunks, 1)
    )


def count_tokens(embedder: Embedder, text: str) -> int:
    """About how many tokens of the language model ``text`` takes, rather too many."""
    counter = embedder.counter
    tokens = counter.count(text) if counter is not None else len(text) // _CHARACTERS
    return int(tokens * _MARGIN) + _PER_MESSAGE


def _data(text: str) -> str:
    return _TAG.sub("&lt;", text)
