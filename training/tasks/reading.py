"""Reading any Argilla 2 dataset: one of a server, records of a query, or a folder that Dataset.to_disk wrote.

Only submitted responses become answers. A folder does not say which responses those are: there the answers of
a record that is still pending count only if the dataset wants several responses a record, because with one
they can be no more than drafts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from curation import SILENT, ArgillaError, ArgillaRefusalError, Progress, SettingsError, is_gold
from training.tasks.rows import Answer, Row, Schema, Suggestion, normalise_value, parse_schema
from training.tasks.selection import Selection, arrange, choose

_PAGE = 500
_MOST_SIMILAR = 1000  # Argilla's own limit
_RECORDS = "records.json"
_KINDS = "an rg.Dataset, dataset.records(query), or a folder that Dataset.to_disk wrote"


class Source(Protocol):
    """Where records come from."""

    @property
    def schema(self) -> Schema: ...

    def rows(self, selection: Selection, progress: Progress = SILENT) -> list[Row]:
        """The selected records. Raises ArgillaError or SettingsError when they cannot be had."""


def open_source(dataset: Any) -> Source:
    """The source behind what a user gave as ``dataset``. Raises SettingsError for anything else."""
    if dataset is None:
        raise SettingsError(
            "There is no dataset: None was given.",
            "client.datasets(NAME, workspace=…) gives None where that workspace has none of that name.",
        )
    if isinstance(dataset, (str, Path)):
        return Folder(Path(dataset))
    if hasattr(dataset, "records") and hasattr(dataset, "settings"):
        return Server(dataset)
    if isinstance(dataset, Iterable):
        return AtHand(dataset)
    raise SettingsError(f"A {type(dataset).__name__} is no dataset.", f"Give {_KINDS}.")


class Folder:
    """What ``Dataset.to_disk`` wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser()
        self.schema = parse_schema(self._name(), self._read(".argilla/settings.json"))

    def rows(self, selection: Selection, progress: Progress = SILENT) -> list[Row]:
        records = self._read(_RECORDS)
        made = []
        with progress.task("Reading records", total=len(records), unit="records") as advance:
            for number, record in enumerate(records):
                try:
                    made.append(self._row(record, number))
                except (KeyError, TypeError, AttributeError) as error:
                    raise SettingsError(
                        f"Record {number} of {self.folder / _RECORDS} cannot be read: {error!r}.",
                        "Write the folder anew with Dataset.to_disk.",
                    ) from error
                advance(1)
        return choose(_without_gold(made), selection)

    def _row(self, record: Mapping[str, Any], number: int) -> Row:
        key = str(record.get("id") or record.get("_server_id") or number)
        drafts = record.get("status") == "pending" and self.schema.min_submitted == 1
        given = {} if drafts else record.get("responses") or {}
        return Row(
            id=key,
            server_id=str(record.get("_server_id") or ""),
            status=record.get("status"),
            fields=record.get("fields") or {},
            metadata=record.get("metadata") or {},
            answers=_answers(
                self.schema,
                ((name, one["user_id"], one["value"]) for name, several in given.items() for one in several),
            ),
            suggestions={
                name: Suggestion(
                    _normal(self.schema, name, one.get("value")), one.get("score"), one.get("agent")
                )
                for name, one in (record.get("suggestions") or {}).items()
            },
        )

    def _name(self) -> str:
        try:
            return str(self._read(".argilla/dataset.json").get("name") or self.folder.name)
        except SettingsError:
            return self.folder.name

    def _read(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise SettingsError(
                f"There is no {name} in {self.folder}.", f"The dataset must be {_KINDS}."
            ) from error
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"{self.folder / name} cannot be read: {error}", "Write the folder anew with Dataset.to_disk."
            ) from error


