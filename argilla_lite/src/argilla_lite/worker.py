"""One rq worker for Argilla's background jobs: webhooks, hub imports and exports, status updates."""

from __future__ import annotations

import sys

from argilla_lite.lifeline import bind_forks
from argilla_lite.postgresql import use_psycopg

use_psycopg()

from argilla_lite.plugin import app  # noqa: E402, F401 - jobs are forked from here and need the engine registered


def main(name: str) -> None:
    """Works until SIGTERM.

    `argilla_server worker` puts a pool process above the worker; one worker does not need it.

    Args:
        name: Under which the worker registers itself in Redis.
    """
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION
    from rq import Worker

    bind_forks()
    queues = [HIGH_QUEUE, DEFAULT_QUEUE]
    # The scheduler is what repeats a failed webhook after 10, 60 and 180 seconds.
    Worker(queues, name=name, connection=REDIS_CONNECTION).work(with_scheduler=True, logging_level="WARNING")


if __name__ == "__main__":
    main(sys.argv[1])
