"""From decisions about answers to a release with another answering model, or a reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from curation import (
    SILENT,
    Home,
    LanguageModel,
    Progress,
    Remembered,
    StateError,
    content_id,
    read_record,
    write_json,
)
from serving import (
    ANSWERS,
    Answerer,
    Answering,
    AnsweringInfo,
    NotPromotedError,
    ReleaseStore,
    Retriever,
    ServingSettings,
    load_release,
    pull,
    release_with,
)
from training.answering.judging import AnsweringVerdict, judge_answers, too_few
from training.answering.lessons import Lessons, read_decided, sort_out
from training.answering.overlap import Overlap
from training.answering.tuning import tune
from training.runs.run import RunStore
from training.settings import TrainingSettings

CANDIDATE_FILE = "candidate.gguf"
_VERDICT_FILE = "evaluation.json"


@dataclass(frozen=True)
class AnsweringContext:
    """What a candidate is made with. ``model`` gives a language model that answers: a GGUF file's path, an
    endpoint's address, a name at the configured endpoint, or "" for the one that the bot asks now. ``base``
    is the GGUF file that a training starts from."""

    home: Home
    settings: TrainingSettings
    serving: ServingSettings
    model: Callable[[str], LanguageModel]
    base: Callable[[], Path]
    progress: Progress = SILENT


class AnsweringSummary(BaseModel):
    """What came of it. ``release`` is the release that was made, None where there is none; ``served``: it is
    the one that is served now. ``candidate`` is what was judged: a file that stays, or an endpoint's."""

    model_config = ConfigDict(frozen=True)

    verdict: str
    accepted_answers: int
    preferences: int
    held_out_questions: int
    leaks_left_out: int
    candidate: str = ""
    release: str | None = None
    served: bool = False
    writes: bool = False
    evaluation: AnsweringVerdict | None = None


class _Tried(BaseModel):
    """What the folder answering/ says of the last candidate."""

    inputs: str
    evaluation: AnsweringVerdict


def retrain_answers(
    context: AnsweringContext,
    datasets: Iterable[Any],
    candidate: str = "",
    force: bool = False,
    dry: bool = False,
) -> AnsweringSummary:
    """Train a language model on what people decided about answers (or take the ``candidate`` that somebody
    else trained), judge it, and serve it with all else that is served if it is surely better.

    ``datasets`` are those of `clayloop generations` that are there. The same decisions are tried once, unless
    ``force``; ``dry``: only count them. Raises BusyError while another retrain is at work, StateError without
    a release or anything to learn, LanguageModelError when a model does not answer, and whatever reading
    raises: what is served stays as it is. So it does, with a BusyError, where another machine has taken over.
    """
    with RunStore(context.home).exclusive(context.settings.lease_seconds) as lease:
        store, home = ReleaseStore(context.home), context.home
        pull(store)  # else it would compare with what another machine has replaced
        retriever = load_release(store, None, context.serving)
        decided = read_decided(datasets, context.progress)
        threshold = context.settings.dedup.semantic_threshold
        found = sort_out(decided, retriever.answers.values(), retriever.embedder.queries, threshold)
        if lacking := too_few(len(found.held_out), context.settings.gate):
            return _summary(found, lacking)
        if dry:
            return _summary(found, "Would judge that model." if candidate else "Would train.")
        inputs = content_id(found.digest, candidate, repr(context.settings.answering))
        if not force and (last := _tried(home.answering / _VERDICT_FILE, inputs)):
            return _summary(found, f"Nothing new to learn. Last time: {last.reason} (--force tries again.)")
        served = _answerer(context, retriever, context.model(""))
        wanted, trained_on = candidate or str(home.answering / CANDIDATE_FILE), dict[str, int]()
        if not candidate:
            settings, base = context.settings.answering, context.base()
            trained_on = tune(found, served.told, base, Path(wanted), settings, context.progress)
        model = context.model(wanted)
        verdict = judge_answers(
            served,
            _answerer(context, retriever, model),
            found.held_out,
            Overlap(chunk.text for chunk in retriever.index.documents()),
            context.settings.gate,
            context.progress,
        )
        lease.check()
        home.answering.mkdir(parents=True, exist_ok=True)
        tried = _Tried(inputs=inputs, evaluation=verdict)
        write_json(home.answering / _VERDICT_FILE, tried.model_dump(mode="json"), mode=0o600)
        summary = _summary(found, verdict.reason, candidate=wanted, evaluation=verdict)
        if not verdict.promoted or verdict.after is None:
            return summary
        answering = _answering(model, wanted, trained_on, verdict.after.as_metrics())
        release = release_with(store, retriever.release, answering, verdict.model_dump_json(indent=1))
        made: dict[str, Any] = {
            "release": release.id,
            "writes": context.serving.bot.lets_write(answering.info.few_shot),
            "served": True,
        }
        try:
            store.promote(release.id, expected=retriever.release.id, by=ANSWERS, lease=lease)
        except NotPromotedError as error:
            made |= {"served": False, "verdict": f"{summary.verdict} {error.message}"}
        return summary.model_copy(update=made)


def _answering(
    model: LanguageModel, wanted: str, trained_on: dict[str, int], metrics: dict[str, float]
) -> Answering:
    gguf = Path(wanted) if wanted.endswith(".gguf") else None
    info = AnsweringInfo(
        name=model.model,
        base_url="" if gguf else model.base_url,
        few_shot=model.few_shot,
        trained_on=trained_on,
        metrics=metrics,
    )
    return Answering(info, gguf)


def _answerer(context: AnsweringContext, retriever: Retriever, model: LanguageModel) -> Answerer:
    return Answerer(retriever, model, context.serving.bot, Remembered(context.home.generations))


def _summary(found: Lessons, verdict: str, **more: Any) -> AnsweringSummary:
    return AnsweringSummary(
        verdict=verdict,
        accepted_answers=len(found.accepted),
        preferences=len(found.preferences),
        held_out_questions=len(found.held_out),
        leaks_left_out=found.leaks,
        **more,
    )


def _tried(path: Path, inputs: str) -> AnsweringVerdict | None:
    try:
        found = read_record(path, _Tried)
    except (FileNotFoundError, StateError):
        return None
    return found.evaluation if found.inputs == inputs else None
