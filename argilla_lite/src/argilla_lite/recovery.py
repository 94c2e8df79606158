"""Queues the jobs again that a killed worker had not finished.

rq takes a job from its list before it notes which worker has it. A worker or a Redis that is killed in
between loses the job, and one that is killed later leaves it "started" for minutes. A home has only one
worker, so when that starts, its predecessor had every job that is neither waiting nor scheduled nor done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus

_UNFINISHED = {JobStatus.QUEUED.value, JobStatus.STARTED.value}


def recover(connection: Any, queues: Sequence[Queue]) -> int:
    """Queues these jobs in front of the others, in the Redis at `connection`, which has no other worker.
    Returns how many were put back."""
    kept = {job_id for queue in queues for job_id in queue.job_ids}
    kept |= {job_id for queue in queues for job_id in queue.scheduled_job_registry.get_job_ids()}
    by_name = {queue.name: queue for queue in queues}
    lost: list[Job] = []
    for key in connection.scan_iter(match="rq:job:*", count=1000, _type="hash"):
        job_id = key.decode().removeprefix("rq:job:")
        status = connection.hget(key, "status")
        if job_id in kept or status is None or status.decode() not in _UNFINISHED:
            continue
        try:
            job = Job.fetch(job_id, connection=connection)
        except NoSuchJobError:
            continue
        if job.origin in by_name:
            lost.append(job)
    for job in sorted(lost, key=lambda one: one.created_at, reverse=True):
        queue = by_name[job.origin]
        queue.started_job_registry.remove(job)
        connection.lrem(queue.intermediate_queue_key, 0, job.id)
        queue.enqueue_job(job, at_front=True)
    return len(lost)
