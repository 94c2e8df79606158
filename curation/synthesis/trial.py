"""Which templates suit a model that nobody knows: a short trial on a few chunks.

A model of half a billion parameters gave no usable query for any of 47 chunks with the templates for larger
models, and for 35 of 40 with those that hold worked examples. Each is tried in the styles that it would be
used for. What is asked in the trial is stored like everything else, so nothing is asked twice, and the next
run makes the same choice from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from curation.errors import LanguageModelError
from curation.progress import Progress
from curation.records.chunk import Chunk
from curation.synthesis.store import Generation, GenerationStore

TRIAL_CHUNKS = 10
_SHOWN = 5
Ask = Callable[[Sequence[Chunk], GenerationStore], object]


def choose_templates(
    chunks: Sequence[Chunk], stores: dict[bool, GenerationStore], ask: Ask, progress: Progress
) -> bool:
    """Whether the few-shot templates suit the model better. ``stores`` has that of each kind by whether it is
    few-shot, ``ask`` fills one for the ``chunks`` that it lacks.

    Those for larger models are chosen where both do as well. Says what was chosen, and shows queries of both.
    Raises LanguageModelError where neither gives a usable query.
    """
    found: dict[bool, list[Generation]] = {}
    for few_shot, store in stores.items():
        known = store.get_all(chunk.id for chunk in chunks)
        if missing := [chunk for chunk in chunks if chunk.id not in known]:
            ask(missing, store)
        found[few_shot] = list(store.get_all(chunk.id for chunk in chunks).values())
    usable = {few_shot: [one.positive for one in made if one.positive] for few_shot, made in found.items()}
    for few_shot, queries in usable.items():
        progress.say(f"{_name(few_shot)}: usable queries for {len(queries)} of {len(chunks)} chunks.")
        for query in queries[:_SHOWN]:
            progress.say(f"    {query}")
    if not any(usable.values()):
        raise LanguageModelError(
            f"The language model gave no usable query for any of {len(chunks)} chunks, with either kind of "
            "templates.",
            "Connect another model, or use `clayloop synthesize --headings-only`.",
        )
    chosen = len(usable[True]) > len(usable[False])
    progress.say(f"Chosen: {_name(chosen).lower()}. few_shot under [curation.language_model] overrules this.")
    return chosen


def _name(few_shot: bool) -> str:
    return "Templates with worked examples" if few_shot else "Templates for larger models"
