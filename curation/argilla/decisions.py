"""Reading the annotators' decisions: the majority for each question, and what follows for a record.

Only submitted responses count. The value with the most votes wins a question; a tie leaves it open.

* A chunk is accepted if ``good_chunk`` is yes, rejected if it is no.
* A triplet is accepted if ``is_positive_relevant`` is yes, rejected if it is no. Its negative may be used
  only if ``is_negative_irrelevant`` is yes; that answer alone neither accepts nor rejects.
* A conversation is accepted if ``is_response_correct`` is yes and ``out_of_guardrails`` is no; rejected if
  either says the opposite, even while the other is open.
* Everything else is undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

import argilla as rg

from curation.argilla.api import PAGE, Api, ArgillaRefusalError, JsonObject
from curation.argilla.connection import workspace_id
from curation.argilla.datasets import RemoteDataset, find_dataset
from curation.argilla.escaping import original
from curation.argilla.schemas import DATASETS, NO, SPECS, YES, DatasetSpec
from curation.errors import ArgillaError
from curation.progress import SILENT, Progress
from curation.records.decision import DatasetName, Decision, Verdict, Vote
from curation.settings import ArgillaSettings

_PASSES = 3
SUBMITTED: JsonObject = {
    "type": "terms",
    "scope": {"entity": "response", "property": "status"},
    "values": ["submitted"],
}


class User(NamedTuple):
    """Somebody who may answer in Argilla, with the role there (owner, admin or annotator)."""

    name: str
    role: str = ""


def read_decisions(
    client: rg.Argilla, settings: ArgillaSettings, progress: Progress = SILENT
) -> list[Decision]:
    """One decision for each record with at least one submitted response, ordered by dataset and record id.

    A missing dataset counts as empty. Raises ArgillaError when all three are missing, when one is not ours,
    or when Argilla cannot be read or does not show this user everybody's responses.
    """
    api = Api.of(client)
    datasets = find_datasets(api, settings)
    users = read_users(api, settings)
    decisions: list[Decision] = []
    for kind, dataset in datasets.items():
        for record in annotated_records(api, dataset, progress):
            decision = decision_of(kind, record, users)
            if decision is not None:
                decisions.append(decision)
    return sorted(decisions, key=place_of)


def place_of(decision: Decision) -> tuple[str, str]:
    """What decisions are ordered by."""
    return decision.dataset, decision.record_id


def find_datasets(api: Api, settings: ArgillaSettings) -> dict[DatasetName, RemoteDataset]:
    """Those of the three that are there. Raises ArgillaError when none is, or one is not ours."""
    found = {kind: find_dataset(api, settings, kind) for kind in DATASETS}
    datasets = {kind: dataset for kind, dataset in found.items() if dataset is not None}
    if not datasets:
        raise ArgillaError(
            f"There are no annotations: workspace {settings.workspace!r} in Argilla at {api.url} has none of "
            "clayloop's datasets.",
            "Run `clayloop push`, annotate in the browser, and come back.",
        )
    return datasets


def dataset_addresses(client: rg.Argilla, settings: ArgillaSettings) -> dict[DatasetName, str]:
    """Where each of our datasets is annotated in the browser. Raises ArgillaError when there is none."""
    api = Api.of(client)
    found = find_datasets(api, settings)
    return {kind: f"{api.url.rstrip('/')}/dataset/{one.id}/annotation-mode" for kind, one in found.items()}


def decision_of(kind: DatasetName, record: JsonObject, users: Mapping[str, User]) -> Decision | None:
    """The decision on a record as Argilla's API gives it; None when nobody submitted a response.

    A user whom Argilla does not tell (an admin's key sees only the workspace's members) is shown by the start
    of the id.
    """
    votes = sorted(_votes(record, users), key=lambda vote: (vote.annotator, vote.question, vote.response_id))
    if not votes:
        return None
    markdown = {part.name for part in SPECS[kind].fields if part.markdown}
    return Decision(
        record_id=str(record.get("external_id") or record["id"]),
        dataset=kind,
        **_outcome(kind, votes),
        fields={
            name: str(value) if name in markdown else original(str(value))
            for name, value in record["fields"].items()
            if value is not None
        },
        metadata={
            name: value
            for name, value in (record.get("metadata") or {}).items()
            if isinstance(value, str | int | float)
        },
    )


def decision_without(decision: Decision, without: Collection[str]) -> Decision | None:
    """The decision had the users ``without`` (their ids) not answered; None when nobody else answered."""
    votes = tuple(vote for vote in decision.votes if vote.annotator_id not in without)
    if len(votes) == len(decision.votes):
        return decision
    if not votes:
        return None
    return decision.model_copy(update=_outcome(decision.dataset, votes))


def _outcome(kind: DatasetName, votes: Sequence[Vote]) -> dict[str, Any]:
    """What follows from ``votes``, by the names of a decision's fields."""
    spec = SPECS[kind]
    values, agreement = majority(votes, spec.labels)
    verdict, reason = acceptance_verdict(kind, values, _open_questions(votes, values, spec))
    return {
        "votes": tuple(votes),
        "values": values,
        "agreement": agreement,
        "verdict": verdict,
        "reason": reason,
    }


