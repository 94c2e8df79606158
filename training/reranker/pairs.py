"""What a reranker learns from: questions with texts that answer them, and with texts that do not."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation import DatasetName
from training.prepare.examples import Example
from training.prepare.negatives import Negative


class Pair(BaseModel):
    """One row. ``label`` is 1 where ``text`` answers ``query``, else 0. ``source`` says who decided that; the example that it
    comes from is (``dataset``, ``record_id``), the refusal ``decided_by``."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    query: str
    text: str
    label: Literal[0, 1]
    source: Literal["accepted", "refused", "stored", "mined"]
    decided_by: str = ""


def make_pairs(
    examples: Sequence[Example], negatives: Sequence[Negative], drawn: int, seed: int
) -> list[Pair]:
    """Every example, every negative that people decided on, and ``drawn`` of each example's mined negatives.

    Those are drawn from all that were mined instead of taken from the top: in service it reads all candidates, not only the
    nearest. The draw hangs on the seed and the record alone, so one row more or less leaves the others' as they are.
    """
    against: dict[tuple[DatasetName, str], list[Negative]] = defaultdict(list)
    for negative in negatives:
        against[negative.dataset, negative.record_id].append(negative)
    pairs: list[Pair] = []
    for example in examples:
        key = (example.dataset, example.record_id)
        own = against.get(key, [])
        mined = [one for one in own if one.source == "mined"]
        chance = random.Random(f"{seed} {example.dataset} {example.record_id}")  # noqa: S311 - no secret
        chosen = chance.sample(mined, min(drawn, len(mined)))
        pairs.append(
            Pair(
                dataset=key[0],
                record_id=key[1],
                query=example.query,
                text=example.text,
                label=1,
                source="accepted",
            )
        )
        pairs += [
            _against(example, negative)
            for negative in own
            if negative.source != "mined" or negative in chosen
        ]
    return pairs


def _against(example: Example, negative: Negative) -> Pair:
    is_text = negative.kind == "text"
    return Pair(
        dataset=example.dataset,
        record_id=example.record_id,
        query=example.query if is_text else negative.text,
        text=negative.text if is_text else example.text,
        label=0,
        source=negative.source,
        decided_by=negative.decided_by,
    )
