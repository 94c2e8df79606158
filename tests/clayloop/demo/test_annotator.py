"""How the demo's annotator judges conversations: by the right page."""

from __future__ import annotations

from typing import Any

import pytest

from clayloop.demo.annotator import judge
from clayloop.demo.needs import Need

PAGES = {"c1": "kilns.md", "c2": "faq.md", "c3": "glazes.md"}
NEED = Need(_id="p1", a="why did it crack?", b="broken pot", paths=("faq.md", "glazes.md"))


def record(refused: str = "no", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"question": NEED.a, "refused": refused, **metadata}}


@pytest.mark.parametrize(
    ("metadata", "can_write", "correct", "named"),
    [
        ({"cited": "c2 c1"}, False, "yes", {}),
        ({"cited": "c1 c3 c2"}, False, "no", {"best_source": "2"}),
        ({"cited": "c1 gone"}, False, "no", {"best_source": "none"}),
        ({"cited": "c1"}, True, "no", {"other_source": "faq.md"}),
        ({"refused": "yes"}, False, "no", {"best_source": "none"}),
        ({"refused": "yes"}, True, "no", {"other_source": "faq.md"}),
        ({"offered": "c1 c1 c1 c1 c1 c2", "cited": "c1"}, True, "no", {"best_source": "6"}),
        ({"refused": "yes", "offered": "c2 c1"}, True, "no", {"best_source": "1"}),
    ],
)
def test_the_first_right_page_is_named(
    metadata: dict[str, str], can_write: bool, correct: str, named: dict[str, str]
) -> None:
    answers = judge(record(**metadata), NEED, PAGES, can_write)
    assert answers == {"is_response_correct": correct, "out_of_guardrails": "no", **named}
