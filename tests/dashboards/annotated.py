"""A loop that has gone round with a real Argilla: two people and visitors, a retrain, and news since."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import argilla as rg

from curation import (
    Api,
    ArgillaSettings,
    Corpus,
    DatasetName,
    Home,
    Triplet,
    Turn,
    annotate_as_simulated,
    connect_to_argilla,
    find_dataset,
    log_turns,
    push_to_argilla,
    read_decisions,
)
from dashboards import LoopSettings
from dashboards.handover import Handover
from dashboards.settings import DashboardSettings
from serving import ReleaseStore, bootstrap
from tests.argilla_lite.server import ArgillaLite
from tests.curation.argilla.sample import Person, answer, hire
from tests.curation.making import FakeVectors
from tests.ports import free_port
from tests.training.material import accepted_triplets, make_chunks, serving, settings
from training import INDEX_ONLY, RetrainOptions, retrain_from_annotations

CHUNKS = make_chunks()
CORPUS = Corpus(documents=[], chunks=CHUNKS)


def triplets() -> list[Triplet]:
    """The queries of `accepted_triplets`, to be decided by people."""
    found = []
    for decision in accepted_triplets(CHUNKS):
        fields, chunk = decision.fields, str(decision.metadata["chunk_id"])
        negative = fields["negative"]
        found.append(
            Triplet(
                id=Triplet.make_id(chunk, fields["positive"], negative),
                chunk_id=chunk,
                anchor=fields["anchor"],
                positive=fields["positive"],
                negative=negative,
                origin="heading" if decision.metadata["origin"] == "heading" else "sentence-pair",
            )
        )
    return found


def visit(client: rg.Argilla, argilla: ArgillaSettings, release: str) -> None:
    """What visitors asked in the last two weeks: two a day, one in five refused."""
    now = datetime.now(timezone.utc)
    turns = [
        Turn(
            conversation_id=f"visitor-{number}",
            turn=0,
            question=f"How do I {('mend', 'wash', 'choose')[number % 3]} thing number {number}?",
            answer="I do not know." if number % 5 == 0 else CHUNKS[number].body,
            cited=() if number % 5 == 0 else (CHUNKS[number].id,),
            offered=tuple(one.id for one in CHUNKS[number : number + 4]),
            refused=number % 5 == 0,
            thumb=(None, "up", None, "down")[number % 4],
            seconds=0.2 + number / 20,
            release_id=release,
            created_at=now - timedelta(days=number // 2),
        )
        for number in range(28)
    ]
    log_turns(client, argilla, turns, None, lambda: CORPUS)


def ids_of(owner: Api, argilla: ArgillaSettings, kind: DatasetName) -> list[str]:
    """Argilla's ids, oldest first."""
    dataset = find_dataset(owner, argilla, kind)
    assert dataset is not None
    return [str(record["id"]) for page in owner.records(dataset.id) for record in page]


def judge(people: Sequence[Person], records: Sequence[str]) -> None:
    """Yes and no in turn; every sixth record is answered by both, every twelfth differently."""
    for number, record in enumerate(records):
        said = "no" if number % 4 == 3 else "yes"
        answer(people[number % 2], record, is_positive_relevant=said, is_negative_irrelevant="yes")
        if number % 6 == 0:
            other = "no" if number % 12 == 0 else said
            both = {"is_positive_relevant": other, "is_negative_irrelevant": "yes"}
            answer(people[(number + 1) % 2], record, **both)


def go_round(home: Home, server: ArgillaLite, name: str) -> Handover:
    """All of it in ``home``, in datasets whose names begin with ``name``: 60 triplets decided and learned
    from, 12 since, six turns judged (two of them wrong), and four chunks by the simulated annotator."""
    home.argilla.mkdir(parents=True, exist_ok=True)
    if server.home != home.argilla:
        shutil.copy(server.home / "credentials.json", home.argilla)
    argilla = ArgillaSettings(
        workspace=f"{name}-round",
        chunks=f"{name}-chunks",
        triplets=f"{name}-triplets",
        conversations=f"{name}-conversations",
        adjudication=f"{name}-adjudication",
        overlap=0.0,  # who answers a record is decided here
    )
    bootstrap(home, CORPUS, serving())
    CORPUS.save(home)
    client = connect_to_argilla(argilla, home)
    owner = Api.of(client)
    push_to_argilla(client, argilla, CORPUS, triplets(), FakeVectors())
    people = [hire(owner, argilla, f"{name}-{who}") for who in ("ada", "bob")]
    records = ids_of(owner, argilla, "triplets")
    judge(people, records[:60])
    first = ReleaseStore(home).current_id() or ""
    visit(client, argilla, first)
    options = RetrainOptions(highest=INDEX_ONLY)  # a trained model would take a minute more
    done = retrain_from_annotations(
        home, CORPUS, settings(), serving(), lambda: read_decisions(client, argilla), options
    )
    assert done.outcome == "promoted", done.verdict
    judge(people, records[60:72])
    for number, record in enumerate(ids_of(owner, argilla, "conversations")[:6]):
        right = "no" if number in (1, 2) else "yes"
        answer(people[0], record, is_response_correct=right, out_of_guardrails="no")
    annotate_as_simulated(client, argilla, CORPUS, FakeVectors(), {"chunks": 4})
    loop = LoopSettings(training=settings(), serving=serving())
    board = DashboardSettings(refresh_seconds=1, port=free_port())
    return Handover(root=home.root, dashboard=board, argilla=argilla, loop=loop)
