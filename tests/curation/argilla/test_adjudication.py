"""What annotators leave open comes back with a reviewer's word; who annotates; what is suggested anew."""

from __future__ import annotations

import pytest

from curation.argilla.adjudication import QUESTION, find_adjudication, push_adjudication
from curation.argilla.annotators import add_annotator, list_annotators, remove_annotator
from curation.argilla.changes import DecisionReader
from curation.argilla.push import PushOptions
from curation.argilla.refresh import renew_queue
from curation.argilla.suggestions import SUGGESTED_BY
from curation.errors import ArgillaError
from curation.settings import ArgillaSettings
from curation.suggestions.choice import in_control_group
from curation.suggestions.features import answer_features
from curation.suggestions.scorer import COLD_SCORERS, Scorer
from tests.argilla_lite.server import NO_SUGGESTIONS, only_argilla_lite
from tests.curation.argilla.sample import (
    Workspace,
    answer,
    make_turn,
    small_corpus,
    small_triplets,
)

pytestmark = pytest.mark.argilla


@pytest.fixture
def settings(settings: ArgillaSettings) -> ArgillaSettings:
    own = {"acceptance": "adjudicated", "adjudication": f"{settings.chunks}-open", "min_submitted": 2}
    return settings.model_copy(update=own)


def test_the_reviewers_word_returns_with_the_next_reading(workspace: Workspace) -> None:
    workspace.push(small_corpus())
    first, second, third, *_ = workspace.rows("chunks")
    ann, bob = workspace.hire("ann"), workspace.hire("bob")
    for record, said in ((first, ("yes", "no")), (second, ("no", "no"))):
        for person, value in zip((ann, bob), said, strict=True):
            answer(person, record["id"], good_chunk=value)
    answer(ann, third["id"], good_chunk="yes")
    decisions = {one.record_id: one for one in workspace.decisions()}
    assert decisions[first["external_id"]].verdict == "undecided"
    assert (
        "not unanimous" in decisions[first["external_id"]].reason
        or "tie" in decisions[first["external_id"]].reason
    )
    assert decisions[second["external_id"]].verdict == "rejected"
    assert push_adjudication(workspace.client, workspace.settings, decisions.values()) == 1
    assert push_adjudication(workspace.client, workspace.settings, decisions.values()) == 1
    (waiting,) = next(workspace.api.records(find_adjudication(workspace.api, workspace.settings) or ""))
    assert f"{ann.name}: yes" in waiting["fields"]["answers"]
    assert first["fields"]["chunk"] in waiting["fields"]["record"]
    said = {QUESTION: {"value": "yes"}}
    workspace.api.respond([{"record_id": waiting["id"], "status": "submitted", "values": said}])
    decided = {one.record_id: one for one in workspace.decisions()}
    assert decided[first["external_id"]].verdict == "accepted"
    assert "a reviewer decided good_chunk" in decided[first["external_id"]].reason
    assert DecisionReader(workspace.settings).read(workspace.client) == list(decided.values())
    assert push_adjudication(workspace.client, workspace.settings, decided.values()) == 0
    answer(bob, first["id"], good_chunk="yes")  # and then they agree after all
    again = {one.record_id: one for one in workspace.decisions()}
    assert "reviewer" not in again[first["external_id"]].reason


def test_people_are_added_and_their_answers_stay_when_they_go(workspace: Workspace) -> None:
    workspace.push(small_corpus())
    record = workspace.rows("chunks")[0]
    name = f"{workspace.settings.chunks}-eve"
    password = add_annotator(workspace.client, workspace.settings, name)
    assert password
    assert len(password) >= 16
    with pytest.raises(ArgillaError, match="name is wanted"):
        add_annotator(workspace.client, workspace.settings, " ")
    assert add_annotator(workspace.client, workspace.settings, name) is None
    dan = workspace.hire("dan")
    answer(dan, record["id"], good_chunk="yes")
    known = {one.name: one for one in list_annotators(workspace.client, workspace.settings)}
    assert (known[name].may_annotate, known[name].answers) == (True, 0)
    assert known[dan.name].submitted == 1
    remove_annotator(workspace.client, workspace.settings, dan.name)
    gone = {one.name: one for one in list_annotators(workspace.client, workspace.settings)}[dan.name]
    assert (gone.may_annotate, gone.submitted) == (False, 1)
    assert [one.annotators for one in workspace.decisions()] == [(dan.name,)]
    remove_annotator(workspace.client, workspace.settings, dan.name, with_answers=True)
    assert workspace.decisions() == []
    with pytest.raises(ArgillaError, match="has no user"):
        remove_annotator(workspace.client, workspace.settings, dan.name)


@only_argilla_lite(NO_SUGGESTIONS)
@pytest.mark.parametrize("by_push", [True, False])
def test_only_unanswered_records_are_suggested_anew(workspace: Workspace, by_push: bool) -> None:
    """By a push, and by what a retrain does: another push has nothing left to do."""
    corpus = small_corpus()
    workspace.push(corpus, small_triplets(corpus))
    before = {row["external_id"]: row for row in workspace.rows("chunks")}
    person = workspace.hire("kim")
    answered = next(row for row in before.values() if row["suggestions"])
    answer(person, answered["id"], good_chunk="no")
    silent = COLD_SCORERS["good_chunk"].model_copy(update={"auc": 0.5})
    options = PushOptions(scorers={"good_chunk": silent})
    if by_push:
        report = workspace.push(corpus, small_triplets(corpus), options)
        changed = report.datasets[0].updated
    else:
        changed = renew_queue(workspace.client, workspace.settings, options.scorers, workspace.embedder.name)
    assert changed == len(before) - 1
    after = {row["external_id"]: row for row in workspace.rows("chunks")}
    for key, row in after.items():
        if key == answered["external_id"]:
            assert row["suggestions"] == answered["suggestions"]
            assert row["metadata"] == answered["metadata"]
        else:
            assert row["suggestions"] == []
            assert "orders only" in row["metadata"][SUGGESTED_BY]
            assert row["metadata"]["priority"] == before[key]["metadata"]["priority"]
    again = workspace.push(corpus, small_triplets(corpus), options)
    assert again.changed == 0


@only_argilla_lite(NO_SUGGESTIONS)
def test_what_was_learned_about_answers_comes_with_the_next_push(workspace: Workspace) -> None:
    turns = [make_turn(f"How {n}?", "With pip.", f"{workspace.settings.chunks}-{n}") for n in range(3)]
    workspace.log(turns)
    assert all(row["suggestions"] == [] for row in workspace.rows("conversations"))
    features = answer_features("How?", "So.", [], 0.5)
    learned = Scorer(
        question="is_response_correct",
        agent="clayloop-learned:test",
        weights=dict.fromkeys(features, 0.0),
        bias=-2.0,
        auc=0.9,
    )
    options = PushOptions(scorers={learned.question: learned})
    report = workspace.push(small_corpus(), [], options)
    assert report.datasets[2].updated == 3
    for row in workspace.rows("conversations"):
        said = [(one["value"], one["score"]) for one in row["suggestions"]]
        assert said == ([] if in_control_group(row["external_id"]) else [("no", 0.881)])
    assert workspace.push(small_corpus(), [], options).changed == 0
