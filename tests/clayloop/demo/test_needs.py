"""The needs that the demo ships."""

from __future__ import annotations

from clayloop.demo.needs import answered_by, halves, load_needs


def test_thirty_needs_are_shipped_each_in_two_wordings_with_its_pages() -> None:
    needs = load_needs()
    assert len({need.id for need in needs}) == len(needs) == 30
    assert len({wording.casefold() for need in needs for wording in (need.a, need.b)}) == 60
    assert all(need.paths and all(path.endswith(".md") for path in need.paths) for need in needs)
    asked, others = halves(needs)
    assert len(asked) == len(others) == 15
    assert {need.id for need in asked} | {need.id for need in others} == {need.id for need in needs}


def test_a_need_that_the_documentation_does_not_answer_is_left_out() -> None:
    needs = load_needs()
    second_page = needs[3].paths[1]
    assert needs[3] in answered_by(needs, {second_page})
    assert all(second_page in need.paths for need in answered_by(needs, {second_page}))
    assert answered_by(needs, {"guide/kilns.md"}) == []
