"""What a retrain learns about annotators' answers stays with the release."""

from __future__ import annotations

import json
from pathlib import Path

from curation import SUGGESTIONS_FOLDER, Decision, Home, load_scorers
from serving import ReleaseStore
from tests.training import rounds
from tests.training.material import triplet
from tests.training.runs.loop import CHUNKS, DECISIONS, retrain

QUESTION = "is_positive_relevant"


def seen(decision: Decision) -> Decision:
    """With what clayloop had looked at when the record was pushed."""
    told = float(decision.verdict == "accepted")
    signals = json.dumps({QUESTION: {"features": {"told": told}}})
    return decision.model_copy(update={"metadata": {**decision.metadata, "signals": signals}})


def test_a_release_keeps_what_was_learned_for_suggestions(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path
) -> None:
    home = rounds.copied(bootstrapped, tmp_path / "home")
    rejected = [triplet(chunk, f"Nonsense {number}", "rejected") for number, chunk in enumerate(CHUNKS[:12])]
    decisions = [seen(one) for one in [*DECISIONS, *rejected]]
    summary = retrain(home, tiny_model, decisions=decisions)
    assert summary.release_after is not None, summary.verdict
    store = ReleaseStore(home)
    release = store.verify(summary.release_after)
    assert f"{SUGGESTIONS_FOLDER}/scorers.json" in release.files
    scorer = load_scorers(store.folder(release.id) / SUGGESTIONS_FOLDER)[QUESTION]
    assert scorer.discriminates
    assert len(scorer.learned_from) == len(decisions)
