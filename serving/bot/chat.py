"""Questions answered one by one, and every finished turn handed on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from curation import ClayloopError, LanguageModel, Message, Turn
from serving.bot.answers import answer_question
from serving.bot.conversations import Conversations, Thumb, name_of_turn
from serving.bot.interleaving import drafted
from serving.bot.live import LiveRelease
from serving.bot.metrics import Metrics
from serving.bot.options import Options
from serving.bot.reply import Reply
from serving.retrieval.tokens import printable
from serving.settings import BotSettings

log = logging.getLogger(__name__)

NOTHING_ASKED = "Ask me something about the documentation."
FAILED = "Something went wrong while looking this up. Please ask again; the fault is in the bot's log."
MOST_COMMENT = 2_000  # characters


class Answer(NamedTuple):
    """A reply, as far as it has come, to the turn called ``turn``."""

    reply: Reply
    turn: str


class ChatService:
    """Answers questions and hands every finished turn to ``log_turn`` before the answer counts as given."""

    def __init__(
        self,
        live: LiveRelease,
        llm: LanguageModel | None,
        log_turn: Callable[[Turn], None],
        settings: BotSettings,
    ) -> None:
        self.live = live
        self.llm = llm
        self.settings = settings
        self.conversations = Conversations()
        self.metrics = Metrics()
        self._log_turn = log_turn

    @property
    def model_writes(self) -> bool:
        """Whether answers may hold a language model's text."""
        llm = self.live.retriever.answering or self.llm
        return llm is not None and self.settings.lets_write(llm.few_shot)

    def reply(
        self, question: str, history: Sequence[Message], before: str | None, options: Options | None = None
    ) -> Iterator[Answer]:
        """Yield the answer, each piece the whole so far. One release from start to end, or the two that are
        interleaved.

        ``before`` is the name of the conversation's last turn (None: there is none).
        """
        question = printable(question)
        if not question.strip():
            yield Answer(Reply(text=NOTHING_ASKED, idle=True), before or "")
            return
        conversation, number = self.conversations.next_turn(before)
        turn = name_of_turn(conversation, number)
        retriever = self.live.retriever_for(conversation)
        started = time.perf_counter()
        last = Reply(text="")
        recorded = False

        def record() -> None:
            nonlocal recorded
            recorded = True
            seconds = time.perf_counter() - started
            self.metrics.answered(last, seconds)
            if last.idle:
                return
            finished = Turn(
                conversation_id=conversation,
                turn=number,
                question=question,
                meant=last.meant,
                history=tuple(history),
                answer=last.text,
                cited=last.cited,
                offered=last.numbered,
                refused=last.refused,
                score=round(last.score, 6),
                seconds=round(seconds, 3),
                release_id=retriever.release.id,
                **drafted(retriever, last),
                created_at=datetime.now(timezone.utc),
            )
            self.conversations.keep(finished)
            self._log_turn(finished)

        try:
            pending: Reply | None = None
            chosen = options or Options()
            llm = retriever.answering or self.llm
            for last in answer_question(retriever, llm, question, history, self.settings, chosen):
                # One behind: the last piece is shown once the turn is on disk.
                if pending is not None:
                    yield Answer(pending, turn)
                pending = last
            record()
            yield Answer(last, turn)
        except ClayloopError:
            log.exception("A question could not be answered")
            self.metrics.failed()
            yield Answer(Reply(text=FAILED, idle=True), turn)
        except GeneratorExit:  # the visitor stopped the answer or left: what was shown is the turn
            if not recorded and last.text:
                record()
            raise

    def rate(
        self,
        turn: str,
        thumb: Thumb | None = None,
        comment: str | None = None,
        opened: int | None = None,
    ) -> bool:
        """Hand the turn on again with the visitor's word on it, or the number of a passage that was opened.
        Says whether the turn is known."""
        if not self.conversations.knows(turn):
            return False
        said = None if comment is None else printable(comment).strip()[:MOST_COMMENT]
        rated = self.conversations.rate(turn, thumb, said, opened)
        if rated is not None:
            if rated.thumb and thumb:
                self.metrics.rated(rated.thumb)
            self._log_turn(rated)
        return True
