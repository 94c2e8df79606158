"""How far a language model's verdicts on answers are those of people, before anybody trusts it: it rates what
people have decided, without being told what they said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from curation.agreement.alpha import Alpha, alpha_of
from curation.argilla.conversations import answer_in
from curation.errors import StateError
from curation.files import read_json
from curation.home import Home
from curation.progress import SILENT, Progress
from curation.records.decision import Decision
from curation.records.generation import AnsweredQuestion, GeneratedAnswer
from curation.synthesis.judging import Judge

GOOD = 4  # the least rating, of 5, that says an answer is correct
_PEOPLE = "is_response_correct"


class JudgedRelease(BaseModel):
    """Of one release's ``decided`` answers, how many the judge gave a usable rating (``judged``) and how many
    of these it judged as people did. ``too_kind``: it calls good what people judged wrong; ``too_strict``:
    the opposite. ``alpha`` is Krippendorff's, between it and people."""

    model_config = ConfigDict(frozen=True)

    release: str
    decided: int
    judged: int
    same: int
    too_kind: int
    too_strict: int
    alpha: Alpha


class Calibration(BaseModel):
    """What came of asking ``judge``, a release at a time."""

    model_config = ConfigDict(frozen=True)

    judge: str
    at: datetime
    releases: tuple[JudgedRelease, ...]


def calibrate(
    judge: Judge,
    name: str,
    decisions: Sequence[Decision],
    text_of: Callable[[str], str],
    progress: Progress = SILENT,
) -> Calibration:
    """Ask ``judge`` (called ``name``) about each conversation that people have judged correct or not.
    ``text_of`` gives a chunk's text, "" for one that is gone. Raises LanguageModelError."""
    found: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    decided = [one for one in decisions if one.dataset == "conversations" and _PEOPLE in one.values]
    with progress.task("Judging", total=len(decided), unit="answers") as advance:
        for one in decided:
            (said,) = judge.rate(_answered(one, text_of)).judgements
            theirs = None if said is None else "yes" if said.rating >= GOOD else "no"
            found[str(one.metadata.get("release", ""))].append((one.values[_PEOPLE], theirs))
            advance(1)
    releases = tuple(_judged(release, pairs) for release, pairs in sorted(found.items()))
    return Calibration(judge=name, at=datetime.now(timezone.utc), releases=releases)


def read_calibration(home: Home) -> Calibration | None:
    """What was found last; None where nobody has asked, or it can't be read."""
    try:
        return Calibration.model_validate(read_json(calibration_file(home)))
    except (OSError, StateError, ValidationError):
        return None


def calibration_file(home: Home) -> Path:
    """Where it is kept."""
    return home.root / "calibration.json"


def _answered(decision: Decision, text_of: Callable[[str], str]) -> AnsweredQuestion:
    given = int(decision.metadata.get("sources", 0))
    chunks = str(decision.metadata.get("offered", "")).split()[:given]
    answer = GeneratedAnswer(
        question=decision.question,
        answer=answer_in(decision.fields.get("response", "")),
        messages=(),
        sources=tuple(filter(None, map(text_of, chunks))),
        release=str(decision.metadata.get("release", "")),
        model="",
        prompt="",
    )
    return AnsweredQuestion(answers=(answer,))


def _judged(release: str, pairs: Sequence[tuple[str, str | None]]) -> JudgedRelease:
    both = [(people, theirs) for people, theirs in pairs if theirs is not None]
    return JudgedRelease(
        release=release,
        decided=len(pairs),
        judged=len(both),
        same=sum(people == theirs for people, theirs in both),
        too_kind=sum((people, theirs) == ("no", "yes") for people, theirs in both),
        too_strict=sum((people, theirs) == ("yes", "no") for people, theirs in both),
        alpha=alpha_of(both),
    )
