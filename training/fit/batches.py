"""Which training rows meet in a batch, and how several processes share it.

A batch holds rows of one dataset (training/columns.py) and nothing twice. With several processes it is still one batch: all
of its texts are each other's negatives, whichever process embeds them. So every process plans the same batches from the
same seed and takes its share of each, which also keeps them in step: the losses gather vectors, and wait for ever, or die,
where two processes bring different datasets or numbers of rows.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler, ProportionalBatchSampler

from training.fit.data import Columns


class Batches(DefaultBatchSampler):  # type: ignore[misc]
    """The batches of one dataset in each epoch, as lists of row numbers: every row once, and no two alike together.

    ``apart`` has what each value counts as, ``beside`` what no other row of a batch may hold for each row
    (training.columns.told_apart). Rows of what repeats take more batches than full ones would be, and all of them come, but for what is left at the end of one pair without a negative each: it has nothing
    to be told from. How many there are differs a little with the order that an epoch takes the rows in, so they are planned
    for all ``epochs`` ahead: a trainer asks for the number once.
    """

    def __init__(
        self, apart: Columns, size: int, epochs: float, seed: int, beside: Sequence[Set[str]] = ()
    ) -> None:
        rows = [set(values) for values in zip(*apart.values(), strict=True)]
        super().__init__(rows, batch_size=size, drop_last=False, seed=seed)
        least = 1 if len(apart) > 2 else 2
        self._plan: list[list[list[int]]] = []
        for epoch in range(math.ceil(epochs)):
            shuffled = torch.Generator().manual_seed(seed + epoch)
            order = torch.randperm(len(rows), generator=shuffled, dtype=torch.int32).tolist()
            batches = _without_duplicates(rows, beside or [set()] * len(rows), order, size)
            taught = max((at for at, batch in enumerate(batches, 1) if len(batch) >= least), default=0)
            self._plan.append(batches[: max(math.ceil(len(rows) / size), taught)])

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._plan[self.epoch])

    def __len__(self) -> int:
        """In the epoch that has most."""
        return max(len(batches) for batches in self._plan)


def _without_duplicates(
    rows: Sequence[Set[str]], beside: Sequence[Set[str]], order: Iterable[int], size: int
) -> list[list[int]]:
    """Each row in the first batch that has room, nothing in common with it, and nothing that one may not hold beside the other:
    what sentence-transformers' NO_DUPLICATES comes to, in a fraction of the time where many rows have something in common."""
    batches: list[list[int]] = []
    holding: dict[str, set[int]] = defaultdict(set)  # value → the batches that hold it
    keeping_out: dict[str, set[int]] = defaultdict(set)  # value → the batches that must not
    first = 0  # all before it are full
    for row in order:
        taken = [holding[value] for value in (*rows[row], *beside[row])]
        taken += [keeping_out[value] for value in rows[row]]
        at = first
        while at < len(batches) and (len(batches[at]) == size or any(at in held for held in taken)):
            at += 1
        if at == len(batches):
            batches.append([])
        batches[at].append(row)
        for value in rows[row]:
            holding[value].add(at)
        for value in beside[row]:
            keeping_out[value].add(at)
        while first < len(batches) and len(batches[first]) == size:
            first += 1
    return batches


class Mixed(ProportionalBatchSampler):  # type: ignore[misc]
    """The batches of all datasets, in proportion. For several processes each as its shares, one after the other, which
    accelerate hands out in turn. ``sizes`` has the rows of each batch that was taken, in order, for who trains on it to
    take out: a loader reads ahead."""

    def __init__(self, *given: Any, processes: int = 1, **more: Any) -> None:
        super().__init__(*given, **more)
        self.sizes: deque[int] = deque()
        self._processes = processes
        if processes > 1:
            self.batch_size = None  # accelerate's word for shares of different sizes: it drops none of them

    def __iter__(self) -> Iterator[list[int]]:
        for batch in super().__iter__():
            self.sizes.append(len(batch))
            yield from shares(batch, self._processes)

    def __len__(self) -> int:
        return int(super().__len__()) * self._processes


def is_divided(rows: int, processes: int) -> bool:
    """Whether each process has a part of a batch of so many rows, or all of it (``shares``)."""
    return rows % processes == 0


def shares(batch: Sequence[int], processes: int) -> list[list[int]]:
    """``batch`` in as many parts of one size as there are ``processes``, or where that is impossible whole for each of them:
    if none then gathers the others' texts, they all compute the same, and the weights move as one process would move them.
    """
    if not is_divided(len(batch), processes):
        return [list(batch) for _ in range(processes)]
    size = len(batch) // processes
    return [list(batch[start : start + size]) for start in range(0, len(batch), size)]
