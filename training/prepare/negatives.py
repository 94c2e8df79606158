"""What a question is trained against: texts that do not answer it, and questions that a text does not answer.

Three sources: what annotators refused (rejected triplets, and rejected conversations where a better chunk is known), the
negatives that came with accepted triplets, and chunks that the current model finds for a question although nobody said
that they answer it (hard negatives; Xiong et al. 2021, arXiv:2007.00808). Nothing that is held out is a negative either:
pushing the holdout's chunks away from training questions would move its figures without learning anything.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from curation import Chunk, DatasetName
from training.prepare.dedup import normalise
from training.prepare.examples import HEADING, Example, Refusal, RowKey, Unused, section_of
from training.prepare.meaning import VectorsOf, questions_like
from training.settings import DedupSettings

Vectors = npt.NDArray[np.float32]
_Key = tuple[DatasetName, str]

# Two texts whose cosine is above this say the same in other words: neither is a negative where the other is right.
SAME_TEXT = 0.95
_BLOCK = 512  # questions compared with the whole corpus at a time


class Negative(BaseModel):
    """Something that the example (``dataset``, ``record_id``) is trained against.

    ``kind`` ``text``: a text that does not answer its question; ``question``: a question that its text does not answer.
    ``source``: ``refused`` by annotators in the record ``decided_by`` of ``decided_in``, ``stored`` with the accepted triplet,
    or ``mined``;
    ``score`` is then the cosine that the mining model gave it (0 for the others).
    """

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    kind: Literal["text", "question"]
    source: Literal["refused", "stored", "mined"]
    text: str
    chunk_id: str = ""
    decided_by: str = ""
    decided_in: DatasetName | None = None
    score: float = 0.0

    @property
    def refusal(self) -> RowKey:
        """The row that it was made from, where people refused it."""
        return "refusal", self.decided_in or self.dataset, self.decided_by


@dataclass
class Decided:
    """The negatives that people decided on, and the refusals that could not be made one."""

    negatives: list[Negative] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)


def decided_negatives(
    train: Sequence[Example],
    holdout: Sequence[Example],
    refusals: Sequence[Refusal],
    groups: Mapping[str, str],
    held: Collection[str],
    settings: DedupSettings,
    tests: Sequence[str] = (),
    vectors_of: VectorsOf | None = None,
) -> Decided:
    """Set every refusal and every stored negative against an example of ``train``.

    A refused pair becomes a negative text where its question has been accepted for another chunk, and a negative question
    where its chunk has an accepted one: of one example, those of a question or chunk in turn. ``groups`` maps chunks to their
    near duplicates' representative, ``held`` are the groups that are held out. A question like a held-out one is left out
    altogether, and so is one like ``tests``, the questions of test sets of one's own. ``vectors_of`` embeds questions; without
    it, only their wording is compared.
    """
    result = Decided()
    by_question: dict[str, list[Example]] = defaultdict(list)
    by_group: dict[str, list[Example]] = defaultdict(list)
    for example in train:
        by_question[normalise(example.query)].append(example)
        by_group[_group(example.chunk_id, groups)].append(example)
    asked_when_held_out = [*(example.query for example in holdout), *tests]
    like_held = _rows_like([one.query for one in refusals], asked_when_held_out, settings, vectors_of)
    turns = _Turns(by_question, by_group, groups)
    for row, refusal in enumerate(refusals):
        if row in like_held or _group(refusal.chunk_id, groups) in held:
            result.unused.append(_unused(refusal, "it concerns what is held out"))
            continue
        made = turns.against(refusal)
        if made is None:
            result.unused.append(_unused(refusal, "no accepted pair to set it against"))
        else:
            result.negatives.append(made)
    result.negatives.extend(_stored(train, asked_when_held_out, by_question, settings, vectors_of))
    return result


def mine(
    train: Sequence[Example],
    chunks: Sequence[Chunk],
    query_vectors: Vectors,
    chunk_vectors: Vectors,
    groups: Mapping[str, str],
    held: Collection[str],
    number: int,
    margin: float,
    accepted: Sequence[Example] = (),
) -> list[Negative]:
    """The ``number`` chunks that the model finds first for each question among those that are surely wrong.

    ``query_vectors`` (n, d) are of ``train``'s questions, ``chunk_vectors`` (m, d) of ``chunks``, all of unit length. Left
    out are chunks accepted for the question (in ``train`` or in ``accepted``, the pairs that are not trained on this time
    but may be right), their near duplicates (``groups``, or a cosine above 0.95 between the texts),
    for a heading its whole section, what is held out, and whatever scores above ``1 - margin`` times the right chunk: it
    may well be right too.
    """
    column = {chunk.id: index for index, chunk in enumerate(chunks)}
    group = np.array([_group(chunk.id, groups) for chunk in chunks], dtype=object)
    places = np.array([section_of(chunk) for chunk in chunks], dtype=object)
    never = np.isin(group, list(held)) if held else np.zeros(len(chunks), dtype=bool)
    right: dict[str, set[str]] = defaultdict(set)
    sections: dict[str, set[str]] = defaultdict(set)
    for example in (*train, *accepted):
        key = normalise(example.query)
        right[key].add(_group(example.chunk_id, groups))
        if example.origin == HEADING:
            sections[key].add(example.place)
    found: list[Negative] = []
    for start in range(0, len(train), _BLOCK):
        cosines = query_vectors[start : start + _BLOCK] @ chunk_vectors.T
        for row, example in enumerate(train[start : start + _BLOCK]):
            own = column.get(example.chunk_id)
            if own is None:  # the chunk as it was judged is gone: nothing to measure the margin from
                continue
            key = normalise(example.query)
            scores = cosines[row]
            limit = scores[own] - margin * abs(scores[own])
            out = never | (scores > limit) | np.isin(group, list(right[key]))
            if sections[key]:
                out |= np.isin(places, list(sections[key]))
            order = np.argsort(np.where(out, -np.inf, -0.0 + scores) * -1, kind="stable")
            chosen: list[int] = []
            for candidate in order[: number + 16]:
                if out[candidate] or len(chosen) == number:
                    break
                if float(chunk_vectors[candidate] @ chunk_vectors[own]) < SAME_TEXT:
                    chosen.append(int(candidate))
            found.extend(
                Negative(
                    dataset=example.dataset,
                    record_id=example.record_id,
                    kind="text",
                    source="mined",
                    text=_as_trained(chunks[index], example),
                    chunk_id=chunks[index].id,
                    score=round(float(scores[index]), 4),
                )
                for index in chosen
            )
    return found


class _Turns:
    """Sets refusals against examples: each against one, the example of several that has the fewest so far, and the same
    refusal of several records against the same one."""

    def __init__(
        self,
        by_question: Mapping[str, Sequence[Example]],
        by_group: Mapping[str, Sequence[Example]],
        groups: Mapping[str, str],
    ) -> None:
        self._by_question = by_question
        self._by_group = by_group
        self._groups = groups
        self._taken: Counter[tuple[str, DatasetName, str]] = Counter()
        self._before: dict[tuple[str, str], Example] = {}

    def against(self, refusal: Refusal) -> Negative | None:
        """None where no accepted pair is known."""
        own, asked = _group(refusal.chunk_id, self._groups), normalise(refusal.query)
        kind: Literal["text", "question"] = "text"
        examples = [
            example
            for example in self._by_question.get(asked, ())
            if _group(example.chunk_id, self._groups) != own
        ]
        if not examples and refusal.certain:
            kind, examples = "question", list(self._by_group.get(own, ()))
        if not examples:
            return None
        example = self._before.get((asked, own))
        if example is None:
            example = min(examples, key=lambda one: self._taken[kind, one.dataset, one.record_id])
            self._before[asked, own] = example
            self._taken[kind, example.dataset, example.record_id] += 1
        return _refused(example, refusal, kind)


def _refused(example: Example, refusal: Refusal, kind: Literal["text", "question"]) -> Negative:
    return Negative(
        dataset=example.dataset,
        record_id=example.record_id,
        kind=kind,
        source="refused",
        text=refusal.text if kind == "text" else refusal.query,
        chunk_id=refusal.chunk_id,
        decided_by=refusal.record_id,
        decided_in=refusal.dataset,
    )


def _stored(
    train: Sequence[Example],
    held_questions: Sequence[str],
    by_question: Mapping[str, Sequence[Example]],
    settings: DedupSettings,
    vectors_of: VectorsOf | None,
) -> Iterable[Negative]:
    """The negatives that came with accepted triplets. One that is itself a training question needs no row of its own: it
    meets this text in the batches anyway."""
    rows = [one for one in train if one.negative and normalise(one.negative) not in by_question]
    negatives = [one.negative for one in rows]
    leaking = _rows_like(negatives, held_questions, settings, vectors_of)
    return [
        Negative(
            dataset=one.dataset,
            record_id=one.record_id,
            kind="question",
            source="stored",
            text=one.negative,
            chunk_id=one.chunk_id,
            decided_by=one.record_id,
        )
        for row, one in enumerate(rows)
        if row not in leaking
    ]


def _rows_like(
    questions: Sequence[str],
    held_questions: Sequence[str],
    settings: DedupSettings,
    vectors_of: VectorsOf | None,
) -> set[int]:
    worded, meant = questions_like(questions, held_questions, settings, vectors_of)
    return {match.index for match in (*worded, *meant)}


def _as_trained(chunk: Chunk, example: Example) -> str:
    """Of the same form as the right text, so that the heading line does not give it away."""
    return (chunk.body.strip() or chunk.text) if example.origin == HEADING else chunk.text


def _group(chunk_id: str, groups: Mapping[str, str]) -> str:
    return groups.get(chunk_id, chunk_id)


def _unused(refusal: Refusal, why: str) -> Unused:
    return Unused(
        dataset=refusal.dataset,
        record_id=refusal.record_id,
        reason=f"{refusal.reason} ({why})",
        of="refusal",
    )
