"""Making a dataset of Argilla 2 from a FeedbackDataset of Argilla 1, with all its answers and users."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

import argilla as rg
from pydantic import BaseModel

from curation.argilla.api import UPSERT_BATCH, Api, ArgillaRefusalError, JsonObject
from curation.argilla.connection import workspace_id
from curation.argilla.users import all_users, let_annotate, make_user
from curation.argilla.version1.convert import NewRecord, convert, needed_fields
from curation.argilla.version1.left_out import LeftOut
from curation.argilla.version1.records import read_records
from curation.argilla.version1.settings import OldDataset, read_settings
from curation.errors import ArgillaError, SettingsError
from curation.progress import SILENT, Progress

log = logging.getLogger(__name__)

_UNKNOWN = "unknown "


class ImportedUser(BaseModel):
    """Who answered. ``made`` says that the user was not there before; version 1's data have no names."""

    id: str
    username: str
    made: bool


class NotImported(BaseModel):
    """Something that Argilla 2 has no place for, or that had to be changed; ``records`` are where it was."""

    what: str
    records: list[str]


class ImportReport(BaseModel):
    """What an import did."""

    dataset: str
    workspace: str
    records: int
    responses: dict[str, int]  # by status
    suggestions: int
    users: list[ImportedUser]
    left_out: list[NotImported]


def import_version_1(
    client: rg.Argilla, folder: Path, workspace: str, name: str | None = None, progress: Progress = SILENT
) -> ImportReport:
    """Make the dataset ``name`` (by default the folder's name) in ``workspace``.

    All is read before anything is written; where Argilla refuses something, the dataset is removed again.
    Raises SettingsError for a folder that cannot be read, and ArgillaError where the dataset is there already
    or Argilla refuses.
    """
    left_out = LeftOut()
    old = read_settings(folder, left_out)
    records = convert(old, read_records(folder, old, left_out), left_out)
    if not records:
        raise SettingsError(f"There are no records in {folder}.", "Give a dataset that has some.")
    api = Api.of(client)
    place = workspace_id(api, workspace)
    wanted = _free_name(api, place, name or _slug(folder.expanduser().absolute().name))
    fields = needed_fields(old, records, left_out)
    users = _users(api, place, records)
    with (
        _dataset(api, place, wanted, old, fields) as (dataset, questions),
        progress.task("Importing records", total=len(records), unit="records") as advance,
    ):
        for start in range(0, len(records), UPSERT_BATCH):
            batch = records[start : start + UPSERT_BATCH]
            api.upsert(dataset, [_payload(one, questions, users) for one in batch])
            advance(len(batch))
    return ImportReport(
        dataset=wanted,
        workspace=workspace,
        records=len(records),
        responses=dict(Counter(one.status for record in records for one in record.responses)),
        suggestions=sum(len(record.suggestions) for record in records),
        users=list(users.values()),
        left_out=[NotImported(what=what, records=where) for what, where in left_out.records.items()],
    )


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_") or "version-1"


def _free_name(api: Api, workspace: str, name: str) -> str:
    """``name``, if no dataset has it. Raises ArgillaError otherwise."""
    rows = api.request("GET", "/api/v1/me/datasets", "listing datasets", params={"workspace_id": workspace})
    if any(row["name"] == name and row["workspace_id"] == workspace for row in rows["items"]):
        raise ArgillaError(
            f"There is a dataset {name!r} already.", "Give another name with --name, or delete that one."
        )
    return name


def _users(api: Api, workspace: str, records: Sequence[NewRecord]) -> dict[str, ImportedUser]:
    """Each user of version 1: those whose ids are not there are made, with the same ids. Their passwords are
    random and forgotten: an owner sets new ones. Raises ArgillaError where this key may not do that."""
    named = dict.fromkeys(one.user for record in records for one in record.responses)
    try:
        there = {str(user["id"]): user for user in all_users(api)}
        names = {str(user["username"]) for user in there.values()}
        made = {}
        for old in named:
            user = there.get(_user_id(old))
            made[old] = ImportedUser(
                id=_user_id(old),
                username=user["username"] if user else _username(old, names),
                made=user is None,
            )
            if user is None:
                names.add(made[old].username)
                make_user(api, made[old].username, user_id=made[old].id)
        owners = {key for key, user in there.items() if user["role"] == "owner"}
        let_annotate(api, workspace, [one.id for one in made.values() if one.id not in owners])
    except ArgillaRefusalError as error:
        if error.status != 403:
            raise
        raise ArgillaError(
            f"Only an owner of Argilla at {api.url} can bring users along.", "Use an owner's API key."
        ) from None
    return made


def _user_id(old: str) -> str:
    """Version 1's id, or one that is always the same for what is none."""
    try:
        return str(UUID(old))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, f"argilla-version-1/{old}"))


def _username(old: str, taken: set[str]) -> str:
    short = f"v1-{old.replace(' ', '-')}" if old.startswith(_UNKNOWN) else f"v1-{_user_id(old)[:8]}"
    return short if short not in taken else f"v1-{_user_id(old)}"


@contextmanager
def _dataset(
    api: Api, workspace: str, name: str, old: OldDataset, fields: Sequence[JsonObject]
) -> Iterator[tuple[str, dict[str, str]]]:
    """The published dataset's id, and those of its questions by name. Where filling it fails, it is
    removed."""
    doing = f"making the dataset {name!r}"
    body = {
        "name": name,
        "guidelines": old.guidelines,
        "allow_extra_metadata": old.allow_extra_metadata,
        "workspace_id": workspace,
    }
    dataset = str(api.request("POST", "/api/v1/datasets", doing, body)["id"])
    base = f"/api/v1/datasets/{dataset}"
    try:
        parts = {
            "fields": fields,
            "questions": [one.payload for one in old.questions.values()],
            "metadata-properties": list(old.metadata.values()),
            "vectors-settings": list(old.vectors.values()),
        }
        ids = {
            one["name"]: str(api.request("POST", f"{base}/{kind}", doing, one)["id"])
            for kind, several in parts.items()
            for one in several
        }
        api.request("PUT", f"{base}/publish", doing, repeatable=False)
        yield dataset, {question: ids[question] for question in old.questions}
    except BaseException as error:
        log.warning("The dataset %s is removed again: it is not complete", name)
        api.request("DELETE", base, f"removing the unfinished dataset {name!r}")
        if isinstance(error, ArgillaRefusalError):
            hint = "Change that in a copy of the folder, and import the copy."
            raise ArgillaRefusalError(error.message, hint, error.status) from error
        raise


def _payload(record: NewRecord, questions: dict[str, str], users: dict[str, ImportedUser]) -> JsonObject:
    return {
        "external_id": record.external_id,
        "fields": dict(record.fields),
        "metadata": dict(record.metadata),
        "vectors": dict(record.vectors),
        "responses": [
            {
                "user_id": users[one.user].id,
                "status": one.status,
                "values": {name: {"value": value} for name, value in one.values.items()} or None,
            }
            for one in record.responses
        ],
        "suggestions": [
            {"question_id": questions[one["question"]], **{key: one[key] for key in one if key != "question"}}
            for one in record.suggestions
        ],
    }
