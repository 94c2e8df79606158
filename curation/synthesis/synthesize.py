"""`clayloop synthesize`: training queries for every chunk of the corpus."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filelock import FileLock, Timeout
from pydantic import BaseModel

from curation.documents.corpus import Corpus
from curation.documents.shared import held, save_shared
from curation.errors import BusyError, LanguageModelError, StateError
from curation.home import Home
from curation.progress import SILENT, Progress
from curation.records.chunk import Chunk
from curation.settings import SynthesisSettings
from curation.synthesis.asked import Accepted, accepted_examples, asked
from curation.synthesis.cleaning import words
from curation.synthesis.generation import Outcome, generate
from curation.synthesis.headings import MIN_BODY_WORDS
from curation.synthesis.language_model import LanguageModel
from curation.synthesis.merging import merge
from curation.synthesis.store import Generation, GenerationStore, Recipe
from curation.synthesis.styles import EVERY_STYLE, SMALL_STYLES
from curation.synthesis.trial import TRIAL_CHUNKS, choose_templates
from curation.synthesis.triplets import load_triplets, save_triplets

# Chunks in one distilabel batch. Progress is stored after each batch, so small corpora get smaller ones.
BATCH_SIZE = 10
Finds = Callable[[Sequence[tuple[str, str]]], list[bool]]


class SynthesisReport(BaseModel):
    """What a synthesis did.

    Of the corpus's ``chunks``, ``selected`` were to be asked about: ``cached`` ones were known already,
    ``generated`` ones were asked about now, ``failed`` ones got no answer. ``malformed`` counts what was
    dropped in this run, ``malformed_reasons`` says why. ``triplets`` counts what the table holds now, by
    origin, and ``styles`` its first queries, by style. Of the first queries of this run ``searched`` were
    looked up, and ``found`` so many led to their chunk, by style. ``tokens_per_second`` is what the model
    wrote per second of this run; ``seconds`` is everything.
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
    styles: dict[str, int] = {}
    searched: dict[str, int] = {}
    found: dict[str, int] = {}
    output_tokens: int = 0
    tokens_per_second: float = 0.0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return sum(self.triplets.values())


@dataclass(frozen=True)
class Experience:
    """What earlier rounds are good for. ``accepted``: ids of triplets that people accepted and that no
    release is judged by. ``finds``: of each query, whether the search that is served finds the chunk of the
    id beside it; None where nothing is served yet."""

    accepted: frozenset[str] = frozenset()
    finds: Finds | None = None


def synthesize(
    home: Home,
    corpus: Corpus,
    settings: SynthesisSettings,
    llm: LanguageModel | None,
    progress: Progress = SILENT,
    experience: Experience | None = None,
) -> SynthesisReport:
    """Ask ``llm`` about the chunks it was not asked about yet, and save the triplets of the whole corpus.

    Without ``llm`` only headings are added; generated triplets stay. Raises StateError (empty corpus, full
    disk), BusyError (another synthesis runs, or another machine that shares the corpus has changed it),
    LanguageModelError (the endpoint is down or goes away). What was generated until then is stored.
    """
    if not corpus.chunks:
        raise StateError("There are no chunks to make queries for.", "Run `clayloop ingest SOURCE` first.")
    home.corpus.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home.corpus / ".synthesis.lock", timeout=0):
            started = time.monotonic()
            report = SynthesisReport(chunks=len(corpus.chunks))
            earlier = load_triplets(home)
            generations: dict[str, Generation] = {}
            if llm is not None:
                known = experience or Experience()
                accepted = accepted_examples(earlier, known.accepted, corpus.by_id)
                asking = _Asking(home, llm, progress, accepted)
                generations, fresh = asking.generations(corpus.chunks, settings, report)
                if known.finds is not None:
                    _look_up(fresh, known.finds, report)
            triplets = merge(corpus, generations, report.model, earlier)
            with held(home, wait=True):
                save_shared(home, lambda place: save_triplets(place, triplets))
    except Timeout:
        raise BusyError(
            f"Another synthesis is running in {home.root}.", "Wait until it ends, or stop it first."
        ) from None
    report.triplets = dict(sorted(Counter(triplet.origin for triplet in triplets).items()))
    report.styles = dict(Counter(triplet.style for triplet in triplets if triplet.style).most_common())
    report.seconds = time.monotonic() - started
    return report