def majority(votes: Sequence[Vote], questions: Iterable[str]) -> tuple[dict[str, str], float]:
    """The winning value of each question, and the share of all votes on ``questions`` that winners got.

    A tied question has no winner, so its votes count against the agreement.
    """
    values: dict[str, str] = {}
    winning = cast = 0
    for question in questions:
        counts = Counter(vote.value for vote in votes if vote.question == question)
        ranked = counts.most_common(2)
        if not ranked:
            continue
        cast += sum(counts.values())
        if len(ranked) == 1 or ranked[0][1] > ranked[1][1]:
            values[question] = ranked[0][0]
            winning += ranked[0][1]
    return values, winning / cast if cast else 0.0


def acceptance_verdict(
    kind: DatasetName, values: Mapping[str, str], still_open: Mapping[str, str]
) -> tuple[Verdict, str]:
    """The acceptance rule: what follows from the winning ``values``. ``still_open`` says why a question
    has none."""
    deciding: tuple[str, ...]
    if kind == "conversations":
        if values.get("is_response_correct") == NO:
            return "rejected", "the response is not correct"
        if values.get("out_of_guardrails") == YES:
            return "rejected", "the response is out of the ordinary"
        deciding = ("is_response_correct", "out_of_guardrails")
    else:
        deciding = ("good_chunk",) if kind == "chunks" else ("is_positive_relevant",)
    for question in deciding:
        if question not in values:
            return "undecided", f"{question}: {still_open.get(question, 'nobody answered')}"
    if kind == "conversations":
        return "accepted", "the response is correct and within bounds"
    if kind == "chunks":
        return ("accepted", "good chunk") if values["good_chunk"] == YES else ("rejected", "not a good chunk")
    if values["is_positive_relevant"] == NO:
        return "rejected", "the positive is not relevant"
    usable = values.get("is_negative_irrelevant") == YES
    return "accepted", "the positive is relevant" + ("" if usable else "; the negative may not be used")


def _open_questions(votes: Sequence[Vote], values: Mapping[str, str], spec: DatasetSpec) -> dict[str, str]:
    reasons = {}
    for question in spec.labels:
        counts = Counter(vote.value for vote in votes if vote.question == question)
        if question not in values and counts:
            said = ", ".join(f"{count} {value}" for value, count in sorted(counts.items()))
            reasons[question] = f"a tie ({said})"
    return reasons


def _votes(record: JsonObject, users: Mapping[str, User]) -> Iterable[Vote]:
    for response in record.get("responses") or []:
        if response["status"] != "submitted":
            continue
        user = str(response["user_id"])
        name, role = users.get(user, User(f"user-{user[:8]}"))
        for question, answer in (response.get("values") or {}).items():
            value = answer.get("value") if isinstance(answer, dict) else None
            if isinstance(value, str) and value.strip():
                yield Vote(
                    question=question,
                    value=value,
                    annotator=name,
                    annotator_id=user,
                    response_id=str(response["id"]),
                    at=_time(response),
                    role=role,
                )


def _time(response: JsonObject) -> datetime | None:
    """When a response was last changed. Argilla's times are UTC, with or without saying so."""
    stamp = response.get("updated_at")
    if not isinstance(stamp, str):
        return None
    try:
        time = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def annotated_records(api: Api, dataset: RemoteDataset, progress: Progress = SILENT) -> list[JsonObject]:
    """All records with a submitted response.

    People annotate meanwhile, which moves records between pages. So a pass counts only if it saw as many
    different records as the search says there are. After three that do not, the whole dataset is read.
    """
    for _ in range(_PASSES):
        records, complete = _search_pass(api, dataset, progress)
        if complete:
            return list(records.values())
    found: dict[str, JsonObject] = {}
    for page in api.records(dataset.id, include=["responses"]):
        found.update({str(record["id"]): record for record in page if record.get("responses")})
    return list(found.values())


def _search_pass(api: Api, dataset: RemoteDataset, progress: Progress) -> tuple[dict[str, JsonObject], bool]:
    found: dict[str, JsonObject] = {}
    totals: set[int] = set()
    with progress.task(f"Reading {dataset.spec.kind}", unit="records") as advance:
        offset = 0
        while True:
            records, total = api.search(dataset.id, [SUBMITTED], include=["responses"], offset=offset)
            totals.add(total)
            found.update({str(record["id"]): record for record in records})
            advance(len(records))
            offset += PAGE
            if len(records) < PAGE:
                break
    return found, totals == {len(found)}


def read_users(api: Api, settings: ArgillaSettings) -> dict[str, User]:
    """Users by id: everybody for an owner's key, the workspace's members for an admin's."""
    try:
        users = api.request("GET", "/api/v1/users", "listing users")["items"]
    except ArgillaRefusalError as error:
        if error.status != 403:
            raise
        workspace = workspace_id(api, settings.workspace)
        users = api.request("GET", f"/api/v1/workspaces/{workspace}/users", "listing users")["items"]
    return {str(user["id"]): User(str(user["username"]), str(user.get("role") or "")) for user in users}
