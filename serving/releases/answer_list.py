"""Everything that people wrote that the bot should have answered, served or not, and why not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from curation import Home, SettingsError
from serving.releases.answers import AnswerSource, answer_rows, read_answers, written
from serving.releases.record import LINEAGE_FILE
from serving.releases.store import ReleaseStore
from serving.releases.switched_off import SWITCHED_OFF, switched_off

_GOES = "switched off: it leaves with the next round"
_COMES = "switched on: it comes back with the next round"


class ListedAnswer(BaseModel):
    """A correction, and what became of it. ``fate`` is ``served``, or why not: ``conflict``, ``duplicate``,
    ``unused`` or ``left-out``; ``why`` says more. ``off``: a maintainer switched it off."""

    model_config = ConfigDict(frozen=True)

    record_id: str
    question: str
    text: str
    role: str
    at: datetime | None
    sources: tuple[AnswerSource, ...] = ()
    stale: bool = False
    fate: str
    why: str = ""
    off: bool = False


def list_answers(store: ReleaseStore, home: Home) -> list[ListedAnswer]:
    """Those that the served release knows, served ones first, each in the order of the ledger. Raises
    StateError without a release and for damaged files, ReleaseError for a damaged release."""
    folder = store.folder(store.current().id)
    served = {one.record_id: one for one in read_answers(folder)}
    off = set(switched_off(home))
    found = []
    for row in answer_rows(folder / LINEAGE_FILE):
        key = row["record_id"]
        role, at = written(row)
        answer = served.get(key) if row["fate"] == "served" else None
        found.append(
            ListedAnswer(
                record_id=key,
                question=row["query"],
                text=row["text"],
                role=role,
                at=at,
                sources=answer.sources if answer else (),
                stale=answer is not None and answer.is_stale,
                fate=row["fate"],
                why=_why(row["fate"], row["reason"], key in off),
                off=key in off,
            )
        )
    return sorted(found, key=lambda one: one.fate != "served")


def find_answer(answers: Sequence[ListedAnswer], begins: str) -> str:
    """The record whose id is ``begins``, or the only one that begins so. Raises SettingsError."""
    ids = {one.record_id for one in answers}
    found = {begins} & ids or {key for key in ids if begins and key.startswith(begins)}
    if len(found) == 1:
        return found.pop()
    raise SettingsError(
        f"{_many(found)} begins with {begins!r}.", "`clayloop answers` lists them with their ids."
    )


def _many(found: Collection[str]) -> str:
    return f"More than one answer's id ({len(found)})" if found else "No answer's id"


def _why(fate: str, reason: str, is_off: bool) -> str:
    if fate == "served":
        return _GOES if is_off else ""
    return _COMES if reason == SWITCHED_OFF and not is_off else reason
