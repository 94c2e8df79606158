"""However often it is rung, one look answers; and no ring is forgotten."""

from __future__ import annotations

import itertools

from hypothesis import given, strategies as st

from clayloop.watch.bell import Bell

QUIET = 2.0
RINGS = st.lists(st.floats(0, 100, allow_nan=False), max_size=200).map(sorted)
STEP = 0.25


def answers(rings: list[float]) -> list[float]:
    """When somebody who looks four times a second answers."""
    bell, waiting, times = Bell(QUIET), list(rings), []
    for tick in range(int((100 + 30 * QUIET) / STEP)):
        now = tick * STEP
        while waiting and waiting[0] <= now:
            bell.ring(waiting.pop(0))
        if bell.is_due(now):
            bell.answer(now)
            times.append(now)
    assert not bell.rings
    return times


@given(RINGS)
def test_every_ring_is_answered_after_it_and_crowds_once(rings: list[float]) -> None:
    times = answers(rings)
    if rings:
        assert times[-1] >= rings[-1]
        assert times[0] <= rings[0] + 10 * QUIET + STEP, "a crowd that never ends is answered too"
    assert all(later - earlier >= QUIET for earlier, later in itertools.pairwise(times))
    assert len(times) <= len(rings)


def test_a_thousand_at_once_are_one() -> None:
    assert len(answers([5.0] * 1000)) == 1


def test_nothing_rings_nothing() -> None:
    assert answers([]) == []
