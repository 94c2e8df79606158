"""Decisions and progress as Argilla tells them."""

from __future__ import annotations

import argilla as rg
import pytest

from curation.argilla import api as api_module
from curation.argilla.decisions import read_decisions
from curation.argilla.progress import read_progress
from curation.argilla.simulated import annotate_as_simulated, annotate_by_pages
from curation.documents.naming import place_named_sources
from curation.home import Home
from curation.records.decision import BEST_SOURCE, OTHER_SOURCE
from tests.curation.argilla.sample import (
    Workspace,
    answer,
    make_turn,
    small_corpus,
    small_triplets,
    titled,
)

pytestmark = pytest.mark.argilla


def test_three_people_disagree(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = small_corpus()
    workspace.push(corpus, small_triplets(corpus))
    ids = {row["fields"]["positive"]: row["id"] for row in workspace.rows("triplets")}
    install, timeout, docker = list(ids.values())[:3]
    ann, bob, cem = (workspace.hire(name) for name in ("ann", "bob", "cem"))
    for person, positive in ((ann, "yes"), (bob, "yes"), (cem, "no")):
        answer(person, install, is_positive_relevant=positive, is_negative_irrelevant="yes")
    answer(ann, timeout, is_positive_relevant="yes", is_negative_irrelevant="no")
    answer(bob, timeout, is_positive_relevant="no", is_negative_irrelevant="no")
    answer(cem, timeout, status="draft", is_positive_relevant="no")
    answer(cem, docker, status="discarded")

    found = {decision.fields["positive"]: decision for decision in workspace.decisions()}
    by_id = {ids[positive]: decision for positive, decision in found.items()}
    assert set(by_id) == {install, timeout}
    assert by_id[install].verdict == "accepted"
    assert by_id[install].agreement == pytest.approx(5 / 6)
    assert by_id[install].annotators == (ann.name, bob.name, cem.name)
    assert by_id[timeout].verdict == "undecided"
    assert by_id[timeout].values == {"is_negative_irrelevant": "no"}
    assert "tie (1 no, 1 yes)" in by_id[timeout].reason
    chunk = next(item for item in small_triplets(corpus) if item.id == by_id[install].record_id)
    assert by_id[install].metadata["chunk_id"] == chunk.chunk_id

    # Pages smaller than the answer, and somebody who leaves with all that they said.
    monkeypatch.setattr(api_module, "PAGE", 1)
    assert [d.record_id for d in workspace.decisions()] == sorted(d.record_id for d in found.values())
    workspace.api.request("DELETE", f"/api/v1/users/{bob.id}", "letting go")
    later = {ids[d.fields["positive"]]: d for d in workspace.decisions()}
    assert later[install].verdict == "undecided"
    assert later[timeout].verdict == "accepted"
    assert later[timeout].reason.endswith("the negative may not be used")

    progress = {part.dataset: part for part in read_progress(workspace.client, workspace.settings)}
    assert (progress["triplets"].total, progress["triplets"].completed) == (4, 2)
    assert {
        person.username: (person.submitted, person.draft, person.discarded)
        for person in progress["triplets"].annotators
    } == {
        ann.name: (2, 0, 0),
        cem.name: (1, 1, 1),
    }
    assert progress["chunks"].share == 0


def test_an_admin_may_read_and_an_annotator_may_not(workspace: Workspace) -> None:
    from curation.errors import ArgillaError

    workspace.push(small_corpus())
    person = workspace.hire("plain")
    answer(person, workspace.rows("chunks")[0]["id"], good_chunk="yes")
    plain = rg.Argilla(api_url=workspace.api.url, api_key=str(person.api.http.headers["X-Argilla-Api-Key"]))
    with pytest.raises(ArgillaError, match="does not allow"):
        read_decisions(plain, workspace.settings)
    workspace.api.request("PATCH", f"/api/v1/users/{person.id}", "promoting", {"role": "admin"})
    (before,) = read_decisions(plain, workspace.settings)
    assert before.annotators == (person.name,)
    assert before.votes[0].annotator_id == str(person.id)
    new = {"username": f"{person.name}-er"}
    workspace.api.request("PATCH", f"/api/v1/users/{person.id}", "renaming", new)
    (after,) = workspace.decisions()
    assert after.annotators == (new["username"],)
    assert after.fingerprint == before.fingerprint


def test_the_simulated_annotator_names_a_right_page_wherever_it_is(workspace: Workspace) -> None:
    corpus = small_corpus()
    ids = [chunk.id for chunk in corpus.chunks]
    page = corpus.chunks[0].path
    away = tuple(chunk.id for chunk in corpus.chunks if chunk.path != page)
    turns = [
        make_turn("First?", "So.", "a", cited=(ids[0],), offered=tuple(ids)),
        make_turn("Third?", "So.", "b", cited=away[:1], offered=(*away[:2], ids[0])),
        make_turn("Nowhere?", "So.", "c", cited=away[:1], offered=away),
        make_turn("Refused?", "I don't know.", "d", refused=True, offered=(away[0], ids[0])),
        make_turn("Unknown to it?", "So.", "e", cited=away[:1], offered=away),
    ]
    workspace.log(turns, vectors=False)
    pages = {f" {turn.question.upper()}": [page] for turn in turns[:4]}
    report = annotate_by_pages(workspace.client, workspace.settings, corpus, pages)
    assert (report.submitted, report.datasets[0].accepted) == (4, 1)
    annotate_as_simulated(
        workspace.client, workspace.settings, corpus, workspace.embedder, {"conversations": 9}
    )
    found = {str(one.metadata["question"]): one for one in workspace.decisions()}
    said = {
        question: {
            vote.question: vote.value for vote in one.votes if vote.question in (BEST_SOURCE, OTHER_SOURCE)
        }
        for question, one in found.items()
    }
    assert said == {
        "First?": {},
        "Third?": {BEST_SOURCE: "3"},
        "Nowhere?": {BEST_SOURCE: "none", OTHER_SOURCE: page},
        "Refused?": {BEST_SOURCE: "2"},
        "Unknown to it?": {},
    }
    assert found["First?"].verdict == "accepted"
    placed = place_named_sources(list(found.values()), corpus.chunks)
    assert [one.named_source for one in placed if one.question == "Nowhere?"] == [ids[0]]


def test_the_simulated_annotator(workspace: Workspace, home: Home) -> None:
    corpus = small_corpus()
    workspace.push(corpus, small_triplets(corpus))
    first = annotate_as_simulated(
        workspace.client, workspace.settings, corpus, workspace.embedder, {"triplets": 10, "chunks": 3}
    )
    assert {part.dataset: part.submitted for part in first.datasets} == {"chunks": 3, "triplets": 4}
    second = annotate_as_simulated(
        workspace.client, workspace.settings, corpus, workspace.embedder, {"triplets": 10, "chunks": 100}
    )
    assert {part.dataset: part.submitted for part in second.datasets} == {"chunks": 5, "triplets": 0}

    decisions = workspace.decisions()
    assert len(decisions) == 12
    assert {name for decision in decisions for name in decision.annotators} == {"simulated-annotator"}
    verdicts = {decision.record_id: decision.verdict for decision in decisions}
    assert verdicts[titled(corpus, "Contents").id] == "rejected"
    assert verdicts[titled(corpus, "Timeouts").id] == "accepted"
    triplets = {item.positive: verdicts[item.id] for item in small_triplets(corpus)}
    assert triplets["How do I install the package with pip?"] == "accepted"
    assert triplets["What is the capital of France?"] == "rejected"
    assert not list(home.root.rglob("*"))  # nothing is stored
    users = {
        user["username"]: user["role"]
        for user in workspace.api.request("GET", "/api/v1/users", "listing")["items"]
    }
    assert users["simulated-annotator"] == "annotator"
