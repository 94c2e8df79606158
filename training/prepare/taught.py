"""Which of the pairs that people refused become training rows, and why the others do not.

A question cannot meet itself in a batch, nor a chunk, so each further row of one makes a batch of its own, mostly a small
one. That is why their number is bounded; training and lineage both ask here, so that they cannot differ.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from curation import DatasetName
from training.prepare.dedup import normalise
from training.prepare.examples import Example, Unused
from training.prepare.negatives import Negative

# Refused texts of a question, and refused questions of a chunk, that training takes in any case. One that was accepted for
# more than that comes in as many batches anyway, and takes as many.
MOST_REFUSED = 4


@dataclass
class Taught:
    """``negatives``: the refused ones that stand in a training row. ``unused``: the decisions behind all others."""

    negatives: list[Negative] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)


def choose_refused(examples: Sequence[Example], negatives: Sequence[Negative]) -> Taught:
    """Those of ``negatives`` that people refused and that training on ``examples`` learns from, in their order.

    Left are refusals set against an example that is not among ``examples``, and those of a question or a chunk beyond the
    number that it was accepted for, or four if that is less. Two that say the same count as one, and share its fate.
    """
    known = {(one.dataset, one.record_id): one for one in examples}
    accepted = Counter(anchor for one in known.values() for anchor in (_asked(one), _chunk(one)))
    rows: dict[tuple[str, str], set[tuple[DatasetName, str, str]]] = defaultdict(set)
    result = Taught()
    for negative in negatives:
        if negative.source != "refused":
            continue
        example = known.get((negative.dataset, negative.record_id))
        if example is None:
            result.unused.append(
                _unused(negative, "the accepted pair that it is set against is not trained on")
            )
            continue
        is_text = negative.kind == "text"
        anchor = _asked(example) if is_text else _chunk(example)
        row = (negative.dataset, negative.record_id, negative.text)
        most = max(MOST_REFUSED, accepted[anchor])
        if row not in rows[anchor] and len(rows[anchor]) == most:
            of = "its question" if is_text else "its chunk"
            result.unused.append(_unused(negative, f"training takes {most} refusals of {of}"))
            continue
        rows[anchor].add(row)
        result.negatives.append(negative)
    return result


def _asked(example: Example) -> tuple[str, str]:
    return "question", normalise(example.query)


def _chunk(example: Example) -> tuple[str, str]:
    return "chunk", example.chunk_id


def _unused(negative: Negative, why: str) -> Unused:
    return Unused(
        dataset=negative.decided_in or negative.dataset,
        record_id=negative.decided_by,
        reason=f"rejected ({why})",
        of="refusal",
    )
