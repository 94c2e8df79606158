"""Personal data is masked, and what documentation speaks of is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from curation.errors import SettingsError
from curation.masking import make_mask, masked
from tests.curation.argilla.sample import history, make_turn

pytest.importorskip("phonenumbers")
MASK = make_mask(["DE"])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Write to jo.doe+x@mail.example.co.uk.", "e-mail"),
        ("Call +49 30 901820, please", "phone"),
        ("Call 030 901820", "phone"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN"),
        ("Card 4111 1111 1111 1111 is refused", "card"),
        ("From 8.8.4.4 it hangs", "IP address"),
        ("From 2001:4860:4860::8888 it hangs", "IP address"),
    ],
)
def test_it_is_masked_once_and_says_so(text: str, what: str) -> None:
    found = MASK(text)
    assert f"[masked: {what}]" in found and found.count("[masked") == 1
    assert not any(sign.isdigit() for sign in found) and "@" not in found
    assert MASK(found) == found


@pytest.mark.parametrize(
    "text",
    [
        "Why does http://127.0.0.1:6900 not answer on 0.0.0.0 or ::1?",
        "Is version 2.13.0.1 older than 3.4.5.6.7, and torch==2.1.0.4?",
        "timeout=3600000 and port 8080; id 1234567890123456",
        "The decorator @app.route of user@host and a::b::c::d",
        "2026-11-30 01:15:00",
    ],
)
def test_what_documentation_speaks_of_stays(text: str) -> None:
    assert MASK(text) == text


@given(st.text(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_masked(text: str) -> None:
    assert MASK(MASK(text)) == MASK(text)


def test_all_of_a_turn_is_masked() -> None:
    own = "I am jo@example.org"
    turn = make_turn(own, own, history=history(own)).model_copy(
        update={"comment": own, "meant": "jo@ example.org and how?"}
    )
    assert "jo@" not in masked(turn, MASK).model_dump_json()
    assert masked(turn, MASK).id == turn.id
    plain = make_turn("And how?", "So.").model_copy(update={"meant": "run tasks And how?"})
    assert masked(plain, MASK) == plain


def test_unknown_countries_are_named() -> None:
    with pytest.raises(SettingsError, match="no country Germany"):
        make_mask(["Germany"])
