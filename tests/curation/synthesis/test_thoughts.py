"""A model's thoughts are never a query."""

from __future__ import annotations

from types import SimpleNamespace

from curation.synthesis.tasks import FewShotSentencePair, MultipleQueries

THOUGHTS = "<think>The user wants queries.\n- like this one?</think>\n"


def test_thoughts_are_no_queries() -> None:
    task = SimpleNamespace(num_queries=3)
    said = MultipleQueries.format_output(task, f"{THOUGHTS}- How do I set a timeout?")
    assert said["queries"] == ["How do I set a timeout?"]
    pair = FewShotSentencePair.format_output(task, f"{THOUGHTS}How do I set a timeout?")
    assert pair["positive"] == "How do I set a timeout?"
    assert FewShotSentencePair.format_output(task, "<think>The user wants")["positive"] is None
    assert MultipleQueries.format_output(task, None)["queries"] is None