class Server:
    """A dataset of an Argilla server, read as plain JSON: the SDK's record classes take longer than the
    requests."""

    def __init__(self, dataset: Any) -> None:
        from curation import Api  # httpx: only who reads from a server waits for it

        self.id = str(dataset.id)
        self.schema = parse_schema(str(dataset.name), dataset.settings.serialize())
        self._api = Api.of(dataset._client)
        self._names = {str(one.id): str(one.name) for one in dataset.settings.questions}

    def rows(self, selection: Selection, progress: Progress = SILENT) -> list[Row]:
        self._sees_all()
        found: dict[str, Row] = {}
        enough = None if selection.order else selection.limit
        with self._named(), progress.task("Reading records", unit="records") as advance:
            for page in self._pages(selection):
                found.update({row.server_id: row for row in _without_gold(map(self._row, page))})
                advance(len(page))
                if enough is not None and len(found) >= enough:
                    break
        return arrange(list(found.values()), selection)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Argilla knows its datasets by their ids: says the name of one that is gone."""
        try:
            yield
        except ArgillaRefusalError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise ArgillaError(
                f"The dataset {self.schema.dataset!r} is not in Argilla at {self._api.url} any more.",
                "Was it deleted meanwhile? client.datasets lists those that are there.",
            ) from error

    def _sees_all(self) -> None:
        role = self._api.request("GET", "/api/v1/me", "asking whose key this is").get("role")
        if role == "annotator":
            raise ArgillaError(
                f"This API key belongs to an annotator, who sees no other user's answers in "
                f"{self.schema.dataset!r}.",
                "Use the API key of an owner, or of an admin of the workspace.",
            )

    def _pages(self, selection: Selection) -> Iterator[list[dict[str, Any]]]:
        include = ["responses", "suggestions"]
        if not selection.searches:
            yield from self._api.records(self.id, include=include, page=_PAGE)
            return
        body, path = _search_body(selection), f"/api/v1/datasets/{self.id}/records/search"
        offset = 0
        size = _PAGE if selection.similar is None else min(selection.limit or _MOST_SIMILAR, _MOST_SIMILAR)
        while True:
            params = {"offset": offset, "limit": size, "include": include}
            try:
                answer = self._api.request("POST", path, "searching records", body, params, repeatable=True)
            except ArgillaRefusalError as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    raise
                raise SettingsError(
                    f"filter_by: {error.message}", "Does the dataset have what you filter by (its settings)?"
                ) from error
            yield [item["record"] for item in answer["items"]]
            offset += size
            if len(answer["items"]) < size or selection.similar is not None:
                return

    def _row(self, record: Mapping[str, Any]) -> Row:
        responses = record.get("responses") or []
        return Row(
            id=str(record.get("external_id") or record["id"]),
            server_id=str(record["id"]),
            status=record.get("status"),
            fields=record["fields"],
            metadata=record.get("metadata") or {},
            answers=_answers(
                self.schema,
                (
                    (name, response["user_id"], given["value"])
                    for response in responses
                    if response["status"] == "submitted"
                    for name, given in (response.get("values") or {}).items()
                ),
            ),
            suggestions={
                name: Suggestion(
                    _normal(self.schema, name, one["value"]),
                    one.get("score"),
                    one.get("agent"),
                    one.get("type"),
                )
                for one in record.get("suggestions") or []
                if (name := self._names.get(str(one["question_id"])))
            },
            statuses=frozenset(str(one["status"]) for one in responses),
            inserted_at=_time(record.get("inserted_at")),
            updated_at=_time(record.get("updated_at")),
        )


class AtHand:
    """Records of the SDK: what ``dataset.records(query)`` yields, or a list of them. They are read once."""

    def __init__(self, records: Iterable[Any]) -> None:
        # A query for similar records yields pairs of record and score.
        self._records = [one[0] if isinstance(one, tuple) else one for one in records]
        dataset = getattr(self._records[0], "dataset", None) if self._records else None
        if dataset is None:
            raise SettingsError(
                "There are no records, or they belong to no dataset of an Argilla server.", f"Give {_KINDS}."
            )
        self.schema = parse_schema(str(dataset.name), dataset.settings.serialize())

    def rows(self, selection: Selection, progress: Progress = SILENT) -> list[Row]:
        return choose(_without_gold(map(self._row, self._records)), selection)

    def _row(self, record: Any) -> Row:
        # fields.to_dict() makes plain values of chat messages and images
        return Row(
            id=str(record.id or record._server_id),
            server_id=str(record._server_id or ""),
            status=record.status,
            fields=record.fields.to_dict(),
            metadata=dict(record.metadata),
            answers=_answers(
                self.schema,
                (
                    (one.question_name, str(one.user_id), one.value)
                    for one in record.responses
                    if one.status == "submitted"
                ),
            ),
            suggestions={
                one.question_name: Suggestion(
                    _normal(self.schema, one.question_name, one.value), one.score, one.agent, one.type
                )
                for one in record.suggestions
            },
            statuses=frozenset(str(getattr(one.status, "value", one.status)) for one in record.responses),
        )


def _without_gold(rows: Iterable[Row]) -> list[Row]:
    """Gold records measure annotators, and nothing is learned from them."""
    return [row for row in rows if not is_gold(row.id)]


def _search_body(selection: Selection) -> dict[str, Any]:
    """The body of Argilla's search, by the SDK's own translation of filters."""
    import argilla as rg

    conditions = [tuple(one) for one in selection.conditions]
    query = rg.Query(query=selection.text or None, similar=selection.similar, filter=conditions or None)
    try:
        body: dict[str, Any] = query.api_model().model_dump(by_alias=True, mode="json")
    except ValueError as error:
        raise SettingsError(
            f"filter_by cannot be understood: {error}", "See rg.Filter in Argilla's documentation."
        ) from error
    return body


def _answers(schema: Schema, given: Iterable[tuple[str, Any, Any]]) -> dict[str, tuple[Answer, ...]]:
    made: dict[str, list[Answer]] = {}
    for name, user, value in given:
        if name in schema.questions and value is not None:
            made.setdefault(name, []).append(Answer(str(user), _normal(schema, name, value)))
    return {name: tuple(several) for name, several in made.items()}


def _normal(schema: Schema, name: str, value: Any) -> Any:
    question = schema.questions.get(name)
    return value if question is None else normalise_value(question, value)


def _time(text: Any) -> datetime | None:
    if not text:
        return None
    made = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return made if made.tzinfo else made.replace(tzinfo=timezone.utc)
