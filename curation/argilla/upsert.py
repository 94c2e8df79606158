"""Bringing a dataset up to date: only what is new or different is sent, and no answer of a person is lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from curation.argilla.api import UPSERT_BATCH, Api, JsonObject
from curation.argilla.datasets import RemoteDataset
from curation.argilla.filters import Metadata, with_metadata
from curation.argilla.schemas import ASKED, CURRENT, IN_QUEUE, NO, PRIORITY, QUEUE
from curation.argilla.suggestions import AGENT_PREFIX, SUGGESTED_BY, Suggestion, priority_of
from curation.argilla.vectors import Vectors, as_numbers
from curation.errors import ArgillaError
from curation.progress import Progress
from curation.records.gold import is_gold
from curation.suggestions.choice import SIGNALS


@dataclass
class Outline:
    """A record as it should stand in Argilla, without what a model adds (``Finished``). Compared with the
    record that is there, it tells whether anything is to be sent.

    ``derived`` names the metadata that a model adds; ``suggested_by`` the scorers that should have looked at
    the record, as long as nobody has answered it.
    """

    id: str
    fields: JsonObject
    metadata: Metadata
    derived: frozenset[str] = frozenset()
    suggested_by: str = ""


@dataclass
class Finished:
    """What a model adds to an outline."""

    metadata: Metadata = field(default_factory=dict)
    suggestions: dict[str, Suggestion] = field(default_factory=dict)
    vector: Vectors | None = None


@dataclass
class Shelf:
    """One of Argilla's datasets and the records that were read from it, by external id. A kind of records has
    one or two: the common one, and that of the records that two people are asked about.

    ``vector`` names the one to fill. ``created`` says whether the dataset is new, ``suggests`` whether
    records may have suggestions there (see ``Api.shows_suggestions``).
    """

    dataset: RemoteDataset
    records: dict[str, JsonObject] = field(default_factory=dict)
    vector: str | None = None
    created: bool = False
    suggests: bool = True

    @classmethod
    def read(cls, api: Api, dataset: RemoteDataset, suggests: bool = True) -> Shelf:
        every = (one for page in api.records(dataset.id, ["suggestions", "responses"]) for one in page)
        records = {str(one["external_id"]): one for one in every if one.get("external_id")}
        return cls(dataset, records, suggests=suggests)

    def is_current(self, outline: Outline) -> bool:
        """Whether Argilla's record says what ``outline`` says, but for the queue."""
        record = self.records.get(outline.id)
        if record is None or self.dataset.new_vector or record["fields"] != outline.fields:
            return False
        metadata = record.get("metadata") or {}
        if any(
            metadata.get(name) != value for name, value in outline.metadata.items() if name not in IN_QUEUE
        ):
            return False
        if not outline.derived <= metadata.keys():
            return False
        if is_answered(record):
            return True
        looked_at = SIGNALS in metadata or not outline.derived
        return metadata.get(SUGGESTED_BY, "") == outline.suggested_by and looked_at

    def foreign(self, external_id: str) -> set[str]:
        """Ids of the questions whose suggestion comes from somebody else's agent; it stays."""
        known = self.records.get(external_id, {}).get("suggestions") or []
        return {str(one["question_id"]) for one in known if _is_foreign(one)}

    def gone(self, ids: Iterable[str]) -> list[str]:
        """External ids of records that clayloop once pushed and that are not among ``ids``."""
        known = set(ids)
        return [
            external_id
            for external_id, record in self.records.items()
            if external_id not in known
            and CURRENT.name in (record.get("metadata") or {})
            and not is_gold(external_id)
        ]


def is_answered(record: JsonObject) -> bool:
    """Whether somebody has begun to answer: what was suggested then stays as it was."""
    return bool(record.get("responses"))


def _is_foreign(suggestion: JsonObject) -> bool:
    return not str(suggestion.get("agent") or "").startswith(AGENT_PREFIX)


