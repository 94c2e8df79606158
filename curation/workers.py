"""Work on many parts: one after the other in this process, or by the workers of a Ray cluster, with the same
result in the same order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from curation.errors import ClayloopError, SettingsError, StateError, first_line

_Part = TypeVar("_Part")
_Done = TypeVar("_Done")

_AHEAD = 2  # parts for each processor that wait in Ray's memory
_RETRIES = 5  # of a part whose worker died


class Workers(Protocol):
    """Does ``work(part, *shared)`` for each part and yields what it gives, in the order of the parts."""

    def __call__(
        self, work: Callable[..., _Done], parts: Iterable[_Part], *shared: Any
    ) -> Iterator[_Done]: ...


def in_process(work: Callable[..., _Done], parts: Iterable[_Part], *shared: Any) -> Iterator[_Done]:
    """One part after the other, here."""
    return (work(part, *shared) for part in parts)


@dataclass(frozen=True)
class RayWorkers:
    """The cluster at ``address``: ``auto``, an address, or empty for one that is started on this machine.

    ``work`` is a function of a module: every node has clayloop in its environment. ``shared`` travels to a
    node once, each part to one worker. A worker that dies costs its part: Ray gives it to another one. Raises
    SettingsError without Ray, StateError when the cluster cannot be reached or gives up, and what ``work``
    raises of ours.
    """

    address: str = ""

    def __call__(self, work: Callable[..., _Done], parts: Iterable[_Part], *shared: Any) -> Iterator[_Done]:
        try:
            import ray
        except ImportError as error:
            raise SettingsError(
                'serving.embedding.engine = "ray" needs the package ray.', "pip install 'clayloop[ray]'"
            ) from error
        try:
            if not ray.is_initialized():
                ray.init(address=self.address or None, log_to_driver=False, include_dashboard=False)
            remote = ray.remote(num_cpus=1, max_retries=_RETRIES)(_on_one_core)
            sent = [ray.put(one) for one in shared]
            room = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
            waiting: deque[Any] = deque()
            for part in parts:
                waiting.append(remote.options(name=work.__name__).remote(work, part, *sent))
                if len(waiting) >= room:
                    yield ray.get(waiting.popleft())
            while waiting:
                yield ray.get(waiting.popleft())
        except (ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, ClayloopError):
                raise cause from error
            raise StateError(
                f"Ray ({self.address or 'on this machine'}) failed: {first_line(cause or error)}",
                'Look at `ray status`, or set serving.embedding.engine = "local"; nothing was changed.',
            ) from error


def _on_one_core(work: Callable[..., _Done], part: object, *shared: object) -> _Done:
    """In a worker. Libraries in Rust would take all cores, which others work on."""
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    return work(part, *shared)
