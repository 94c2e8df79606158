"""When a retrain is called for (tests/training/test_situation.py and test_decide.py have the cases)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from clayloop.settings import Settings
from clayloop.watch.need import Findings, look
from clayloop.watch.settings import WatchSettings
from curation import Corpus, Decision, Home, StateError
from serving import ReleaseStore
from tests.training import material
from training import FINE_TUNED, INDEX_ONLY

CHUNKS = material.make_chunks()
DECISIONS = material.accepted_triplets(CHUNKS)


@pytest.fixture
def world(served_home: Home) -> Home:
    """A home with documents and a release."""
    Corpus(documents=[], chunks=CHUNKS).save(served_home)
    return served_home


def _settings(home: Home, **watch: float) -> Settings:
    return Settings(
        home=home.root,
        training=material.settings(),
        serving=material.serving(),
        watch=WatchSettings.model_validate(watch),
    )


def _look(home: Home, decisions: Sequence[Decision], **watch: float) -> Findings:
    return look(_settings(home, **watch), decisions)


def test_enough_accepted_decisions_call_for_one(world: Home) -> None:
    rejected = [material.triplet(chunk, "No?", "rejected") for chunk in CHUNKS]
    assert not _look(world, []).why
    assert _look(world, [*DECISIONS[:19], *rejected]).rung == INDEX_ONLY, "the index does not wait"
    found = _look(world, DECISIONS[:20])
    assert found.rung == FINE_TUNED
    assert "20 accepted decisions wait to be trained on" in found.why
    assert _look(world, DECISIONS[:3], min_accepted=3).why


def test_while_the_served_release_is_pinned_nothing_is_due(world: Home) -> None:
    store = ReleaseStore(world)
    served = store.current().id
    store.marks.pin(served, on=True)
    pinned = _look(world, DECISIONS[:20])
    store.marks.pin(served, on=False)
    free = _look(world, DECISIONS[:20])
    assert free.why and not pinned.why and free.digest != pinned.digest


def test_the_digest_tells_whether_anything_is_new(world: Home) -> None:
    assert _look(world, DECISIONS[:20]).digest == _look(world, DECISIONS[:20]).digest
    assert _look(world, DECISIONS[:20]).digest != _look(world, DECISIONS[:21]).digest


def test_annotators_left_out_for_good_do_not_count(world: Home) -> None:
    by_ada = [material.triplet(chunk, "Ada?", annotator="ada") for chunk in CHUNKS[:30]]
    settings = _settings(world)
    settings.training.without_annotators.append("ada")
    assert not look(settings, by_ada).why


def test_without_a_release_there_is_nothing_to_look_at(home: Home) -> None:
    with pytest.raises(StateError, match="bootstrap"):
        _look(home, DECISIONS)
