"""Batches: every row comes, none meets what it equals, and several processes share each one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
from torch.utils.data import ConcatDataset

from serving.embedding import Embedder
from serving.settings import EmbeddingSettings
from training.batches import Batches, Mixed
from training.columns import Columns
from training.examples import Example
from training.fit import FitReport, fit
from training.fit_settings import FitSettings

_ROW = st.tuples(*[st.integers(0, 5)] * 2)
_EPOCHS = 3


def _mixed(sets: Sequence[Columns], size: int, processes: int, seed: int) -> Mixed:
    generator = torch.Generator()
    samplers = [Batches(columns, size, _EPOCHS, seed) for columns in sets]
    rows: ConcatDataset[Any] = ConcatDataset([list(range(len(columns["anchor"]))) for columns in sets])
    return Mixed(rows, samplers, generator=generator, seed=seed, processes=processes)


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> Columns:
    """``rows`` of a question's and a text's number, ``width`` negatives for each that meet nothing."""
    columns = {"anchor": [f"q{one[0]}" for one in rows], "positive": [f"t{one[1]}" for one in rows]}
    return columns | {f"negative_{at}": [f"n{at} {row}" for row in range(len(rows))] for at in range(width)}


@given(
    pairs=st.lists(_ROW, min_size=1, max_size=30),
    harder=st.lists(_ROW, min_size=1, max_size=20),
    size=st.integers(1, 4),
    processes=st.integers(1, 4),
    seed=st.integers(0, 3),
)
@settings(max_examples=100, deadline=None)
def test_all_processes_have_a_share_of_one_batch_and_every_row_comes(
    pairs: list[tuple[int, ...]], harder: list[tuple[int, ...]], size: int, processes: int, seed: int
) -> None:
    sets = [_columns(pairs, 0), _columns(harder, 1)]
    whole = size * processes
    starts = [0, *accumulate(len(columns["anchor"]) for columns in sets)]
    rows = [row for columns in sets for row in zip(columns["anchor"], columns["positive"], strict=True)]
    for epoch in range(_EPOCHS):
        samplers = [_mixed(sets, whole, processes, seed) for _ in range(processes)]
        for sampler in samplers:
            sampler.set_epoch(epoch)
        ranks = [
            list(BatchSamplerShard(one, processes, rank, even_batches=False)) if processes > 1 else list(one)
            for rank, one in enumerate(samplers)
        ]
        alone = _mixed(sets, whole, 1, seed)
        alone.set_epoch(epoch)
        seen: list[int] = []
        for step, batch in zip(zip(*ranks, strict=True), alone, strict=True):
            assert len({len(share) for share in step}) == 1, "the losses gather vectors of one size"
            if processes > 1 and samplers[0].divided.popleft():
                assert [row for share in step for row in share] == batch, "what one process would train on"
            else:
                assert all(share == batch for share in step)
            assert len({row >= starts[1] for row in batch}) == 1, "of one dataset"
            held = [value for row in batch for value in rows[row]]
            assert len(held) == len(set(held)), "nothing twice"
            seen += batch
        assert len(seen) == len(set(seen))
        left = set(range(starts[-1])) - set(seen)
        assert all(row < starts[1] for row in left), "a row with a negative is left out"
        for one, two in combinations(left, 2):
            assert set(rows[one]) & set(rows[two]), "pairs that could have met are left out"


@given(rows=st.lists(_ROW, min_size=1, max_size=30), size=st.integers(1, 8), seed=st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_the_batches_are_those_of_sentence_transformers(
    rows: list[tuple[int, ...]], size: int, seed: int
) -> None:
    columns = _columns(rows, 1)
    library = NoDuplicatesBatchSampler(
        Dataset.from_dict(columns), batch_size=size, drop_last=False, generator=torch.Generator(), seed=seed
    )
    ours = Batches(columns, size, 2, seed)
    for epoch in range(2):
        library.set_epoch(epoch)
        ours.set_epoch(epoch)
        assert list(ours) == list(library)


def _trained(model: Path, examples: Sequence[Example], **changed: Any) -> tuple[list[str], FitReport]:
    """What was embedded, and the report."""
    embedder = Embedder(
        str(model), EmbeddingSettings(model=str(model), precision="float32", threads=1, device="cpu")
    )
    seen: list[str] = []
    preprocess = embedder.model.preprocess

    def listen(inputs: Sequence[str], *more: Any, **named: Any) -> Any:
        seen.extend(inputs)
        return preprocess(inputs, *more, **named)

    embedder.model.preprocess = listen
    report = fit(embedder, examples, FitSettings(**{"batch_size": 8, "dimensions": [384], **changed}))
    return seen, report


def _example(query: str, text: str) -> Example:
    return Example(
        dataset="triplets", record_id=query, query=query, text=text, chunk_id=text, place=text, origin=""
    )


def test_every_question_about_few_chunks_comes_in_every_epoch(tiny_model: Path) -> None:
    examples = [_example(f"question {n} about {c}", f"text {c}") for c in range(3) for n in range(12)]
    seen, report = _trained(tiny_model, examples, epochs=2)
    assert {one.query: seen.count(one.query) for one in examples} == {one.query: 2 for one in examples}
    assert report.steps == 24, "two epochs of twelve batches of three"


@pytest.mark.parametrize("processes", [1, 2])
def test_too_few_rows_for_the_processes_set_are_trained_on_in_whole_batches(
    tiny_model: Path, processes: int
) -> None:
    examples = [_example(f"question {c}", f"text {c}") for c in range(24)]
    _, report = _trained(tiny_model, examples, epochs=1, processes=processes)
    assert (report.steps, report.batch_size) == (3, 8)