def select(chunks: Sequence[Chunk], sample: int) -> list[Chunk]:
    """``sample`` chunks at even distances (0: all), without those that have too few words to ask about.

    The same chunks and number always give the same selection.
    """
    worth = [chunk for chunk in chunks if len(words(chunk.body)) >= MIN_BODY_WORDS]
    if sample == 0 or sample >= len(worth):
        return worth
    return [worth[(2 * i + 1) * len(worth) // (2 * sample)] for i in range(sample)]


def _look_up(fresh: Sequence[Generation], finds: Finds, report: SynthesisReport) -> None:
    """The round trip: whether the search leads from a query to its own chunk. What it does not find stays:
    people may find it right, and then it is what the search has most to learn from."""
    asked = [one for one in fresh if one.positive]
    found = finds([(one.positive, one.chunk_id) for one in asked])
    report.searched = dict(Counter(one.style for one in asked))
    report.found = dict(Counter(one.style for one, is_found in zip(asked, found, strict=True) if is_found))


class _Asking:
    """Asks a language model about chunks."""

    def __init__(self, home: Home, llm: LanguageModel, progress: Progress, accepted: Accepted) -> None:
        self._home, self._llm, self._progress, self._accepted = home, llm, progress, accepted

    def generations(
        self, chunks: Sequence[Chunk], settings: SynthesisSettings, report: SynthesisReport
    ) -> tuple[dict[str, Generation], list[Generation]]:
        """All that is known of ``chunks`` after asking about the new ones in the sample, and what is new of
        it. Fills in ``report``."""
        llm = self._llm
        selected = select(chunks, settings.sample)
        kinds = {
            few_shot: Recipe(
                model=llm.model,
                few_shot=few_shot,
                context=settings.context,
                num_queries=settings.num_queries,
                styles=tuple(settings.styles) or (SMALL_STYLES if few_shot else EVERY_STYLE),
            )
            for few_shot in (False, True)
        }
        few_shot = llm.few_shot
        if llm.settings.few_shot is None and not llm.is_embedded and len(selected) > TRIAL_CHUNKS:
            stores = {kind: GenerationStore(self._home.synthesis, one) for kind, one in kinds.items()}
            few_shot = choose_templates(select(selected, TRIAL_CHUNKS), stores, self._try, self._progress)
        store = GenerationStore(self._home.synthesis, kinds[few_shot])
        known = store.get_all(chunk.id for chunk in selected)
        missing = [chunk for chunk in selected if chunk.id not in known]
        if missing:
            llm.check()
            outcome = self._ask_twice(missing, store)
            report.output_tokens = outcome.output_tokens
            report.tokens_per_second = outcome.output_tokens / outcome.seconds if outcome.seconds else 0.0
        now = store.get_all(chunk.id for chunk in chunks)
        fresh = [now[chunk.id] for chunk in missing if chunk.id in now]
        reasons: Counter[str] = Counter()
        for generation in fresh:
            reasons.update(generation.malformed)
        report.model = llm.model
        report.selected = len(selected)
        report.cached = len(known)
        report.generated = len(fresh)
        report.failed = len(missing) - len(fresh)
        report.malformed = sum(reasons.values())
        report.malformed_reasons = dict(reasons.most_common())
        return now, fresh

    def _try(self, chunks: Sequence[Chunk], store: GenerationStore) -> None:
        self._llm.check()
        self._ask(chunks, store, BATCH_SIZE)

    def _ask(self, chunks: Sequence[Chunk], store: GenerationStore, batch_size: int) -> Outcome:
        # Style after style: a server remembers the beginning of a prompt, and examples are most of one.
        rows = sorted(
            (asked(chunk, store.recipe.styles, self._accepted) for chunk in chunks), key=lambda row: row.style
        )
        return generate(rows, store, self._llm, batch_size, self._home, self._progress)

    def _ask_twice(self, chunks: Sequence[Chunk], store: GenerationStore) -> Outcome:
        """A failed request takes its whole batch with it: ask again, one chunk at a time."""
        outcome = self._ask(chunks, store, max(1, min(BATCH_SIZE, len(chunks) // 4)))
        if outcome.failed and outcome.done:
            self._progress.say(
                f"The model failed on {outcome.failed} chunks: asking for them once more, one by one."
            )
            stored = store.get_all(chunk.id for chunk in chunks)
            again = self._ask([chunk for chunk in chunks if chunk.id not in stored], store, 1)
            outcome = Outcome(
                done=outcome.done + again.done,
                failed=again.failed,
                output_tokens=outcome.output_tokens + again.output_tokens,
                seconds=outcome.seconds + again.seconds,
            )
        if not outcome.done:
            raise LanguageModelError(
                f"The language model at {self._llm.address} failed on all {len(chunks)} chunks.",
                f"The reasons are at the end of {self._home.logs / 'synthesis.log'}.",
            )
        return outcome
