"""Mixing gold records in (curation.records.gold)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from curation.agreement.report import known_answers
from curation.argilla.api import Api, JsonObject
from curation.argilla.schemas import DECIDED_BY
from curation.argilla.upsert import Shelf, is_answered
from curation.records.decision import Decision
from curation.records.gold import gold_id, is_gold

_UNSEEN = ("day", DECIDED_BY)  # metadata that a copy lacks: what is counted by day was asked once


def mix_in_gold(api: Api, shelves: Sequence[Shelf], decisions: Iterable[Decision], most: int) -> int:
    """Have as many as ``most`` gold records in the last of a kind's ``shelves``, of each answer alike; those
    of records that are not known any more go, unless somebody answered them. Returns how many there are."""
    known = {gold_id(one.record_id): one for one in decisions if known_answers(one)}
    standing = {
        key: (shelf, record) for shelf in shelves for key, record in shelf.records.items() if is_gold(key)
    }
    stay = {key for key, (_, record) in standing.items() if is_answered(record)}
    stay |= set(sorted(known.keys() & standing.keys() - stay)[: max(0, most - len(stay))])
    new = _in_turn(known, standing.keys())[: max(0, most - len(stay))]
    originals = {
        gold_id(key): (shelf, record)
        for shelf in shelves
        for key, record in shelf.records.items()
        if not is_gold(key) and gold_id(key) in new
    }
    to = shelves[-1]
    vectors = _vectors(api, originals.values())
    bodies = [_copy(key, *originals[key], to, vectors) for key in new if key in originals]
    if bodies:
        api.upsert(to.dataset.id, bodies)
    for shelf in shelves:
        gone = [
            str(record["id"]) for key, (own, record) in standing.items() if own is shelf and key not in stay
        ]
        api.delete(shelf.dataset.id, gone)
    return len(stay) + len(bodies)


def _in_turn(known: Mapping[str, Decision], standing: Iterable[str]) -> list[str]:
    """The ids that are not there yet, one of each combination of answers after the other."""
    there = set(standing)
    by_answers: dict[str, list[str]] = defaultdict(list)
    for key in sorted(known.keys() - there):
        by_answers[str(sorted(known_answers(known[key]).items()))].append(key)
    ranked = [(place, answers, key) for answers, keys in by_answers.items() for place, key in enumerate(keys)]
    return [key for _, _, key in sorted(ranked)]


def _vectors(api: Api, records: Iterable[tuple[Shelf, JsonObject]]) -> dict[str, JsonObject]:
    """Of each record by its id in Argilla, by a search: Argilla 2.8 fails to read one record with vectors."""
    ids: dict[str, list[str]] = defaultdict(list)
    for shelf, record in records:
        ids[shelf.dataset.id].append(str(record["id"]))
    found: dict[str, JsonObject] = {}
    for dataset_id, its in ids.items():
        for record in api.by_ids(dataset_id, its, ["vectors"]):
            found[str(record["id"])] = record.get("vectors") or {}
    return found


def _copy(
    key: str, shelf: Shelf, record: JsonObject, to: Shelf, vectors: Mapping[str, JsonObject]
) -> JsonObject:
    """As the record was shown, suggestions and vectors too."""
    names = {question_id: name for name, question_id in shelf.dataset.questions.items()}
    suggestions = [
        {
            **{name: one.get(name) for name in ("value", "score", "agent", "type")},
            "question_id": to.dataset.questions[names[str(one["question_id"])]],
        }
        for one in record.get("suggestions") or []
        if names.get(str(one["question_id"])) in to.dataset.questions
    ]
    own = vectors.get(str(record["id"]), {})
    metadata = {name: value for name, value in (record.get("metadata") or {}).items() if name not in _UNSEEN}
    return {
        "external_id": key,
        "fields": {name: text for name, text in record["fields"].items() if name in to.dataset.fields},
        "metadata": metadata,
        "suggestions": suggestions,
        "vectors": {name: vector for name, vector in own.items() if name in to.dataset.vectors},
    }