def payload(outline: Outline, finished: Finished, shelf: Shelf) -> JsonObject:
    """The record as Argilla's bulk endpoint takes it. Metadata that others added to it are kept."""
    dataset, record = shelf.dataset, shelf.records.get(outline.id) or {}
    foreign = shelf.foreign(outline.id)
    answered = is_answered(record)
    remembered = {SIGNALS, SUGGESTED_BY, PRIORITY.name} if answered else set()
    replaced = {wanted.name for wanted in dataset.spec.filters}.union(IN_QUEUE) - remembered
    kept = {name: value for name, value in (record.get("metadata") or {}).items() if name not in replaced}
    made = {name: value for name, value in finished.metadata.items() if name not in remembered}
    body: JsonObject = {
        "external_id": outline.id,
        "fields": outline.fields,
        "metadata": {**kept, **outline.metadata, **made},
        "suggestions": [
            suggestion.payload(dataset.questions[question])
            for question, suggestion in finished.suggestions.items()
            if shelf.suggests and not answered and dataset.questions[question] not in foreign
        ],
    }
    if shelf.vector is not None and finished.vector is not None:
        numbers = as_numbers(finished.vector)
        if numbers is not None:
            body["vectors"] = {shelf.vector: numbers}
    return body


def send(
    api: Api,
    shelf: Shelf,
    outlines: Sequence[Outline],
    finished: Mapping[str, Finished],
    progress: Progress,
) -> None:
    """Upsert ``outlines`` in batches. After a stop halfway, the next push sends the rest."""
    if not outlines:
        return
    dataset = shelf.dataset
    with progress.task(f"Pushing {dataset.spec.kind}", total=len(outlines), unit="records") as advance:
        for start in range(0, len(outlines), UPSERT_BATCH):
            batch = outlines[start : start + UPSERT_BATCH]
            try:
                api.upsert(dataset.id, [payload(outline, finished[outline.id], shelf) for outline in batch])
            except ArgillaError as error:
                error.message += f" {start:,} of {len(outlines):,} records were sent to {dataset.name!r}."
                error.hint += " Then push again: what is there already is not sent twice."
                raise
            advance(len(batch))


def requeue(api: Api, shelf: Shelf, outlines: Sequence[Outline]) -> int:
    """Set what the metadata say about the queue, where nothing else is to be sent. Returns how many records
    were changed."""
    bodies: list[JsonObject] = []
    for outline in outlines:
        metadata = shelf.records[outline.id].get("metadata") or {}
        said = {name: outline.metadata[name] for name in IN_QUEUE if name in outline.metadata}
        kept = {name: value for name, value in metadata.items() if name not in IN_QUEUE}
        if {**kept, **said} != metadata:
            said[PRIORITY.name] = priority_of(metadata.get(SIGNALS), said.get(QUEUE.name) == ASKED)
            metadata = {**kept, **said}
            shelf.records[outline.id]["metadata"] = metadata
            bodies.append({"external_id": outline.id, "metadata": metadata})
    api.upsert(shelf.dataset.id, bodies)
    return len(bodies)


def withdraw(
    api: Api, dataset: RemoteDataset, records: Sequence[JsonObject], kept: Mapping[str, Collection[str]]
) -> None:
    """Take away what we suggested to unanswered ``records`` and do not suggest any more. ``kept`` has the
    questions with a suggestion, by external id."""
    names = {question_id: name for name, question_id in dataset.questions.items()}
    for record in records:
        if is_answered(record):
            continue
        still = kept.get(str(record["external_id"]), ())
        gone = [
            str(one["id"])
            for one in record.get("suggestions") or []
            if not _is_foreign(one) and names.get(str(one["question_id"])) not in still
        ]
        if gone:
            api.request(
                "DELETE",
                f"/api/v1/records/{record['id']}/suggestions",
                "taking back what is not suggested any more",
                params={"ids": ",".join(gone)},
            )


def retire(api: Api, dataset: RemoteDataset, gone: Sequence[str]) -> tuple[int, int]:
    """Take out of the queue what is no longer in the corpus. Returns how many were marked and removed.

    A record without any response is removed. One with a response, even a draft, stays for ever and is marked
    ``current = no``.
    """
    if not gone:
        return 0, 0
    # Read again: somebody may have answered while the rest was being pushed.
    fresh = Shelf.read(api, dataset).records
    there = [fresh[name] for name in gone if name in fresh]
    untouched = [str(record["id"]) for record in there if not is_answered(record)]
    outdated = [
        record for record in there if is_answered(record) and record["metadata"].get(CURRENT.name) != NO
    ]
    api.upsert(dataset.id, [with_metadata(record, {CURRENT.name: NO}) for record in outdated])
    api.delete(dataset.id, untouched)
    return len(outdated), len(untouched)
