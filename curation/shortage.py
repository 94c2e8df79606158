"""What to tell a person when disk or memory ran out: every library calls that something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.errors import StateError, first_line

_FULL_DISK = re.compile(r"no space left|file too large|os error (?:27|28)\b|disk quota", re.IGNORECASE)
# torch: "CUDA out of memory.", "DefaultCPUAllocator: can't allocate memory", "not enough memory". numpy:
# MemoryError.
_NO_MEMORY = re.compile(
    r"out of memory|can't allocate memory|not enough memory|unable to allocate", re.IGNORECASE
)


def shortage(error: Exception, who: str, again: str) -> StateError | None:
    """What to raise instead of ``error``, which ended ``who``; ``again`` says how to go on. None when nothing
    ran out."""
    chain = list(_chain(error))
    if _is_full(chain):
        return StateError(
            f"The disk is full: {who} could not write: {first_line(error)}",
            f"Free some space (df) and {again}. The served release is untouched.",
        )
    if any(_lacks_memory(one) for one in chain):
        return StateError(
            f"Memory ran out in {who}: {first_line(error)}",
            f"Stop what else needs memory and {again}. Training needs less of "
            'it with a smaller training.fit.batch_size, with training.fit.loss = "cached-mnrl", or with '
            "fewer training.fit.max_tokens. The served release is untouched.",
        )
    return None


def _is_full(chain: list[BaseException]) -> bool:
    for error in chain:
        if isinstance(error, OSError) or _FULL_DISK.search(str(error)):
            return bool(_FULL_DISK.search(str(error)))
    return False


def _lacks_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(str(error)))
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
