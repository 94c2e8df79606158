"""What of an address may be shown."""

from __future__ import annotations

from hypothesis import given, strategies as st

from curation.addresses import without_login


@given(st.text(), st.text(), st.sampled_from(["host", "[::1]:6900/x?y#z", "127.0.0.1:1"]))
def test_neither_user_nor_password_is(user: str, password: str, place: str) -> None:
    for scheme in ("http://", "HTTPS://", ""):
        shown = without_login(f"{scheme}{user}:{password}@{place}")
        assert shown in (f"{scheme}{place}", place)
        assert without_login(f"{scheme}{place}") == f"{scheme}{place}"
