"""Logging what language models answered, in the shape of distilabel's TextGenerationToArgilla (each answer by
itself) and PreferenceToArgilla (two answers to one question)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import argilla as rg

from curation.argilla.api import Api, storable
from curation.argilla.datasets import ensure_dataset
from curation.argilla.filters import Metadata, term
from curation.argilla.push import DatasetPush
from curation.argilla.schemas import COMPARED, DatasetKind, generation
from curation.argilla.suggestions import JUDGE_RULE, SUGGESTED_BY, Suggestion, agent_name
from curation.argilla.upsert import Finished, Outline, Shelf, send
from curation.progress import SILENT, Progress
from curation.records.generation import AnsweredQuestion, GeneratedAnswer
from curation.records.identity import content_id
from curation.settings import ArgillaSettings
from curation.shown.records import inert


def log_generations(
    client: rg.Argilla,
    settings: ArgillaSettings,
    answered: Sequence[AnsweredQuestion],
    progress: Progress = SILENT,
) -> list[DatasetPush]:
    """Create or update the dataset of answers, and where questions have two different ones, that of
    preferences.

    Records are recognised by hashes of question and answers: what is logged twice is there once. Responses
    are never touched. Judgements become suggestions, as ``push_to_argilla`` makes them: only where the page
    does not choose them for people. Raises ArgillaError.
    """
    api = Api.of(client)
    singles = [_single(one) for each in answered for one in each.different]
    pairs = [_pair(each) for each in answered if len(each.different) == COMPARED]
    if any(outline.suggested_by for outline, _ in pairs) and not api.shows_suggestions():
        progress.say("No ratings are suggested: this Argilla's page would choose them for people.")
    found = [_update(api, settings, "generations", singles, progress)]
    if pairs:
        found.append(_update(api, settings, "preferences", pairs, progress))
    return found


def _update(
    api: Api,
    settings: ArgillaSettings,
    kind: DatasetKind,
    records: Sequence[tuple[Outline, Finished]],
    progress: Progress,
) -> DatasetPush:
    dataset, _, created = ensure_dataset(api, settings, kind, None, progress)
    shelf = Shelf.read(api, dataset, api.shows_suggestions())
    finished = {outline.id: more for outline, more in records}
    outlines = {outline.id: outline for outline, _ in records}
    changed = [one for one in outlines.values() if not shelf.is_current(one)]
    send(api, shelf, changed, finished, progress)
    added = sum(one.id not in shelf.records for one in changed)
    return DatasetPush(
        dataset=kind,
        name=dataset.name,
        created=created,
        added=added,
        updated=len(changed) - added,
        unchanged=len(outlines) - len(changed),
    )


def _single(answer: GeneratedAnswer) -> tuple[Outline, Finished]:
    outline = Outline(
        id=content_id("generation", answer.question, answer.answer),
        fields={**_asked([answer]), "generation": inert(answer.answer)},
        metadata=_by(answer),
    )
    return outline, Finished()


def _pair(answered: AnsweredQuestion) -> tuple[Outline, Finished]:
    answers = answered.different
    fields, metadata = _asked(answers), Metadata()
    suggestions: dict[str, Suggestion] = {}
    agent = agent_name(JUDGE_RULE, term(answered.judge))
    for at, answer in enumerate(answers):
        fields[generation(at)] = inert(answer.answer)
        metadata |= {f"{name}-{at}": value for name, value in _by(answer).items()}
        if (said := answered.judgement_of(answer)) is not None:
            suggestions[f"{generation(at)}-rating"] = Suggestion(said.rating, None, agent)
            if said.rationale.strip():
                rationale = Suggestion(storable(said.rationale), None, agent)
                suggestions[f"{generation(at)}-rationale"] = rationale
    if suggestions:
        metadata[SUGGESTED_BY] = agent
    outline = Outline(
        id=content_id("preference", answered.question, *(one.answer for one in answers)),
        fields=fields,
        metadata=metadata,
        suggested_by=agent if suggestions else "",
    )
    return outline, Finished(suggestions=suggestions)


def _asked(answers: Sequence[GeneratedAnswer]) -> dict[str, str]:
    """The fields that are the same for all ``answers``. The id is distilabel's: it finds all records of one
    instruction."""
    question = answers[0].question
    sources = dict.fromkeys(source for one in answers for source in one.sources)
    return {
        "id": hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest(),
        "instruction": inert(question),
        "sources": inert("\n\n---\n\n".join(sources)),
    }


def _by(answer: GeneratedAnswer) -> Metadata:
    """Who answered, and all that it was told: what a model is trained on."""
    return {
        "release": term(answer.release),
        "model": term(answer.model),
        "prompt": term(answer.prompt),
        "messages": storable(json.dumps(answer.messages, ensure_ascii=False)),
    }
