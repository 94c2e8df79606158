"""Who is asked about what: near duplicates, small talk, records asked twice, gold records, experts."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from curation.agreement.report import agreement_of
from curation.argilla.annotators import list_annotators
from curation.argilla.asked import read_questions
from curation.argilla.changes import DecisionReader
from curation.argilla.datasets import find_all
from curation.argilla.decisions import read_answers
from curation.argilla.queue import Candidate, area_of, queue_of, read_queue
from curation.argilla.schemas import label_questions
from curation.argilla.turns import conversation_table
from curation.documents.corpus import Corpus
from curation.records.gold import gold_id, is_gold
from curation.records.identity import content_id
from tests.curation.argilla.sample import (
    Person,
    Workspace,
    answer,
    make_chunk,
    make_triplet,
    make_turn,
    small_corpus,
    small_triplets,
    titled,
)

LONG = "Set the request timeout in seconds with the key request_timeout in the settings file, then restart. "


def said(records: dict[str, dict[str, Any]], key: str) -> tuple[object, object]:
    metadata = records[key]["metadata"]
    assert isinstance(metadata, dict)
    return metadata["queue"], metadata.get("decided_by")


@pytest.mark.argilla
def test_what_a_near_duplicate_decides_is_not_asked(workspace: Workspace) -> None:
    first = make_chunk("a.md", "Timeouts", LONG * 3)
    again = make_chunk("b.md", "Timeouts", LONG * 3 + "Done.", 1)
    other = make_chunk("c.md", "Logging", "Logging goes to standard error, or into a file.", 2)
    corpus = Corpus([], [first, again, other])
    pairs = [
        make_triplet(first, "How is the timeout of a request set?"),
        make_triplet(first, "how is the timeout of a request set"),
    ]
    workspace.push(corpus, pairs)
    chunks = workspace.records("chunks")
    asked, waits = sorted((first.id, again.id))
    assert said(chunks, asked) == ("asked", None)
    assert said(chunks, waits) == ("waits", asked)
    assert said(chunks, other.id) == ("asked", None)
    assert {queue for queue, _ in (said(workspace.records("triplets"), one.id) for one in pairs)} == {
        "asked",
        "waits",
    }
    ada = workspace.hire("ada")
    answer(ada, str(chunks[asked]["id"]), good_chunk="yes")
    workspace.push(corpus, pairs)
    chunks = workspace.records("chunks")
    assert said(chunks, waits) == ("decided", asked)
    assert chunks[waits]["metadata"]["priority"] == 0
    queue = read_queue(workspace.client, workspace.settings)
    told = next(one for one in queue.not_asked if one.record_id == waits)
    assert (told.why, told.decided_by) == ("a near duplicate is decided", asked)
    assert queue.waiting[workspace.settings.chunks] == 1, "the other one"
    assert workspace.push(corpus, pairs).changed == 0, "twice equals once"
    answer(ada, str(chunks[asked]["id"]), good_chunk="no")
    workspace.push(corpus, pairs)
    chunks = workspace.records("chunks")
    assert said(chunks, waits) == ("asked", None), "a rejection takes out one chunk, not its like"
    assert chunks[waits]["metadata"]["priority"] > 0


@pytest.mark.argilla
def test_small_talk_and_answered_questions_are_not_asked(workspace: Workspace) -> None:
    corpus = small_corpus()
    chunk = titled(corpus, "Timeouts")
    turns = [
        make_turn("Hi there!", "Hello.", "a"),
        make_turn("How do I set the request timeout?", "With request_timeout.", "b", cited=(chunk.id,)),
        make_turn("how do I set the request timeout", "With request_timeout.", "c", cited=(chunk.id,)),
        make_turn("How do I set the request timeout?", "I do not know.", "d", refused=True),
    ]
    workspace.log(turns, lambda: corpus)
    hello, first, again, refused = (turn.id for turn in turns)
    found = workspace.records("conversations")
    assert said(found, hello) == ("small-talk", None)
    answer(
        workspace.hire("eve"),
        str(found[first]["id"]),
        is_response_correct="yes",
        out_of_guardrails="no",
    )
    workspace.push(corpus)
    found = workspace.records("conversations")
    assert [said(found, key) for key in (hello, first, again, refused)] == [
        ("small-talk", None),
        ("asked", None),
        ("decided", first),
        ("asked", None),
    ], "another answer to the same question is judged by itself"


@pytest.mark.argilla
def test_who_wrote_the_answer_is_not_asked_about_it(workspace: Workspace) -> None:
    corpus, question = small_corpus(), "How do I set the request timeout?"
    correction = "Set `request_timeout` in seconds (see https://docs.example.org/a_b)."
    served = f"**Answered by an annotator on 1 December 2026** to “{question}”\n\n{correction}"
    turns = [
        make_turn(question, "I do not know.", "a", refused=True),
        make_turn("how do i set the request timeout", served, "b"),
        make_turn("How do I set a connection's timeout?", served, "c"),
        make_turn(question, "With a hammer.", "d"),
    ]
    workspace.log(turns, lambda: corpus)
    wrong, again, elsewhere, other = (turn.id for turn in turns)
    answer(
        workspace.hire("eve"),
        str(workspace.records("conversations")[wrong]["id"]),
        is_response_correct="no",
        out_of_guardrails="no",
        correction=correction,
    )
    workspace.push(corpus)
    found = workspace.records("conversations")
    assert [said(found, key) for key in (again, elsewhere, other)] == [
        ("decided", wrong),
        ("asked", None),
        ("asked", None),
    ]


@pytest.mark.argilla
def test_records_asked_twice_are_decided_once(workspace: Workspace) -> None:
    half = workspace.with_(overlap=0.5)
    corpus = small_corpus()
    triplets = small_triplets(corpus)
    half.push(corpus, triplets)
    found = half.records("chunks")
    assert len(found) == len(corpus.chunks)
    twice = [key for key, one in found.items() if one["dataset"] == f"{workspace.settings.chunks}-twice"]
    assert 0 < len(twice) < len(found)
    ada, bob = (workspace.hire(name) for name in ("ada", "bob"))
    answer(ada, str(found[twice[0]]["id"]), good_chunk="yes")
    assert half.records("chunks")[twice[0]]["status"] == "pending", "another one is asked"
    answer(bob, str(found[twice[0]]["id"]), good_chunk="no")
    once = next(key for key in found if key not in twice)
    answer(ada, str(found[once]["id"]), good_chunk="yes")
    decisions = {one.record_id: one for one in half.decisions()}
    assert {key: len(one.votes) for key, one in decisions.items()} == {twice[0]: 2, once: 1}
    assert decisions[twice[0]].verdict == "undecided"
    assert DecisionReader(half.settings).read(workspace.client) == list(decisions.values())
    # without a share all but what was answered goes back, and nothing is there twice
    workspace.push(corpus, triplets)
    found = workspace.records("chunks")
    assert [key for key, one in found.items() if one["dataset"] != workspace.settings.chunks] == [twice[0]]
    assert len(found) == len(corpus.chunks)
    # a record that lies in both, whatever put it there, is still decided once, by each person's last word
    common = find_all(workspace.api, workspace.settings)["chunks"][0]
    copied = {name: found[twice[0]][name] for name in ("external_id", "fields", "metadata")}
    workspace.api.upsert(common.id, [copied])
    copy = next(
        one for page in workspace.api.records(common.id) for one in page if one["external_id"] == twice[0]
    )
    answer(bob, str(copy["id"]), good_chunk="yes")
    same = [one for one in workspace.decisions() if one.record_id == twice[0]]
    assert [(one.verdict, len(one.votes)) for one in same] == [("accepted", 2)]


@pytest.mark.argilla
def test_gold_records_measure_annotators_and_teach_nothing(workspace: Workspace) -> None:
    golden = workspace.with_(gold=2)
    corpus = small_corpus()
    turn = make_turn("How do I set it?", "With request_timeout.", cited=(titled(corpus, "Timeouts").id,))
    golden.log([turn], lambda: corpus)
    golden.push(corpus)
    chunks = workspace.records("chunks")
    boss = workspace.api.request("GET", "/api/v1/me", "asking")
    owner = Person(str(boss["username"]), str(boss["id"]), workspace.api)
    good, bad, third = sorted(chunks)[:3]
    answer(owner, str(chunks[good]["id"]), good_chunk="yes")
    answer(owner, str(chunks[bad]["id"]), good_chunk="no")
    answer(owner, str(chunks[third]["id"]), good_chunk="yes")
    asked = workspace.records("conversations")[turn.id]
    answer(owner, str(asked["id"]), is_response_correct="yes", out_of_guardrails="no")
    golden.push(corpus)
    chunks = workspace.records("chunks")
    mixed = {key for key in chunks if is_gold(key)}
    assert gold_id(bad) in mixed and len(mixed) == 2, "one of each answer"
    copy, original = chunks[gold_id(bad)], chunks[bad]
    assert copy["fields"] == original["fields"] and copy["status"] == "pending"
    assert dict(copy["metadata"]).keys() == dict(original["metadata"]).keys(), "nothing tells them apart"
    assert golden.push(corpus).changed == 0
    ada = workspace.hire("ada")
    before = golden.decisions()
    for key in mixed:
        answer(ada, str(chunks[key]["id"]), good_chunk="yes")
    talk = workspace.records("conversations")[gold_id(turn.id)]
    answer(ada, str(talk["id"]), is_response_correct="no", out_of_guardrails="no")
    assert golden.decisions() == before, "nobody has decided anything"
    assert DecisionReader(golden.settings).read(workspace.client) == before
    assert conversation_table(workspace.client, golden.settings).num_rows == 1
    assert read_questions(workspace.client, golden.settings).questions == ("How do I set it?",)
    decisions, gold = read_answers(workspace.client, golden.settings)
    rows = {one.annotator: one for one in agreement_of(decisions, label_questions(), gold).annotators}
    assert (rows[ada.name].gold, rows[ada.name].gold_right) == (4, 2)
    assert rows[owner.name].gold == 0


@pytest.mark.argilla
def test_each_expert_has_an_address(workspace: Workspace) -> None:
    ada = workspace.hire("ada")
    workspace = workspace.with_(experts={ada.name: ["guide/deploy", "reference/"]})
    corpus = small_corpus()
    workspace.push(corpus)
    areas = {str(one["metadata"]["area"]) for one in workspace.records("chunks").values()}
    assert areas == {"guide-deploy", "reference", "other"}
    found = {one.name: one for one in list_annotators(workspace.client, workspace.settings)}
    address = found[ada.name].queues[workspace.settings.chunks]
    assert "metadata=queue.asked~area.guide-deploy.reference&sort=metadata.priority.desc" in address
    assert httpx.get(address.partition("?")[0]).status_code == 200


TEXTS = st.sampled_from([LONG, LONG + "Done.", "Something else is said here, and not that.", "Hello"])
CANDIDATES = st.lists(
    st.builds(
        lambda number, text, verdict, begun: Candidate(
            content_id(str(number)), "", text, verdict, begun or bool(verdict)
        ),
        st.integers(0, 30),
        TEXTS,
        st.sampled_from(["", "", "accepted", "rejected"]),
        st.booleans(),
    ),
    unique_by=lambda one: one.id,
)


@given(candidates=CANDIDATES, seed=st.randoms())
def test_nothing_is_left_that_nobody_is_asked_about(candidates: list[Candidate], seed: random.Random) -> None:
    found = queue_of(candidates, ("accepted",))
    shuffled = list(candidates)
    seed.shuffle(shuffled)
    assert queue_of(shuffled, ("accepted",)) == found, "the order never matters"
    by_id = {one.id: one for one in candidates}
    for key, metadata in found.items():
        by = metadata.get("decided_by")
        if metadata["queue"] == "decided":
            assert by_id[str(by)].verdict == "accepted"
        elif metadata["queue"] == "waits":
            assert found[str(by)]["queue"] == "asked" and not by_id[str(by)].verdict
        if by_id[key].is_answered:
            assert metadata["queue"] == "asked"


def test_the_longest_beginning_counts() -> None:
    experts = {"ada": ["guide/"], "bob": ["guide/deploy", "api"]}
    assert [area_of(path, experts) for path in ("guide/deploy.md", "guide/x.md", "api.md", "z.md")] == [
        "guide-deploy",
        "guide",
        "api",
        "other",
    ]
