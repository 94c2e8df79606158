"""Reading the annotators' decisions: what the answers to each question come to, and what follows.

Only submitted responses count. By default the value with the most votes wins a question, and a tie leaves it
open; ``curation.argilla.acceptance`` chooses another policy (curation.agreement.policies).

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
from itertools import chain
from typing import TYPE_CHECKING, Any

from curation.agreement.policies import settle, weigh
from curation.argilla.adjudication import Words, read_words, unsettled_questions, word_on
from curation.argilla.api import Api, JsonObject
from curation.argilla.datasets import RemoteDataset, annotated_at, find_all, find_kind
from curation.argilla.schemas import DATASETS, NO, SPECS, YES, DatasetSpec
from curation.argilla.users import User, read_users
from curation.errors import ArgillaError
from curation.progress import SILENT, Progress
from curation.records.decision import Acceptance, DatasetName, Decision, Verdict, Vote
from curation.records.gold import is_gold
from curation.settings import ArgillaSettings
from curation.shown.records import original, readable

if TYPE_CHECKING:
    import argilla as rg

_PASSES = 3
SUBMITTED: JsonObject = {
    "type": "terms",
    "scope": {"entity": "response", "property": "status"},
    "values": ["submitted"],
}


def read_decisions(
    client: rg.Argilla, settings: ArgillaSettings, progress: Progress = SILENT
) -> list[Decision]:
    """One decision for each record with at least one submitted response, ordered by dataset and record id.

    A missing dataset counts as empty. Raises ArgillaError when all three are missing, when one is not ours,
    or when Argilla cannot be read or does not show this user everybody's responses.
    """
    return read_answers(client, settings, progress)[0]


def read_answers(
    client: rg.Argilla, settings: ArgillaSettings, progress: Progress = SILENT
) -> tuple[list[Decision], list[Decision]]:
    """``read_decisions``, and apart from them what was said to gold records, to measure annotators by."""
    api = Api.of(client)
    users = read_users(api, settings)
    decisions: list[Decision] = []
    gold: list[Decision] = []
    for kind, datasets in find_datasets(api, settings).items():
        for record in (one for dataset in datasets for one in annotated_records(api, dataset, progress)):
            if (said := what_was_said(kind, record, users, settings.acceptance)) is not None:
                (gold if is_gold(said.record_id) else decisions).append(said)
    return settled(decisions, settings.acceptance, words_of(api, settings)), gold


def words_of(api: Api, settings: ArgillaSettings) -> Words:
    """What reviewers said, where their word counts."""
    return read_words(api, settings) if settings.acceptance == "adjudicated" else {}


def settled(decisions: Iterable[Decision], policy: Acceptance, words: Words) -> list[Decision]:
    """One decision a record, with what needs to be known of all records: annotators' competence, reviewers'
    words."""
    ordered = sorted(one_a_record(decisions), key=place_of)
    if policy == "weighted":
        return [one for kind in DATASETS for one in _weighed(kind, ordered)]
    if policy != "adjudicated" or not words:
        return ordered
    return [_adjudicated(decision, words) for decision in ordered]


def one_a_record(decisions: Iterable[Decision]) -> Iterable[Decision]:
    """A record that lies in both datasets of its kind is decided by what was said in both: by each person
    once, the last word."""
    found: dict[tuple[str, str], Decision] = {}
    for one in decisions:
        other = found.get(place_of(one))
        if other is not None:
            latest: dict[tuple[str, str], Vote] = {}
            for vote in sorted((*other.votes, *one.votes), key=lambda vote: vote.given):
                latest[vote.annotator_id, vote.question] = vote
            votes = sorted(latest.values(), key=_order)
            one = one.model_copy(update=_outcome(one.dataset, votes, one.policy))
        found[place_of(one)] = one
    return found.values()


def _order(vote: Vote) -> tuple[str, str, str]:
    return vote.annotator, vote.question, vote.response_id


def _weighed(kind: DatasetName, decisions: Iterable[Decision]) -> Iterable[Decision]:
    own = [one for one in decisions if one.dataset == kind]
    votes = {one.record_id: one.votes for one in own}
    probable = {question: weigh(votes, question) for question in SPECS[kind].labels}
    reasons = dict.fromkeys(probable, "no answer is probable enough, by the annotators' competence")
    for one in own:
        values = {
            question: found[one.record_id] for question, found in probable.items() if one.record_id in found
        }
        yield _with_values(one, values, reasons)


def _adjudicated(decision: Decision, words: Words) -> Decision:
    said = {name: word_on(words, decision, name) for name in unsettled_questions(decision)}
    told = {name: value for name, value in said.items() if value is not None}
    if not told:
        return decision
    found = _with_values(decision, {**decision.values, **told}, {})
    return found.model_copy(update={"reason": f"{found.reason} (a reviewer decided {', '.join(told)})"})


def _with_values(decision: Decision, values: dict[str, str], reasons: Mapping[str, str]) -> Decision:
    return decision.model_copy(update=_concluded(decision.dataset, decision.votes, values, reasons))


def place_of(decision: Decision) -> tuple[str, str]:
    """What decisions are ordered by."""
    return decision.dataset, decision.record_id


def find_datasets(api: Api, settings: ArgillaSettings) -> dict[DatasetName, list[RemoteDataset]]:
    """``find_all``. Raises ArgillaError also when there is none."""
    datasets = find_all(api, settings)
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
    return {kind: annotated_at(api, one[0].id) for kind, one in found.items()}


def decision_of(
    kind: DatasetName, record: JsonObject, users: Mapping[str, User], policy: Acceptance = "majority"
) -> Decision | None:
    """The decision on a record as Argilla's API gives it; None when nobody submitted a response, and for a
    gold record, from which nothing may follow."""
    decision = what_was_said(kind, record, users, policy)
    return None if decision is None or is_gold(decision.record_id) else decision


def what_was_said(
    kind: DatasetName, record: JsonObject, users: Mapping[str, User], policy: Acceptance
) -> Decision | None:
    """``decision_of``, for gold records too.

    A user whom Argilla does not tell (an admin's key sees only the workspace's members) is shown by the start
    of the id.
    """
    votes = sorted(_votes(record, users), key=_order)
    if not votes:
        return None
    read_back = {part.name: readable if part.markdown else original for part in SPECS[kind].fields}
    return Decision(
        record_id=str(record.get("external_id") or record["id"]),
        dataset=kind,
        policy=policy,
        **_outcome(kind, votes, policy),
        fields={
            name: _text(value) if kind == "conversations" else read_back.get(name, original)(str(value))
            for name, value in record["fields"].items()
            if value is not None
        },
        metadata={
            name: value
            for name, value in (record.get("metadata") or {}).items()
            if isinstance(value, str | int | float)
        },
    )


def _text(shown: str | list[dict[str, str]]) -> str:
    if isinstance(shown, str):
        return shown
    return "\n\n".join(f"{one['role']}: {one['content']}" for one in shown)


def decision_without(decision: Decision, without: Collection[str]) -> Decision | None:
    """The decision had the users ``without`` (their ids) not answered; None when nobody else answered."""
    votes = tuple(vote for vote in decision.votes if vote.annotator_id not in without)
    if len(votes) == len(decision.votes):
        return decision
    if not votes:
        return None
    return decision.model_copy(update=_outcome(decision.dataset, votes, decision.policy))


def _outcome(kind: DatasetName, votes: Sequence[Vote], policy: Acceptance) -> dict[str, Any]:
    """What follows from ``votes``, by the names of a decision's fields."""
    values = settle(votes, SPECS[kind].labels, policy)
    return _concluded(kind, votes, values, _open_questions(votes, values, SPECS[kind]))


