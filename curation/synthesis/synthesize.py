"""`clayloop synthesize`: training queries for every chunk of the corpus."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from filelock import FileLock, Timeout
from pydantic import BaseModel

from curation.documents.corpus import Corpus
from curation.errors import BusyError, LanguageModelError, StateError
from curation.home import Home
from curation.progress import SILENT, Progress
from curation.records.chunk import Chunk
from curation.settings import SynthesisSettings
from curation.synthesis.cleaning import words
from curation.synthesis.generation import Outcome, generate
from curation.synthesis.headings import MIN_BODY_WORDS
from curation.synthesis.language_model import LanguageModel
from curation.synthesis.merging import merge
from curation.synthesis.store import Generation, GenerationStore, Recipe
from curation.synthesis.trial import TRIAL_CHUNKS, choose_templates
from curation.synthesis.triplets import load_triplets, save_triplets

# Chunks in one distilabel batch. Progress is stored after each batch, so small corpora get smaller ones.
BATCH_SIZE = 10


class SynthesisReport(BaseModel):
    """What a synthesis did.

    Of the corpus's ``chunks``, ``selected`` were to be asked about: ``cached`` ones were known already,
    ``generated`` ones were asked about now, ``failed`` ones got no answer. ``malformed`` counts what was
    dropped in this run, ``malformed_reasons`` says why. ``triplets`` counts what the table holds now, by
    origin. ``tokens_per_second`` is what the model wrote per second of this run; ``seconds`` is everything.
    """

    model: str = ""
    chunks: int
    selected: int = 0
    generated: int = 0
    cached: int = 0
    failed: int = 0
    malformed: int = 0
    malformed_reasons: dict[str, int] = {}
    triplets: dict[str, int] = {}
    output_tokens: int = 0
    tokens_per_second: float = 0.0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return sum(self.triplets.values())


def synthesize(
    home: Home,
    corpus: Corpus,
    settings: SynthesisSettings,
    llm: LanguageModel | None,
    progress: Progress = SILENT,
) -> SynthesisReport:
    """Ask ``llm`` about the chunks it was not asked about yet, and save the triplets of the whole corpus.

    Without ``llm`` only headings are added; generated triplets stay. Raises StateError (empty corpus, full
    disk), BusyError (another synthesis runs), LanguageModelError (the endpoint is down or goes away; what was
    generated until then is stored).
    """
    if not corpus.chunks:
        raise StateError("There are no chunks to make queries for.", "Run `clayloop ingest SOURCE` first.")
    home.corpus.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home.corpus / ".synthesis.lock", timeout=0):
            return _synthesize(home, corpus, settings, llm, progress)
    except Timeout:
        raise BusyError(
            f"Another synthesis is running in {home.root}.", "Wait until it ends, or stop it first."
        ) from None


def select(chunks: Sequence[Chunk], sample: int) -> list[Chunk]:
    """``sample`` chunks at even distances (0: all), without those that have too few words to ask about.

    The same chunks and number always give the same selection.
    """
    worth = [chunk for chunk in chunks if len(words(chunk.body)) >= MIN_BODY_WORDS]
    if sample == 0 or sample >= len(worth):
        return worth
    return [worth[(2 * i + 1) * len(worth) // (2 * sample)] for i in range(sample)]


def _synthesize(
    home: Home,
    corpus: Corpus,
    settings: SynthesisSettings,
    llm: LanguageModel | None,
    progress: Progress,
) -> SynthesisReport:
    started = time.monotonic()
    report = SynthesisReport(chunks=len(corpus.chunks))
    generations: dict[str, Generation] = {}
    if llm is not None:
        generations = _generations(corpus.chunks, home, settings, llm, progress, report)
    triplets = merge(corpus, generations, report.model, load_triplets(home), settings.headings)
    save_triplets(home, triplets)
    report.triplets = dict(sorted(Counter(triplet.origin for triplet in triplets).items()))
    report.seconds = time.monotonic() - started
    return report


def _generations(
    chunks: Sequence[Chunk],
    home: Home,
    settings: SynthesisSettings,
    llm: LanguageModel,
    progress: Progress,
    report: SynthesisReport,
) -> dict[str, Generation]:
    """All that is known of ``chunks`` after asking about the new ones in the sample. Fills in ``report``."""
    recipe = Recipe(
        model=llm.model, few_shot=llm.few_shot, context=settings.context, num_queries=settings.num_queries
    )
    selected = select(chunks, settings.sample)
    if llm.settings.few_shot is None and not llm.is_embedded and len(selected) > TRIAL_CHUNKS:
        recipe = _tried(recipe, selected, llm, home, progress)
    store = GenerationStore(home.synthesis, recipe)
    known = store.get_all(chunk.id for chunk in selected)
    missing = [chunk for chunk in selected if chunk.id not in known]
    if missing:
        llm.check()
        outcome = _generate_twice(missing, store, llm, home, progress)
        report.output_tokens = outcome.output_tokens
        report.tokens_per_second = outcome.output_tokens / outcome.seconds if outcome.seconds else 0.0
    now = store.get_all(chunk.id for chunk in chunks)
    fresh = [now[chunk.id] for chunk in missing if chunk.id in now]
    reasons: Counter[str] = Counter()
    for generation in fresh:
        reasons.update(generation.malformed)
    report.model = recipe.model
    report.selected = len(selected)
    report.cached = len(known)
    report.generated = len(fresh)
    report.failed = len(missing) - len(fresh)
    report.malformed = sum(reasons.values())
    report.malformed_reasons = dict(reasons.most_common())
    return now


def _tried(
    recipe: Recipe, chunks: Sequence[Chunk], llm: LanguageModel, home: Home, progress: Progress
) -> Recipe:
    """The recipe with the templates that a trial finds better for a model that nobody knows."""
    kinds = {few_shot: recipe.model_copy(update={"few_shot": few_shot}) for few_shot in (False, True)}
    stores = {few_shot: GenerationStore(home.synthesis, one) for few_shot, one in kinds.items()}

    def ask(some: Sequence[Chunk], store: GenerationStore) -> None:
        llm.check()
        generate(some, store, llm, BATCH_SIZE, home, progress)

    return kinds[choose_templates(select(chunks, TRIAL_CHUNKS), stores, ask, progress)]


def _generate_twice(
    chunks: Sequence[Chunk], store: GenerationStore, llm: LanguageModel, home: Home, progress: Progress
) -> Outcome:
    """A failed request takes its whole batch with it: ask again, one chunk at a time."""
    batch_size = max(1, min(BATCH_SIZE, len(chunks) // 4))
    outcome = generate(chunks, store, llm, batch_size, home, progress)
    if outcome.failed and outcome.done:
        progress.say(f"The model failed on {outcome.failed} chunks: asking for them once more, one by one.")
        stored = store.get_all(chunk.id for chunk in chunks)
        again = generate([chunk for chunk in chunks if chunk.id not in stored], store, llm, 1, home, progress)
        outcome = Outcome(
            done=outcome.done + again.done,
            failed=again.failed,
            output_tokens=outcome.output_tokens + again.output_tokens,
            seconds=outcome.seconds + again.seconds,
        )
    if not outcome.done:
        raise LanguageModelError(
            f"The language model at {llm.address} failed on all {len(chunks)} chunks.",
            f"The reasons are at the end of {home.logs / 'synthesis.log'}.",
        )
    return outcome
