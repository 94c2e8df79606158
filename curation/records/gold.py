"""Gold records: copies of decided records, asked again to measure annotators by, and never learned from.

A copy's id tells the record that it is a copy of, and that it is one: nothing else does, so annotators do not
see it. What the answer should be is whatever was decided about that record.
"""

from __future__ import annotations

import re

from curation.records.identity import content_id

_OWN, _OF_GOLD = 24, 8  # hex digits


def gold_id(record_id: str) -> str:
    """The id of the copy of a record with an id of ours."""
    own = record_id[:_OWN]
    return own + content_id("gold", own)[:_OF_GOLD]


def is_gold(record_id: str) -> bool:
    """Whether it is a copy's; by chance for one id in four thousand million."""
    return re.fullmatch("[0-9a-f]{32}", record_id) is not None and gold_id(record_id) == record_id
