"""The records of a FeedbackDataset, in each form in which Argilla 1 wrote them: a column for each field and
question (what it pushed to the Hub, as parquet, or saved with `datasets` as Arrow or JSON lines), or the
records themselves as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.argilla.version1.left_out import LeftOut
from curation.argilla.version1.settings import OldDataset
from curation.errors import SettingsError

_ENDINGS = (".parquet", ".jsonl", ".arrow")  # the first that there is is read
_METADATA = "suggestion-metadata"
_OF_A_RECORD = {"fields", "responses", "suggestions", "metadata", "vectors", "external_id"}


@dataclass
class OldResponse:
    """What one user answered: values by question. ``user`` is None where version 1 did not know it."""

    user: str | None
    status: str | None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class OldSuggestion:
    """A suggested answer to ``question``."""

    question: str
    value: Any
    type: str | None = None
    agent: str | None = None
    score: Any = None


@dataclass
class OldRecord:
    """A record. ``key`` names it for people, also where it has no external id."""

    key: str
    external_id: str | None
    fields: dict[str, Any]
    metadata: dict[str, Any]
    vectors: dict[str, Any]
    responses: list[OldResponse]
    suggestions: list[OldSuggestion]


Answers = tuple[list[OldResponse], list[OldSuggestion]]


def read_records(folder: Path, dataset: OldDataset, left_out: LeftOut) -> list[OldRecord]:
    """Raises SettingsError where there are none, or one cannot be read."""
    files = _files(folder, left_out)
    splits = sorted({path.name.split("-")[0] for path in files if "-of-" in path.name})
    if len(splits) > 1:
        left_out.note(f"which split a record was in: Argilla 2 has none ({', '.join(splits)})")
    made: list[OldRecord] = []
    for path in files:
        for row in _rows(path):
            key = f"record {len(made)}"
            try:
                key += f" ({row['external_id']})" if row.get("external_id") else ""
                made.append(_record(row, dataset, key, left_out))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise SettingsError(
                    f"{key} of {path} cannot be read: {type(error).__name__}: {error}",
                    "The file must be as Argilla 1 wrote it.",
                ) from error
    return made


def _files(folder: Path, left_out: LeftOut) -> list[Path]:
    there = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    for ending in _ENDINGS:
        if found := [path for path in there if path.suffix == ending]:
            for other in there:
                if other.suffix in _ENDINGS and other not in found:
                    left_out.note(f"the file {other.name}: the {ending} files hold the records")
            return found
    raise SettingsError(
        f"There are no records in {folder}: no file that ends in {', '.join(_ENDINGS)}.",
        "Give the whole folder: a copy of the dataset's repository on the Hub has them under data/.",
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = ""
    try:
        if path.suffix == ".parquet":
            for batch in pq.ParquetFile(path).iter_batches():
                yield from batch.to_pylist()
        elif path.suffix == ".arrow":
            with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
                for batch in reader:
                    yield from batch.to_pylist()
        else:
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    where = f"line {number}: "
                    if line.strip():
                        yield json.loads(line)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SettingsError(f"{path} cannot be read: {where}{error}", "Copy the file again.") from error


def _record(row: Mapping[str, Any], dataset: OldDataset, key: str, left_out: LeftOut) -> OldRecord:
    if isinstance(row.get("fields"), Mapping):
        fields, (responses, suggestions) = dict(row["fields"]), _as_the_client_had_them(row, key, left_out)
    else:
        fields = {name: row.get(name) for name in dataset.fields}
        responses, suggestions = _of_columns(row, dataset, key, left_out)
    return OldRecord(
        key=key,
        external_id=_text(row.get("external_id")),
        fields=fields,
        metadata=_metadata(row.get("metadata")),
        vectors={name: value for name, value in (row.get("vectors") or {}).items() if value is not None},
        responses=responses,
        suggestions=suggestions,
    )


def _of_columns(row: Mapping[str, Any], dataset: OldDataset, key: str, left_out: LeftOut) -> Answers:
    """A column for each field and question."""
    _note_columns(row, dataset, key, left_out)
    responses: dict[str, OldResponse] = {}
    suggestions = []
    for name, question in dataset.questions.items():
        unknown = 0
        for given in _listed(row.get(name)):
            user = given.get("user_id")
            unknown += user is None
            one = responses.setdefault(user or f"\0{unknown}", OldResponse(user, given.get("status")))
            if name in one.values:
                left_out.note("a second answer of the same user to the same question", key)
            elif given.get("value") is not None:
                one.values[name] = _value(question.type, given["value"])
        if row.get(f"{name}-suggestion") is not None:
            about = row.get(f"{name}-{_METADATA}") or {}
            value = _value(question.type, row[f"{name}-suggestion"])
            suggestions.append(
                OldSuggestion(name, value, about.get("type"), about.get("agent"), about.get("score"))
            )
    return list(responses.values()), suggestions


def _as_the_client_had_them(row: Mapping[str, Any], key: str, left_out: LeftOut) -> Answers:
    for name in sorted(set(row) - _OF_A_RECORD):
        left_out.note(f"what a record says of its {name}", key)
    responses = [
        OldResponse(
            _text(one.get("user_id")),
            one.get("status"),
            {name: given["value"] for name, given in (one.get("values") or {}).items()},
        )
        for one in row.get("responses") or ()
    ]
    suggestions = [
        OldSuggestion(one["question_name"], one["value"], one.get("type"), one.get("agent"), one.get("score"))
        for one in row.get("suggestions") or ()
    ]
    return responses, suggestions


def _listed(given: Any) -> list[Mapping[str, Any]]:
    """A list of mappings; `datasets` also writes one as a mapping of lists."""
    if isinstance(given, Mapping):
        return [dict(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True)]
    return list(given or ())


def _value(kind: str, value: Any) -> Any:
    return _listed(value) if kind in ("ranking", "span") else value


def _metadata(given: Any) -> dict[str, Any]:
    made = json.loads(given) if isinstance(given, str) and given else given
    if made is not None and not isinstance(made, Mapping):
        raise ValueError(f"its metadata is {made!r}")
    return {name: value for name, value in (made or {}).items() if value is not None}


def _text(given: Any) -> str | None:
    return None if given is None or given == "" else str(given)


def _note_columns(row: Mapping[str, Any], dataset: OldDataset, key: str, left_out: LeftOut) -> None:
    of_questions = {
        f"{name}{end}" for name in dataset.questions for end in ("", "-suggestion", f"-{_METADATA}")
    }
    for name in sorted(set(row) - {*dataset.fields, *of_questions, "external_id", "metadata", "vectors"}):
        left_out.note(f"the column {name}, which is no field and no question", key)
