"""Whether a candidate answers better than the served language model: both are asked the held-out questions,
as the bot asks, and what the chat would show of their answers is compared with what people accepted. So is
what it shows without any model: the sentence that it marks in the best passage.

An answer of which nothing holds to the passages, so that nothing of it would be shown, has no overlap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field

from curation import SILENT, Progress
from serving import OUT_OF_DOMAIN_QUESTIONS, Answerer
from training.answering.overlap import Overlap
from training.judge.intervals import Interval, classify, expanded_interval, mean_interval
from training.settings import GUARD_QUERIES, REFUSAL_DROP, GateSettings, Verdict

_OFF_TOPIC = OUT_OF_DOMAIN_QUESTIONS[::3]
# What a model says that finds no answer in its passages.
_REFUSES = re.compile(
    r"(\bnot|n't)\b.{0,40}\b(say|mention|answer|contain|cover|describe|provide|found)", re.IGNORECASE
)


class AskedQuestion(BaseModel):
    """A held-out question: what people accepted, what the chat would show of both models' answers, and the
    sentence that it marks in the passage."""

    model_config = ConfigDict(frozen=True)

    question: str
    accepted: list[str]
    before: str
    after: str
    marked: str
    overlap_before: float
    overlap_after: float
    overlap_marked: float


class Figures(BaseModel):
    """Of one model: mean ``overlap``, and shares of questions. ``grounded``: something of its answer would be
    shown, because it holds to the passages. ``unfounded``: it answers what the documentation does not, from
    the passages that are nearest all the same."""

    model_config = ConfigDict(frozen=True)

    overlap: float
    grounded: float
    unfounded: float

    def as_metrics(self) -> dict[str, float]:
        return {
            "overlap with accepted answers": self.overlap,
            "grounded answers": self.grounded,
            "answers without a source": self.unfounded,
        }


class AnsweringVerdict(BaseModel):
    """The answer, and all that it rests on. ``interval`` is of the mean difference of the overlaps,
    ``marked`` the mean overlap of the passages' marked sentences, ``over_marked`` the interval of what the
    candidate has more than those."""

    model_config = ConfigDict(frozen=True)

    promoted: bool
    verdict: Verdict
    reason: str
    candidate: str
    served: str
    before: Figures | None = None
    after: Figures | None = None
    interval: Interval | None = None
    marked: float | None = None
    over_marked: Interval | None = None
    asked: list[AskedQuestion] = Field(default_factory=list)

    @property
    def beats_passages(self) -> bool:
        """Whether the candidate surely says more of what was accepted than the passages' marked sentences:
        else there is no reason to let it write."""
        return self.over_marked is not None and self.over_marked.low > 0


def judge_answers(
    served: Answerer,
    candidate: Answerer,
    held_out: Mapping[str, Sequence[str]],
    overlap: Overlap,
    settings: GateSettings,
    progress: Progress = SILENT,
) -> AnsweringVerdict:
    """Promote the ``candidate`` only if it is surely better than the ``served`` one, and not surely worse
    than the passages alone. ``held_out`` maps questions to accepted answers; what the bot refuses is left
    out. Raises LanguageModelError when a model fails."""
    names = {"candidate": candidate.model.model, "served": served.model.model}
    with progress.task(
        "Asking both models", total=len(held_out) + len(_OFF_TOPIC), unit="questions"
    ) as advance:
        asked = list(_asked((served, candidate), held_out, overlap, advance))
        if reason := too_few(len(asked), settings):
            return AnsweringVerdict(promoted=False, verdict="not-enough", reason=reason, asked=asked, **names)
        unfounded = _unfounded(served, candidate, advance)
    before, after = (
        Figures(
            overlap=round(fmean(getattr(one, f"overlap_{side}") for one in asked), 4),
            grounded=round(fmean(bool(getattr(one, side)) for one in asked), 4),
            unfounded=share,
        )
        for side, share in zip(("before", "after"), unfounded, strict=True)
    )
    interval, over_marked = (
        expanded_interval([one.overlap_after - than(one) for one in asked], settings.confidence)
        for than in (attrgetter("overlap_before"), attrgetter("overlap_marked"))
    )
    marked = round(fmean(one.overlap_marked for one in asked), 4)
    verdict = classify(interval, settings.margin)
    complaints = [*_complaints(asked, before, after, not candidate.model.few_shot, settings)]
    if over_marked.high < 0:
        complaints.append(
            f"the sentence that the bot marks in the passage has more ({marked:.3f}; {over_marked} for the "
            'candidate): serving.bot.answers = "passages" shows that'
        )
    figures = (
        f"overlap with accepted answers {before.overlap:.3f} → {after.overlap:.3f} on {len(asked)} held-out "
        f"questions, {interval} at {settings.confidence:.0%}; the passages' marked sentences {marked:.3f}"
    )
    return AnsweringVerdict(
        promoted=verdict == "superior" and not complaints,
        verdict=verdict,
        reason=_reason(verdict, figures, "; ".join(complaints)),
        before=before,
        after=after,
        interval=interval,
        marked=marked,
        over_marked=over_marked,
        asked=asked,
        **names,
    )


def _reason(verdict: Verdict, figures: str, complaints: str) -> str:
    if verdict == "superior" and not complaints:
        return f"Promoted: surely better ({figures})."
    if verdict == "superior":
        return f"Held back, although better ({figures}): {complaints}."
    said = "worse" if verdict == "inferior" else "not surely better"
    also = f" Also {complaints}." if complaints else ""
    return f"Rejected: {said} ({figures}); what is served stays.{also}"


def too_few(questions: int, settings: GateSettings) -> str:
    """Why nothing can be promoted with so few ``questions``, or nothing."""
    if questions >= settings.min_queries:
        return ""
    return (
        f"Not enough to tell: {questions} questions that the bot answers have an accepted answer and are "
        f"held out, and {settings.min_queries} are needed (training.gate.min_queries). About every third "
        "question is: judge more answers of `clayloop generations`, or correct more conversations."
    )


def _asked(
    both: tuple[Answerer, Answerer],
    held_out: Mapping[str, Sequence[str]],
    overlap: Overlap,
    advance: Callable[[int], None],
) -> Iterator[AskedQuestion]:
    served, candidate = both
    for question, accepted in held_out.items():
        old, new = served.from_documents(question), candidate.from_documents(question)
        if old is not None and new is not None:
            said = {
                "before": served.shown(old),
                "after": candidate.shown(new),
                "marked": served.marked(question),
            }
            overlaps = {
                f"overlap_{side}": round(overlap(question, text, accepted), 4) for side, text in said.items()
            }
            yield AskedQuestion(question=question, accepted=list(accepted), **said, **overlaps)
        advance(1)


def _unfounded(served: Answerer, candidate: Answerer, advance: Callable[[int], None]) -> tuple[float, float]:
    """The share of off-topic questions that each answers."""
    counts = [0, 0]
    for question in _OFF_TOPIC:
        for place, one in enumerate((served, candidate)):
            said = one.from_documents(question, anyway=True)
            text = one.shown(said) if said is not None else ""
            counts[place] += bool(text) and not _REFUSES.search(text)
        advance(1)
    return counts[0] / len(_OFF_TOPIC), counts[1] / len(_OFF_TOPIC)


def _complaints(
    asked: Sequence[AskedQuestion], before: Figures, after: Figures, refuses: bool, settings: GateSettings
) -> Iterator[str]:
    """``refuses``: the model is told to refuse. A very small one is not: there the bot does that before."""
    held = mean_interval([bool(one.after) - bool(one.before) for one in asked], settings.confidence)
    if held.size >= GUARD_QUERIES and classify(held, settings.margin) == "inferior":
        yield f"fewer of its answers hold to the passages ({before.grounded:.0%} → {after.grounded:.0%})"
    if refuses and after.unfounded > before.unfounded + REFUSAL_DROP:
        yield (
            f"it answers more of what the documentation does not ({before.unfounded:.0%} → "
            f"{after.unfounded:.0%} of {len(_OFF_TOPIC)} questions)"
        )
