"""Which training rows meet in a batch, and how several processes share it.

A batch holds rows of one dataset (training.fit.data) and nothing twice. With several processes it is still
one batch: all of its texts are each other's negatives, whichever process embeds them. So every process plans
the same batches from the same seed and takes its share of each. That also keeps them in step: the losses
gather vectors, and wait for ever, or die, where two processes bring different datasets or numbers of rows.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler, ProportionalBatchSampler


class Batches(DefaultBatchSampler):  # type: ignore[misc]
    """One dataset's batches in each epoch, as lists of row numbers: every row once, no two alike together.

    ``things`` has what each value counts as, and ``barred`` what no row beside a row may hold
    (``told_apart``). All rows come, except what is left at the end of one pair without a negative each: such
    a batch teaches nothing. The number of batches differs a little between epochs, and a trainer asks for it
    once. So they are planned for all ``epochs`` ahead.
    """

    def __init__(
        self,
        things: Mapping[str, Sequence[Hashable]],
        size: int,
        epochs: float,
        seed: int,
        barred: Sequence[Set[Hashable]] = (),
    ) -> None:
        rows = [set(values) for values in zip(*things.values(), strict=True)]
        super().__init__(rows, batch_size=size, drop_last=False, seed=seed)
        least = 1 if "negative" in things else 2
        self._plan: list[list[list[int]]] = []
        for epoch in range(math.ceil(epochs)):
            shuffled = torch.Generator().manual_seed(seed + epoch)
            order = torch.randperm(len(rows), generator=shuffled, dtype=torch.int32).tolist()
            batches = _without_duplicates(rows, barred or [set()] * len(rows), order, size)
            last = max((at for at, batch in enumerate(batches, 1) if len(batch) >= least), default=0)
            self._plan.append(batches[: max(math.ceil(len(rows) / size), last)])

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._plan[self.epoch])

    def __len__(self) -> int:
        """In the epoch that has most."""
        return max(len(batches) for batches in self._plan)


def _without_duplicates(
    rows: Sequence[Set[Hashable]], barred: Sequence[Set[Hashable]], order: Iterable[int], size: int
) -> list[list[int]]:
    """Each row in the first batch that has room, nothing in common with it, and nothing that one may not hold
    beside the other.

    The same batches as sentence-transformers' NO_DUPLICATES, in a fraction of the time where many rows have
    something in common.
    """
    batches: list[list[int]] = []
    holding: dict[Hashable, set[int]] = defaultdict(set)  # thing → the batches that hold it
    refusing: dict[Hashable, set[int]] = defaultdict(set)  # thing → the batches that must not
    first = 0  # all before it are full
    for row in order:
        closed = [holding[thing] for thing in (*rows[row], *barred[row])]
        closed += [refusing[thing] for thing in rows[row]]
        at = first
        while at < len(batches) and (len(batches[at]) == size or any(at in each for each in closed)):
            at += 1
        if at == len(batches):
            batches.append([])
        batches[at].append(row)
        for thing in rows[row]:
            holding[thing].add(at)
        for thing in barred[row]:
            refusing[thing].add(at)
        while first < len(batches) and len(batches[first]) == size:
            first += 1
    return batches


class Mixed(ProportionalBatchSampler):  # type: ignore[misc]
    """The batches of all datasets, in proportion. For several processes each batch comes as its shares, one
    after the other, which accelerate hands out in turn. ``sizes`` is a queue with the number of rows of each
    batch that was taken: a loader reads ahead of the training."""

    def __init__(self, *given: Any, processes: int = 1, **more: Any) -> None:
        super().__init__(*given, **more)
        self.sizes: deque[int] = deque()
        self._processes = processes
        if processes > 1:
            self.batch_size = None  # accelerate's word for shares of different sizes: it drops none of them

    def __iter__(self) -> Iterator[list[int]]:
        for batch in super().__iter__():
            self.sizes.append(len(batch))
            yield from _shares(batch, self._processes)

    def __len__(self) -> int:
        return int(super().__len__()) * self._processes


def is_divided(rows: int, processes: int) -> bool:
    """Whether each process has a part of a batch of so many rows, or all of it."""
    return rows % processes == 0


def _shares(batch: Sequence[int], processes: int) -> list[list[int]]:
    """``batch`` in as many parts of one size as there are ``processes``, or where that is impossible whole
    for each of them.

    If none then gathers the others' texts, all compute the same, and the weights move as one process would
    move them.
    """
    if not is_divided(len(batch), processes):
        return [list(batch) for _ in range(processes)]
    size = len(batch) // processes
    return [list(batch[start : start + size]) for start in range(0, len(batch), size)]
