"""Batches: every row comes, none meets what it equals, and several processes share each one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, combinations, permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from datasets import Dataset
from hypothesis import assume, given, settings, strategies as st
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
from torch.utils.data import ConcatDataset

from curation import SILENT, Advance, Progress
from serving import Embedder, EmbeddingSettings
from tests.training.fit.material import example, negative
from tests.training.material import make_chunks
from training.fit.data import Columns, FitReport, TrainingMaterial, same_things, told_apart, training_sets
from training.fit.train import fine_tune
from training.fit.trainer import Batches, Mixed, is_divided
from training.ledger.rows import LedgerRow, Negative
from training.settings import FitSettings

_ROW = st.tuples(*[st.integers(0, 5)] * 2)
_EPOCHS = 3
CHUNKS = make_chunks()


def _mixed(sets: Sequence[Columns], size: int, processes: int, seed: int) -> Mixed:
    generator = torch.Generator()
    samplers = [Batches(columns, size, _EPOCHS, seed) for columns in sets]
    rows: ConcatDataset[Any] = ConcatDataset([list(range(len(columns["anchor"]))) for columns in sets])
    return Mixed(rows, samplers, generator=generator, seed=seed, processes=processes)


def _columns(rows: Sequence[tuple[int, ...]], harder: bool) -> Columns:
    """``rows`` of a question's and a text's number; ``harder`` ones have a negative that meets nothing."""
    columns = {"anchor": [f"q{one[0]}" for one in rows], "positive": [f"t{one[1]}" for one in rows]}
    return columns | ({"negative": [f"n {row}" for row in range(len(rows))]} if harder else {})


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
    sets = [_columns(pairs, False), _columns(harder, True)]
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
            if processes > 1 and is_divided(samplers[0].sizes.popleft(), processes):
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
    columns = _columns(rows, True)
    library = NoDuplicatesBatchSampler(
        Dataset.from_dict(columns), batch_size=size, drop_last=False, generator=torch.Generator(), seed=seed
    )
    ours = Batches(columns, size, 2, seed)
    for epoch in range(2):
        library.set_epoch(epoch)
        ours.set_epoch(epoch)
        assert list(ours) == list(library)


def _trained(
    model: Path,
    examples: Sequence[LedgerRow],
    negatives: Sequence[Negative] = (),
    progress: Progress = SILENT,
    **changed: Any,
) -> tuple[list[list[str]], FitReport]:
    """What was embedded, a list for each column of each batch, and the report."""
    embedder = Embedder(
        str(model), EmbeddingSettings(model=str(model), precision="float32", threads=1, device="cpu")
    )
    seen: list[list[str]] = []
    preprocess = embedder.model.preprocess

    def listen(inputs: Sequence[str], *more: Any, **named: Any) -> Any:
        seen.append(list(inputs))
        return preprocess(inputs, *more, **named)

    embedder.model.preprocess = listen
    settings = FitSettings(**{"batch_size": 8, "dimensions": [384], **changed})
    report = fine_tune(embedder, TrainingMaterial(examples, negatives), settings, progress)
    return seen, report


class _Counting:
    """What was told of: how much there is, and how much of it is done."""

    total: int | None = None
    done = 0

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Advance]:
        self.total = total
        yield self._advance

    def say(self, line: str) -> None: ...

    def _advance(self, done: int) -> None:
        self.done += done


def test_every_question_about_few_chunks_comes_in_every_epoch(tiny_model: Path) -> None:
    examples = [example(f"question {n} about {c}", f"text {c}") for c in range(3) for n in range(12)]
    progress = _Counting()
    batches, report = _trained(tiny_model, examples, progress=progress, epochs=2)
    seen = [text for column in batches for text in column]
    assert {one.query: seen.count(one.query) for one in examples} == {one.query: 2 for one in examples}
    assert report.steps == 24, "two epochs of twelve batches of three"
    assert progress.done == progress.total == 72


@pytest.mark.parametrize("processes", [1, 2])
def test_too_few_rows_for_the_processes_set_are_trained_on_in_whole_batches(
    tiny_model: Path, processes: int
) -> None:
    examples = [example(f"question {c}", f"text {c}") for c in range(24)]
    _, report = _trained(tiny_model, examples, epochs=1, processes=processes)
    assert (report.steps, report.batch_size) == (3, 8)


_PLACED = st.tuples(st.integers(0, 7), st.sampled_from("abcdef"), st.booleans())


@given(
    accepted=st.lists(_PLACED, min_size=2, max_size=14, unique_by=lambda one: one[:2]),
    wrong=st.lists(st.tuples(st.integers(0, 13), st.integers(0, 7)), max_size=20),
    twins=st.dictionaries(st.integers(4, 7), st.integers(0, 3), max_size=3),
    size=st.integers(2, 6),
)
@settings(max_examples=150, deadline=None)
def test_no_text_is_right_and_wrong_in_one_batch_in_whatever_form(
    accepted: list[tuple[int, str, bool]],
    wrong: list[tuple[int, int]],
    twins: dict[int, int],
    size: int,
) -> None:
    """A heading's example holds the body alone, a negative of the same chunk its whole text or its twin's."""
    groups = {CHUNKS[one].id: CHUNKS[other].id for one, other in twins.items()}
    group = {text: groups.get(one.id, one.id) for one in CHUNKS[:8] for text in (one.text, one.body.strip())}
    found = [
        example(f"{word} {is_heading} {number}", chunk.body.strip() if is_heading else chunk.text, chunk.id)
        for number, word, is_heading in accepted
        for chunk in CHUNKS[number : number + 1]
    ]
    # One question may have several right chunks: the record's id tells them apart, the question does not.
    found = [one.model_copy(update={"query": one.query.rpartition(" ")[0]}) for one in found]
    negatives = [
        negative(one.record_id, CHUNKS[number].text, chunk_id=CHUNKS[number].id)
        for row, number in wrong
        for one in found[row : row + 1]
        if group[one.text] != group[CHUNKS[number].text]
    ]
    assume(len({group[one.text] for one in found}) > 1)
    material = TrainingMaterial(found, negatives, groups)
    sets, same = training_sets(material, seed=1), same_things(material)
    right = {(one.query, group[one.text]) for one in found}
    for columns in sets.values():
        rows = [[row[0], *(group[text] for text in row[1:])] for row in zip(*columns.values(), strict=True)]
        things, barred = told_apart(columns, same)
        for batch in Batches(things, size, 1, 17, barred):
            for one, other in permutations(batch, 2):
                assert rows[one][1] not in rows[other][1:], "another row's text, in this form or another"
                answers = [(rows[one][0], text) in right for text in rows[other][1:]]
                assert not any(answers), "a text that is right for this row's question too"


def test_a_heading_is_not_pushed_from_its_own_chunk_refused_for_another_question(tiny_model: Path) -> None:
    lamp, fence, boiler = CHUNKS[0], CHUNKS[9], CHUNKS[5]
    heading, asked = "Cleaning a lamp", "How do I mend my boiler?"
    pairs = [example(heading, lamp.body.strip(), lamp.id), example(asked, boiler.text, boiler.id)]
    refused = [
        negative(heading, fence.text, chunk_id=fence.id),
        negative(asked, lamp.text, chunk_id=lamp.id),
    ]
    columns, report = _trained(tiny_model, pairs, refused, epochs=1)
    assert report.rows == {"harder": 2}
    assert [len(texts) for texts in columns] == [1] * 6, "each of the two in a batch of its own"
