"""sentence-transformers' trainer with our batches and our loss. It saves, reports and sends nothing.

The batches are planned here, too: every row comes in every epoch, and no batch holds the same thing twice.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.sampler import DefaultBatchSampler, ProportionalBatchSampler
from sentence_transformers.sentence_transformer import losses
from transformers import PrinterCallback, TrainerCallback

from curation import Advance, give_back
from training.fit.data import Columns, SameThings, SetName, diverged, side_of, told_apart
from training.settings import FitSettings

# A small set gets smaller batches, so that an epoch has some steps; but not smaller than this.
_STEPS_AN_EPOCH = 8
_SMALL_BATCH = 8
_WARMUP = 0.1  # share of the steps in which the learning rate rises: sentence-transformers' own recipe
_LOOK_AT_LOSS_EVERY = 5  # steps
_CACHED_AT_ONCE = 16  # texts that cached-mnrl embeds at once: memory grows with them, speed hardly
# Seconds. For a model of some size that is after every step: every fifth step is a tenth quicker and takes
# 0.2 GB more (benchmarks/retrain_speed.py).
_GIVE_BACK_EVERY = 1.0
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
    """Keeps what is the same thing out of one batch. ``computing`` counts the seconds spent in passes."""

    def __init__(
        self,
        model: Any,
        arguments: SentenceTransformerTrainingArguments,
        sets: Mapping[SetName, Columns],
        sameness: SameThings,
        loss: Any,
        advance: Advance,
    ) -> None:
        self.computing = 0.0
        self._sameness = sameness
        self._advance = advance
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=DatasetDict({name: Dataset.from_dict(columns) for name, columns in sets.items()}),
            loss=loss,
            callbacks=[_Watch()],
        )
        self.remove_callback(PrinterCallback)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: it encodes examples for a page that nobody uploads."""

    def get_batch_sampler(self, dataset: Any, batch_size: int, *given: Any, **more: Any) -> Any:
        columns = {name: dataset[name] for name in dataset.column_names}
        things, barred = told_apart(columns, self._sameness)
        size = batch_size * self.args.world_size
        return Batches(things, size, self.args.num_train_epochs, self.args.seed, barred)

    def get_multi_dataset_batch_sampler(self, *given: Any, **more: Any) -> Any:
        self._mixed = Mixed(*given, **more, processes=self.args.world_size)
        return self._mixed

    def training_step(self, *given: Any, **more: Any) -> Any:
        rows, processes = self._mixed.sizes.popleft(), self.args.world_size
        started = time.perf_counter()
        if processes > 1:
            _gather(self.loss, is_divided(rows, processes))
        loss = super().training_step(*given, **more)
        self.computing += time.perf_counter() - started
        self._advance(rows)
        return loss


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Gives freed memory back, and ends the training as soon as the loss is not a number."""

    given_back = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if args.use_cpu and time.monotonic() - self.given_back >= _GIVE_BACK_EVERY:
            give_back()
            self.given_back = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if logs and not math.isfinite(float(logs.get("loss", 0.0))):
            raise diverged()


def training_arguments(
    model: Any,
    sets: Mapping[SetName, Columns],
    examples: int,
    settings: FitSettings,
    bf16: bool,
    scratch: Path,
) -> SentenceTransformerTrainingArguments:
    """The trainer's arguments. ``scratch`` is a folder that it wants. So few ``examples`` that an epoch would
    have hardly any steps are trained on in smaller batches."""
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        warmup_steps=_WARMUP,  # below 1: a share of all steps
        bf16=bf16,
        use_cpu=model.device.type == "cpu",
        seed=settings.seed,
        data_seed=settings.seed,
        logging_strategy="steps",
        logging_steps=_LOOK_AT_LOSS_EVERY,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        push_to_hub=False,
        dataloader_pin_memory=model.device.type == "cuda",
        prompts=_prompts(model, sets),
    )
    size = max(2, min(settings.batch_size, examples, max(_SMALL_BATCH, examples // _STEPS_AN_EPOCH)))
    arguments.per_device_train_batch_size = max(1, size // arguments.world_size)
    return arguments


def _prompts(model: Any, sets: Mapping[SetName, Columns]) -> dict[str, dict[str, str]] | None:
    """What encode_query() and encode_document() put in front of texts, for each column of each dataset."""
    own = model.prompts or {}
    document = next((own[name] for name in _DOCUMENT_PROMPTS if own.get(name)), "")
    prompt = {"query": own.get("query") or "", "document": document}
    if not any(prompt.values()):
        return None
    return {
        name: {column: prompt[side_of(name, column)] for column in columns if prompt[side_of(name, column)]}
        for name, columns in sets.items()
    }


def make_loss(model: Any, settings: FitSettings, dimensions: Sequence[int], several: bool = False) -> Any:
    """The loss ``settings.loss`` at each of ``dimensions`` (Kusupati et al. 2022, arXiv:2205.13147).

    ``mnrl`` pulls every question to its own text and pushes it from all others of the batch (Henderson et al.
    2017, arXiv:1705.00652). ``cached-mnrl`` is the same in pieces that fit into memory (Gao et al. 2021,
    arXiv:2101.06983). ``several``: the texts of other processes are negatives too.
    """
    if settings.loss == "mnrl":
        inner = losses.MultipleNegativesRankingLoss(model, gather_across_devices=several)
    else:
        inner = losses.CachedMultipleNegativesRankingLoss(
            model, mini_batch_size=_CACHED_AT_ONCE, gather_across_devices=several
        )
    return losses.MatryoshkaLoss(model, inner, list(dimensions)) if len(dimensions) > 1 else inner


def _gather(loss: Any, across: bool) -> None:
    """Whether ``loss`` takes the texts of other processes as negatives from now on."""
    for module in loss.modules():
        if "gather_across_devices" in vars(module):
            module.gather_across_devices = across


class Mixed(ProportionalBatchSampler):  # type: ignore[misc]
    """The batches of all datasets, in proportion. For several processes each batch comes as its shares, one
    after the other, which accelerate hands out in turn. ``sizes`` is a queue of the batches' numbers of rows:
    a loader takes batches before they are trained on."""

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

    In the second case no process takes the others' texts as negatives: all compute the same, and the weights
    move as one process would move them.
    """
    if not is_divided(len(batch), processes):
        return [list(batch) for _ in range(processes)]
    size = len(batch) // processes
    return [list(batch[start : start + size]) for start in range(0, len(batch), size)]


class Batches(DefaultBatchSampler):  # type: ignore[misc]
    """One dataset's batches in each epoch, as lists of row numbers: every row once, no two alike together.

    ``things`` has what each value counts as, and ``barred`` what no row beside a row may hold
    (``told_apart``). Only batches of a single pair without a negative at the end are left out: they teach
    nothing. The number of batches differs a little between epochs, and a trainer asks for it once: that is
    why all ``epochs`` are planned ahead.
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
    """Put each row into the first batch that has room, has nothing in common with the row, and holds nothing
    that the row bars or that bars the row.

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
