"""Other suggestions and priorities for what nobody has answered, from what each record remembers: nothing is
looked at anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curation.argilla.api import Api, JsonObject
from curation.argilla.asking import queue_outlines
from curation.argilla.datasets import find_all, vector_slug
from curation.argilla.filters import with_metadata
from curation.argilla.schemas import ASKED, QUEUE
from curation.argilla.suggestions import SUGGESTED_BY, hidden, remembered, scorers_for, suggestions_of
from curation.argilla.upsert import Outline, Shelf, is_answered, requeue, withdraw
from curation.argilla.users import read_users
from curation.records.gold import is_gold
from curation.settings import ArgillaSettings
from curation.suggestions.choice import SIGNALS, Guess, guess, read_guesses
from curation.suggestions.scorer import Scorers

if TYPE_CHECKING:
    import argilla as rg


def renew_queue(client: rg.Argilla, settings: ArgillaSettings, scorers: Scorers, model: str) -> int:
    """Bring the queue of all datasets up to what is decided and learned by now: which records are asked
    about, how soon, and what is suggested. ``model`` is the embedding model that the records were looked at
    through. Returns how many changes were sent. Raises ArgillaError."""
    api = Api.of(client)
    suggests, users, changed = api.shows_suggestions(), read_users(api, settings), 0
    for kind, datasets in find_all(api, settings).items():
        shelves = [Shelf.read(api, one, suggests) for one in datasets]
        outlines = [as_they_stand(shelf) for shelf in shelves]
        queue_outlines(kind, shelves, [one for own in outlines for one in own], users, settings.acceptance)
        for shelf, own in zip(shelves, outlines, strict=True):
            changed += requeue(api, shelf, own)
            changed += refresh_suggestions(api, shelf, scorers, vector_slug(model))
    return changed


def as_they_stand(shelf: Shelf) -> list[Outline]:
    """The records that clayloop or the bot put into a dataset, as they are: nothing of them is made anew."""
    return [
        Outline(key, record["fields"], dict(record["metadata"]))
        for key, record in shelf.records.items()
        if SIGNALS in (record.get("metadata") or {}) and not is_gold(key)
    ]


def refresh_suggestions(api: Api, shelf: Shelf, scorers: Scorers, model: str) -> int:
    """Suggest anew in a dataset, where another scorer counts than the one that looked at a record. Returns
    how many records were changed. Raises ArgillaError."""
    dataset = shelf.dataset
    by = scorers_for(dataset.spec.judged, scorers, model)
    waiting = {
        key: record
        for key, record in shelf.records.items()
        if not is_answered(record)
        and SIGNALS in (record.get("metadata") or {})
        and record["metadata"].get(SUGGESTED_BY) != by
    }
    bodies: list[JsonObject] = []
    kept: dict[str, set[str]] = {}
    for key, record in waiting.items():
        metadata = record["metadata"]
        known = read_guesses(metadata[SIGNALS])
        guesses = {question: _again(question, key, one, scorers) for question, one in known.items()}
        guesses = guesses if shelf.suggests else hidden(guesses)
        foreign = shelf.foreign(key)
        shown = {
            question: one
            for question, one in suggestions_of(guesses, model).items()
            if dataset.questions[question] not in foreign
        }
        kept[key] = set(shown)
        is_asked = metadata.get(QUEUE.name, ASKED) == ASKED
        suggestions = [one.payload(dataset.questions[name]) for name, one in shown.items()]
        bodies.append(with_metadata(record, remembered(guesses, by, is_asked)) | {"suggestions": suggestions})
    api.upsert(dataset.id, bodies)
    withdraw(api, dataset, list(waiting.values()), kept)
    return len(bodies)


def _again(question: str, record_id: str, known: Guess, scorers: Scorers) -> Guess:
    """The guess by another scorer. Where nothing needed to be looked at, it stays."""
    return guess(question, record_id, known.features, scorers) if known.features else known
