"""One rq worker for Argilla's background jobs: webhooks, hub imports and exports, status updates."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import redis
from rq import Queue, Worker
from rq.scheduler import RQScheduler

from argilla_lite.lifeline import bind_forks
from argilla_lite.recovery import recover
from argilla_lite.web_page import not_copied

with not_copied():
    from argilla_lite.plugin import app  # noqa: F401 - jobs are forked from here and need the engine registered


_LOOK_AROUND = 2  # seconds between two checks for jobs that are due


@contextlib.contextmanager
def _ending_without_redis() -> Iterator[None]:
    try:
        yield
    except redis.ConnectionError:
        sys.exit("Redis is gone; starting anew.")


class _QueueOfOneRedis(Queue):
    @classmethod
    def dequeue_any(cls, *arguments: Any, **options: Any) -> Any:
        with _ending_without_redis():
            return super().dequeue_any(*arguments, **options)


class _WorkerOfOneRedis(Worker):
    """A worker that ends when it loses Redis, so that the next one puts unfinished jobs back.

    It also queues jobs that are due again: rq repeats a failed webhook's delivery after 10, 60 and 180
    seconds. rq would use a second process for that, which takes 90 MB.
    """

    queue_class = _QueueOfOneRedis

    def __init__(self, queues: Sequence[Queue], **options: Any) -> None:
        super().__init__(list(queues), **options)
        schedule: Any = RQScheduler(queues, connection=self.connection)
        schedule.prepare_registries([queue.name for queue in queues])
        self._schedule = schedule

    @property
    def dequeue_timeout(self) -> int:
        return _LOOK_AROUND

    def heartbeat(self, *arguments: Any, **options: Any) -> None:
        """Called at least every `_LOOK_AROUND` seconds while there is nothing to do, and after each job."""
        with _ending_without_redis():
            super().heartbeat(*arguments, **options)
            self._schedule.enqueue_scheduled_jobs()

    def teardown(self) -> None:
        with contextlib.suppress(redis.RedisError):
            super().teardown()  # type: ignore[no-untyped-call]


def main(arguments: list[str]) -> None:
    """Works until SIGTERM, or until Redis is lost, as the worker that `arguments` names.

    `argilla_server worker` would add a pool process, which one worker does not need.
    """
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION

    bind_forks()
    while True:
        with contextlib.suppress(redis.RedisError):
            REDIS_CONNECTION.ping()
            break
        time.sleep(0.1)
    queues = [_QueueOfOneRedis(one.name, connection=REDIS_CONNECTION) for one in (HIGH_QUEUE, DEFAULT_QUEUE)]
    if found := recover(REDIS_CONNECTION, queues):
        print(f"{found} jobs of the worker before were put back.")
    worker = _WorkerOfOneRedis(queues, name=arguments[0], connection=REDIS_CONNECTION)
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    main(sys.argv[1:])
