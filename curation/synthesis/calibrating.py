"""How far a language model's verdicts on answers are those of people, before anybody trusts it: it rates what
people have decided, without being told what they said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from curation.agreement.alpha import alpha_of
from curation.agreement.calibration import Calibration, JudgedRelease
from curation.argilla.conversations import answer_in
from curation.progress import SILENT, Progress
from curation.records.decision import Decision
from curation.records.generation import AnsweredQuestion, GeneratedAnswer
from curation.synthesis.judging import Judge

GOOD = 4  # the least rating, of 5, that says an answer is correct
_PEOPLE = "is_response_correct"


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
