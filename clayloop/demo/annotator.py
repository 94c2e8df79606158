"""The simulated annotator's judgement of conversations: it knows which pages answer the demo's needs.

A response is correct when its first source is of a right page. Else the annotator names the best source: the
first of a right page among those that it can choose from. Where none is, it writes the right page's path, if
the dataset asks for one, and else "none".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx

from clayloop.demo.needs import Need
from curation import BEST_SOURCE, NO_SOURCE, SIMULATED_ANNOTATOR, Api, ArgillaSettings, find_dataset

if TYPE_CHECKING:
    import argilla as rg

    from curation import Corpus

OTHER_SOURCE = "other_source"  # the question for a page that is not among the sources
_ANSWERS_AT_ONCE = 100  # Argilla's own limit

Record = dict[str, Any]
Answers = dict[str, str]


def annotate_conversations(
    client: rg.Argilla, settings: ArgillaSettings, corpus: Corpus, needs: Sequence[Need]
) -> int:
    """Judge all conversations about the first wordings of ``needs`` that the simulated annotator has not
    judged yet; returns how many. ``client`` has an owner's key, and the user was made before
    (``annotate_as_simulated``). Raises ArgillaError."""
    api = Api.of(client)
    dataset = find_dataset(api, settings, "conversations")
    if dataset is None:
        return 0
    users = api.request("GET", "/api/v1/users", f"looking for the user {SIMULATED_ANNOTATOR!r}")["items"]
    user = next(user for user in users if user["username"] == SIMULATED_ANNOTATOR)
    pages = {chunk.id: chunk.path for chunk in corpus.chunks}
    by_question = {need.a: need for need in needs}
    responses = []
    for page in api.records(dataset.id, include=["responses"]):
        for record in page:
            need = by_question.get(str(record["metadata"].get("question")))
            if need and all(response["user_id"] != user["id"] for response in record["responses"]):
                answers = judge(record, need, pages, OTHER_SOURCE in dataset.questions)
                values = {name: {"value": value} for name, value in answers.items()}
                responses.append({"record_id": record["id"], "status": "submitted", "values": values})
    http = client.http_client
    key = {"X-Argilla-Api-Key": str(user["api_key"])}
    with httpx.Client(base_url=http.base_url, headers=key, timeout=http.timeout) as own:
        for start in range(0, len(responses), _ANSWERS_AT_ONCE):
            Api(own).respond(responses[start : start + _ANSWERS_AT_ONCE])
    return len(responses)


def judge(record: Record, need: Need, pages: Mapping[str, str], can_write: bool) -> Answers:
    """The answers to one conversation's questions. ``pages`` maps chunk ids to paths; ``can_write`` says
    whether a page can be named that is not among the sources."""
    metadata = record["metadata"]
    choices = str(metadata.get("offered") or metadata.get("cited", "")).split()
    is_right = [pages.get(chunk_id) in need.paths for chunk_id in choices]
    answers = {"out_of_guardrails": "no"}
    if any(is_right[:1]) and metadata["refused"] == "no":
        return {**answers, "is_response_correct": "yes"}
    answers["is_response_correct"] = "no"
    if any(is_right):
        return {**answers, BEST_SOURCE: str(is_right.index(True) + 1)}
    return {**answers, OTHER_SOURCE: need.paths[0]} if can_write else {**answers, BEST_SOURCE: NO_SOURCE}
