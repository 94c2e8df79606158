"""Rows of a ledger drawn by hypothesis."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import get_args

from hypothesis import strategies as st

from curation import Vote
from training.ledger.rows import Fate, LedgerRow, NegativeKind, Teaches

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(timezone.utc))
_VOTES = st.builds(
    Vote,
    question=_TEXT,
    value=_TEXT,
    annotator=_TEXT,
    annotator_id=_TEXT,
    response_id=_TEXT,
    at=st.none() | _MOMENTS,
    role=st.sampled_from(["", "owner", "admin", "annotator"]),
)
_SHARE = st.floats(0, 1)

ROWS = st.builds(
    LedgerRow,
    dataset=st.sampled_from(["chunks", "triplets", "conversations"]),
    record_id=st.sampled_from([f"record-{number}" for number in range(6)]),
    fingerprint=_TEXT,
    verdict=st.sampled_from(["accepted", "rejected", "undecided"]),
    decided=_TEXT,
    agreement=_SHARE,
    origin=_TEXT,
    votes=st.lists(_VOTES, max_size=3).map(tuple),
    teaches=st.sampled_from(get_args(Teaches)),
    query=_TEXT,
    text=_TEXT,
    chunk_id=_TEXT,
    place=_TEXT,
    version=_TEXT,
    negative=_TEXT,
    certain=st.booleans(),
    fate=st.sampled_from(get_args(Fate)),
    reason=_TEXT,
    other_dataset=st.sampled_from(["", "triplets", "conversations"]),
    other=_TEXT,
    similarity=_SHARE,
    negative_kind=st.sampled_from(get_args(NegativeKind)),
)
