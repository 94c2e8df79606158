"""Figures for Prometheus: what was answered, how fast, and what visitors made of it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from serving.bot.reply import Reply

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counts since the bot's start, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answers = Counter("clayloop_bot_answers", "Answers by kind", ["kind"], registry=self._registry)
        self._seconds = Histogram(
            "clayloop_bot_answer_seconds",
            "Time to a whole answer",
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._thumbs = Counter("clayloop_bot_thumbs", "Visitors' thumbs", ["thumb"], registry=self._registry)

    def answered(self, reply: Reply, seconds: float) -> None:
        """An answer was given."""
        self._answers.labels(_kind(reply)).inc()
        self._seconds.observe(seconds)

    def failed(self) -> None:
        """A question could not be answered."""
        self._answers.labels("failed").inc()

    def rated(self, thumb: str) -> None:
        """A visitor's thumb, up or down."""
        self._thumbs.labels(thumb).inc()

    def text(self) -> bytes:
        """All of them, in Prometheus's text format."""
        return generate_latest(self._registry)


def _kind(reply: Reply) -> str:
    if reply.idle:
        return "small talk"
    if reply.refused:
        return "refused"
    if reply.curated is not None:
        return "curated"
    return "passages" if reply.names_them else "model"
