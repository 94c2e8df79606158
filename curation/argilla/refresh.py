"""Other suggestions for what nobody has answered, from what each record remembers: nothing is looked at
anew."""

from __future__ import annotations

from curation.argilla.api import UPSERT_BATCH, Api, JsonObject
from curation.argilla.schemas import ASKED, QUEUE
from curation.argilla.suggestions import SUGGESTED_BY, remembered, scorers_for, suggestions_of
from curation.argilla.upsert import Shelf, is_answered, withdraw
from curation.suggestions.choice import SIGNALS, Guesses, guess, read_guesses
from curation.suggestions.scorer import Scorers


def refresh_suggestions(api: Api, shelf: Shelf, scorers: Scorers, model: str) -> int:
    """Suggest anew in a dataset, where another scorer counts than the one that looked at a record. Returns
    how many records were changed. Raises ArgillaError."""
    dataset, standing = shelf.dataset, shelf.standing
    by = scorers_for(dataset.spec.judged, scorers, model)
    waiting = {
        key: record
        for key, record in standing.records.items()
        if not is_answered(record) and (record.get("metadata") or {}).get(SUGGESTED_BY) != by
    }
    bodies: list[JsonObject] = []
    kept: dict[str, set[str]] = {}
    for key, record in waiting.items():
        metadata = record.get("metadata") or {}
        known = read_guesses(metadata.get(SIGNALS))
        guesses: Guesses = {
            question: guess(question, key, one.features, scorers) for question, one in known.items()
        }
        foreign = standing.foreign(key)
        shown = {
            question: one
            for question, one in suggestions_of(guesses, model).items()
            if dataset.questions[question] not in foreign
        }
        kept[key] = set(shown)
        bodies.append(
            {
                "external_id": key,
                "metadata": {
                    **metadata,
                    **remembered(guesses, by, asked=metadata.get(QUEUE.name, ASKED) == ASKED),
                },
                "suggestions": [one.payload(dataset.questions[name]) for name, one in shown.items()],
            }
        )
    for start in range(0, len(bodies), UPSERT_BATCH):
        api.upsert(dataset.id, bodies[start : start + UPSERT_BATCH])
    withdraw(api, dataset, list(waiting.values()), kept)
    return len(bodies)
