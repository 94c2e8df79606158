"""Learning from decisions what annotators will answer: a logistic regression over the features, one for each
question, judged by decisions that it has not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curation.records.decision import Decision
from curation.suggestions.choice import SIGNALS, read_guesses
from curation.suggestions.features import Features
from curation.suggestions.scorer import COLD, COLD_SCORERS, VERSION, Scorer, Scorers

ENOUGH = 50  # decisions
ENOUGH_OF_EACH = 5  # of those that said the rarer value, one in each fold
WORTH_ANOTHER = 20  # decisions that the standing scorer has not seen
_FOLDS = 5
_STRENGTH = 0.1  # the inverse of the penalty; chosen on scrapy's and django's chunks
_LEAST_SCALE = 0.2  # most features are shares, from 0 to 1; chosen on the same chunks
_SEED = 15

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """A decided record: what was looked at, and what people said."""

    record_id: str
    features: Features
    is_yes: bool


@dataclass(frozen=True)
class Learned:
    """What came of learning one question: the scorer that counts from now on, and why."""

    question: str
    scorer: Scorer | None
    decisions: int
    why: str


def learn(question: str, examples: Iterable[Example], standing: Scorer | None = None) -> Learned:
    """A scorer for ``question``, if a better one than the ``standing`` one (or the cold one) comes of
    ``examples``.

    Both are judged by log loss. The new one's probabilities are out of fold; the standing one is judged by
    what it has not learned from, and dropped when a decision that it learned from is gone or says something
    else by now. The order of ``examples`` never matters.
    """
    usable = sorted(examples, key=lambda one: one.record_id)
    names = sorted(usable[-1].features) if usable else []
    usable = [one for one in usable if one.features.keys() == set(names)]
    if standing is not None and not _still_holds(standing, usable):
        standing = None
    yes = np.array([one.is_yes for one in usable])
    rarer = int(min(yes.sum(), len(yes) - yes.sum())) if len(yes) else 0
    counted = len(usable)
    if counted < ENOUGH or rarer < ENOUGH_OF_EACH:
        lacking = f"{counted} of {ENOUGH} decisions, {rarer} of {ENOUGH_OF_EACH} of the rarer answer"
        return Learned(question, standing, counted, f"not enough to learn from: {lacking}")
    unseen = np.array([one.record_id not in set(standing.learned_from if standing else ()) for one in usable])
    if standing is not None and standing.learned_from and unseen.sum() < WORTH_ANOTHER:
        return Learned(question, standing, counted, f"only {unseen.sum()} decisions since the last time")
    names, matrix = with_cold(question, usable)
    guessed = out_of_fold(matrix, yes)
    new = _fitted(question, names, matrix, yes, usable)
    new = new.model_copy(update={"auc": area(guessed, yes), "loss": log_loss(guessed, yes)})
    rival = standing if standing is not None and standing.learned_from else COLD_SCORERS.get(question)
    if rival is None:
        return Learned(question, new, counted, f"the first, AUC {new.auc:.2f}")
    judged = unseen if unseen.any() else np.ones(counted, bool)
    before = np.array([_probability(rival, one) for one in usable])
    old_loss, new_loss = log_loss(before[judged], yes[judged]), log_loss(guessed[judged], yes[judged])
    told = f"log loss {new_loss:.3f} against {old_loss:.3f} on {int(judged.sum())} decisions"
    if new_loss < old_loss:
        return Learned(question, new, counted, f"better: {told}")
    checked = {"auc": area(before[judged], yes[judged]), "loss": old_loss}
    return Learned(question, rival.model_copy(update=checked), counted, f"not better: {told}")


def learn_from(decisions: Iterable[Decision], standing: Scorers) -> list[Learned]:
    """What came of each question that somebody decided, or that has a standing scorer."""
    examples: dict[str, list[Example]] = {question: [] for question in standing}
    for decision in decisions:
        for question, one in read_guesses(decision.metadata.get(SIGNALS)).items():
            if one.features and (said := decision.values.get(question)) in ("yes", "no"):
                example = Example(decision.record_id, one.features, said == "yes")
                examples.setdefault(question, []).append(example)
    return [learn(question, found, standing.get(question)) for question, found in sorted(examples.items())]


def with_cold(question: str, examples: Sequence[Example]) -> tuple[list[str], Numbers]:
    """The features' names and values, one row for each example, with what the cold scorer (if there is one)
    makes of them as one more."""
    names = sorted(examples[0].features)
    cold = COLD_SCORERS.get(question)
    rows = [[one.features[name] for name in names] for one in examples]
    if cold is not None:
        names = [*names, COLD]
        rows = [[*row, cold.odds(one.features) or 0.0] for row, one in zip(rows, examples, strict=True)]
    return names, np.array(rows, np.float64)


def out_of_fold(matrix: Numbers, yes: npt.NDArray[np.bool_]) -> Numbers:
    """The probability of yes of each row, by a model that has not seen it."""
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    guessed: Numbers = cross_val_predict(regression(), matrix, yes, cv=folds, method="predict_proba")[:, 1]
    return guessed


def area(probabilities: Numbers, yes: npt.NDArray[np.bool_]) -> float:
    """The area under the ROC curve; 0.5 where only one value occurs."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(yes, probabilities)) if 0 < yes.sum() < len(yes) else 0.5


def log_loss(probabilities: Numbers, yes: npt.NDArray[np.bool_]) -> float:
    """The mean negative logarithm of the probability of what people said."""
    clipped = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(yes, np.log(clipped), np.log(1 - clipped))))


def regression() -> Any:
    """Not fitted yet. What hardly varies among the decisions is not blown up: a feature that one record of a
    hundred has would else weigh more than all others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    class Scaler(StandardScaler):  # type: ignore[misc]
        scale_: Numbers

        def fit(self, rows: Numbers, _: object = None) -> Scaler:
            super().fit(rows)
            self.scale_ = np.maximum(self.scale_, _LEAST_SCALE)
            return self

    return make_pipeline(Scaler(), LogisticRegression(C=_STRENGTH, max_iter=1000))


def _fitted(
    question: str,
    names: Sequence[str],
    matrix: Numbers,
    yes: npt.NDArray[np.bool_],
    examples: Sequence[Example],
) -> Scorer:
    fitted = regression().fit(matrix, yes)
    scaler, weighed = fitted[0], fitted[1]
    return Scorer(
        question=question,
        agent=_agent(examples),
        weights=dict(zip(names, map(float, weighed.coef_[0]), strict=True)),
        means=dict(zip(names, map(float, scaler.mean_), strict=True)),
        scales=dict(zip(names, map(float, scaler.scale_), strict=True)),
        bias=float(weighed.intercept_[0]),
        learned_from=tuple(one.record_id for one in examples),
    )


def _agent(examples: Sequence[Example]) -> str:
    """Named after what it learned from: the same decisions make the same scorer."""
    said = "\n".join(f"{one.record_id} {one.is_yes}" for one in examples)
    return f"clayloop-learned:{VERSION}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def _still_holds(standing: Scorer, examples: Sequence[Example]) -> bool:
    known = set(standing.learned_from)
    return not known or _agent([one for one in examples if one.record_id in known]) == standing.agent


def _probability(scorer: Scorer, one: Example) -> float:
    found = scorer.probability(one.features)
    return 0.5 if found is None else found