def _concluded(
    kind: DatasetName, votes: Sequence[Vote], values: dict[str, str], reasons: Mapping[str, str]
) -> dict[str, Any]:
    given = [vote for vote in votes if vote.question in SPECS[kind].labels]
    winning = sum(values.get(vote.question) == vote.value for vote in given)
    verdict, reason = acceptance_verdict(kind, values, reasons)
    return {
        "votes": tuple(votes),
        "values": values,
        "agreement": winning / len(given) if given else 0.0,
        "verdict": verdict,
        "reason": reason,
    }


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
            kind = "a tie" if len(set(counts.values())) == 1 else "not unanimous"
            reasons[question] = f"{kind} ({said})"
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
                    at=time_of(response.get("updated_at")),
                    role=role,
                )


def time_of(stamp: object) -> datetime | None:
    """One of Argilla's times, which are UTC, with or without saying so; None for what is no time."""
    if not isinstance(stamp, str):
        return None
    try:
        time = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def all_records(api: Api, settings: ArgillaSettings, kind: DatasetName) -> Iterable[list[JsonObject]]:
    """Pages of a kind's records with their responses, answered or not; without the gold ones."""
    for dataset in find_kind(api, settings, kind):
        for page in api.records(dataset.id, include=["responses"]):
            yield [record for record in page if not is_gold(str(record.get("external_id")))]


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
    pages = api.search_pages(dataset.id, [SUBMITTED], ["responses"])
    first = next(pages)
    found: dict[str, JsonObject] = {}
    totals = {first[1]}
    with progress.task(f"Reading answered {dataset.spec.kind}", first[1], "records") as advance:
        for records, total in chain([first], pages):
            totals.add(total)
            found.update({str(record["id"]): record for record in records})
            advance(len(records))
    return found, totals == {len(found)}
