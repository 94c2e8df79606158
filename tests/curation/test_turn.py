"""A turn can be written to any file, whatever came in."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, strategies as st

from curation import Message, Turn


@given(st.text(st.characters(codec=None)))
def test_half_a_surrogate_pair_is_replaced(text: str) -> None:
    now = datetime.now(timezone.utc)
    history = (Message(role="user", content=text),)
    turn = Turn(
        conversation_id="c",
        turn=1,
        question=text,
        history=history,
        answer=text,
        release_id="r",
        created_at=now,
    )
    assert turn.question == turn.answer == turn.history[0].content
    assert len(turn.question.encode("utf-8")) >= len(text)
    assert Turn.model_validate_json(turn.model_dump_json()) == turn


@pytest.mark.parametrize("wrong", [None, 3])
def test_what_is_no_text_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="string"):
        Message.model_validate({"role": "user", "content": wrong})
