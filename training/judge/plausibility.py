"""Whether what was decided lately can be meant: a guard against answers mixed up or made in bad faith.

A model that was trained on some wrong pairs of question and chunk may still be better than before, since most
pairs are right (benchmarks/poisoned_rounds.py: with 30% of the answers swapped nearly every candidate is). So
the decisions themselves are looked at, through the untouched base model, which learned from none of them:

* *Apart.* Accepted and rejected pairs look different (``signals`` says in what). The probability that an
  accepted one looks more like an accepted one than a rejected one does (the area under the ROC curve, Hanley
  and McNeil 1982) falls towards 0.5 when answers are swapped.
* *By chance.* A chunk that has nothing to do with its question is as likely in the lower half of the base
  model's ranking as in the upper one; one that answers it hardly ever is. Twice the share of accepted pairs
  in the lower half is about the share that was matched at random. With earlier pairs to compare with, the
  mean place says it more sharply: it is 0.5 for a random pair, and that of the earlier ones for a pair that
  was meant.
* *Unlikely answers.* What tells the earlier accepted from the earlier rejected ones says how likely each new
  answer is. That three in ten are wrong must not explain them better than that none is (the likelihood ratio
  of the two). It says most about few decisions, where the others are too unsure to say anything.

All are compared with what the served release was made from, where that is enough to compare with. Accepted
conversations (the question, and the chunk that the answer cites) are looked at in the second way only, by
themselves: a rejected one says nothing about its chunk.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from curation import Chunk, DatasetName
from serving import Vectors
from training.judge.intervals import Interval, Values, bootstrap_interval
from training.ledger.rows import LedgerRow
from training.settings import RESAMPLES, SEED

Answers = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

_WORD = re.compile(r"\w+")
_TIE = 1e-6  # cosines that differ by less are equal
_BLOCK = 256  # questions at once: bounds the memory of their cosines with all chunks
_FOLDS = 5
_ENOUGH = 10  # accepted, and rejected, pairs from which they can be told apart
_ENOUGH_ACCEPTED = 20
_MOST = 400  # pairs of a kind looked at on each side: bounds the time, and is enough to tell
_DOUBTFUL = 20  # pairs that are listed

# How far the new decisions may lie from the earlier ones, and what is refused without any to compare with.
# Chosen by benchmarks/poisoned_rounds.py and on the demo's decisions
# (docs/measurements/2026-11-poisoned-rounds.md).
_CONFIDENCE = 0.9
_APART_DROP = 0.02
_APART_LEAST = 0.7
_CHANCE_RISE = 0.065
_CHANCE_MOST = 0.2
# Small rounds are looked at more strictly: one held by mistake can be looked at, and passes with the next
# answers; a poisoned one that is served costs trust.
_SMALL = 60  # new pairs of a kind
_CHANCE_RISE_OF_SMALL = 0.15  # in the mean, certain or not
_WRONG = 0.3
_LEAST_LIKELY = 0.02  # of one answer: the logistic regression is never that sure with right
_TELLING = 0.75  # the earlier ones' area, from which the signals are enough to go by


class Pair(BaseModel):
    """A judged pair. ``place`` is that of its chunk in the base model's ranking for its question, as a share
    of the index (0: first, 1: last); ``likely`` the probability that it is accepted, going by how the other
    pairs were answered (0.5 for a conversation's). ``new``: decided since the served release."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName = "triplets"
    record_id: str
    query: str
    chunk_id: str
    accepted: bool
    new: bool
    place: float
    likely: float


class Plausibility(BaseModel):
    """``apart`` and ``chance`` are of the new triplets, ``apart_before`` and ``chance_before`` of the earlier
    ones; ``cited`` and ``cited_before`` are what ``chance`` is, of accepted conversations. None where there
    are too few. ``pairs`` counts the new ones of both kinds. ``doubtful`` are new pairs that fit worst with
    their verdict, worst first."""

    pairs: int = 0
    apart: Interval | None = None
    apart_before: Interval | None = None
    chance: Interval | None = None
    chance_before: Interval | None = None
    cited: Interval | None = None
    cited_before: Interval | None = None
    complaint: str = ""
    doubtful: list[Pair] = Field(default_factory=list)

    @property
    def may_be_wrong_throughout(self) -> bool:
        """Whether nothing tells that a first round is meant: the pairs are too few, or few and their chunks
        far down."""
        found = [(self.chance, self.chance_before), (self.cited, self.cited_before)]
        kinds = [(now, before) for now, before in found if now is not None]
        is_far = any(
            before is None and now.size < _SMALL and now.estimate > _CHANCE_MOST for now, before in kinds
        )
        return is_far or (self.apart is None and not kinds)


def view_pairs(
    rows: Sequence[LedgerRow],
    earlier: Collection[str],
    chunks: Sequence[Chunk],
    vectors: Vectors,
    embed: Callable[[Sequence[str]], Vectors],
) -> list[Pair]:
    """Look at each judged pair as the base model sees it.

    ``earlier`` are the fingerprints that the served release was made from; ``vectors`` (n, d) are the base
    model's of ``chunks``, and ``embed`` gives its vectors of questions. At most 400 new and 400 earlier ones
    of a kind, drawn by the seed.
    """
    row_of = {chunk.id: row for row, chunk in enumerate(chunks)}
    found = [row for row in judged_pairs(rows) if _chunk_of(row) in row_of]
    found.sort(key=_drawn)
    sides = [
        [row for row in found if row.dataset == kind and (row.fingerprint in earlier) is old][:_MOST]
        for kind in ("triplets", "conversations")
        for old in (False, True)
    ]
    chosen = [row for side in sides for row in side]
    if not chosen or len(chunks) < 2:
        return []
    queries = [row.query for row in chosen]
    about = [row_of[_chunk_of(row)] for row in chosen]
    seen = signals(queries, embed(queries), about, [chunk.text for chunk in chunks], vectors)
    answers = np.array([row.teaches == "example" for row in chosen])
    new, triplets = len(sides[0]), len(sides[0]) + len(sides[1])
    likely = np.full(len(chosen), 0.5)
    likely[:triplets] = _likely(seen[:triplets], answers[:triplets], new)
    return [
        Pair(
            dataset=row.dataset,
            record_id=row.record_id,
            query=row.query,
            chunk_id=_chunk_of(row),
            accepted=row.teaches == "example",
            new=row.fingerprint not in earlier,
            place=round(float(place), 4),
            likely=round(float(chance), 4),
        )
        for row, place, chance in zip(chosen, seen[:, 0], likely, strict=True)
    ]


def judged_pairs(rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    """The rows by which annotators judged a question and a chunk: what they accepted, and triplets whose
    positive they rejected. Rejected conversations are left out: a wrong answer says nothing about the
    chunk."""
    used = [row for row in rows if row.fate != "left-out" and row.query and _chunk_of(row)]
    return [
        row
        for row in used
        if row.teaches == "example"
        or (row.teaches == "refusal" and row.dataset == "triplets" and row.certain)
    ]


def _drawn(row: LedgerRow) -> bytes:
    """An order of its own, not the one that the annotators worked in."""
    return hashlib.sha256(f"{SEED} {row.record_id}".encode("utf-8", "replace")).digest()


def _chunk_of(row: LedgerRow) -> str:
    """The chunk of today that it is about, or else the one that was judged."""
    return row.version or row.chunk_id


def signals(
    queries: Sequence[str], asked: Vectors, rows: Sequence[int], texts: Sequence[str], vectors: Vectors
) -> Values:
    """(m, 6) signals of ``queries``, whose unit vectors are ``asked`` (m, d), with the chunks ``rows`` of
    ``texts``, whose unit vectors are ``vectors`` (n, d), n at least 2.

    They are: the chunk's place as a share of the index, its cosine, its lead over the best other chunk, the
    share of the question's words that it has (weighted by how rare they are), the number of words, and
    whether the question ends in a question mark.
    """
    found: Values = np.empty((len(queries), 6), dtype=np.float64)
    for start in range(0, len(queries), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = asked[block] @ vectors.T
        own_cells = np.arange(len(cosines)), np.asarray(rows[block])
        own = cosines[own_cells].astype(np.float64)
        found[block, 0] = (cosines > own[:, None] + _TIE).sum(axis=1) / (len(texts) - 1)
        found[block, 1] = own
        cosines[own_cells] = -2.0
        found[block, 2] = own - cosines.max(axis=1)
    found[:, 3:5] = _word_signals(queries, rows, texts)
    found[:, 5] = [query.rstrip().endswith("?") for query in queries]
    return found


def _word_signals(queries: Sequence[str], rows: Sequence[int], texts: Sequence[str]) -> Values:
    """(m, 2): the share of each question's words that its text has, a word weighing its inverse document
    frequency in ``texts``, and the logarithm of the number of words."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(binary=True, analyzer=lambda text: _WORD.findall(text.casefold()))
    found = counter.fit_transform([*texts, *queries, "one"])  # it refuses texts without any word
    in_texts, asked = found[: len(texts)], found[len(texts) : -1]
    weights = np.log((1 + len(texts)) / (1 + in_texts.sum(axis=0)))
    weighed = asked.multiply(weights)
    whole = weighed.sum(axis=1)
    share = weighed.multiply(in_texts[rows]).sum(axis=1) / np.where(whole > 0, whole, 1.0)
    return np.hstack([share, np.log1p(asked.sum(axis=1))])


def _likely(seen: Values, answers: Answers, new: int) -> Values:
    """How likely each pair is accepted, the first ``new`` ones going by the earlier ones if those are enough,
    else by each other. 0.5 for all where there is nothing to go by."""
    likely = np.full(len(answers), 0.5)
    fresh, old = slice(0, new), slice(new, len(answers))
    if _enough(answers[old]):
        likely[old] = foretell(seen[old], answers[old])
        if new:
            likely[fresh] = foretell(seen[old], answers[old], seen[fresh])
    elif _enough(answers[fresh]):
        likely[fresh] = foretell(seen[fresh], answers[fresh])
    return likely


def _enough(answers: Answers) -> bool:
    return bool(min(answers.sum(), (~answers).sum()) >= _ENOUGH)


def foretell(judged: Values, answers: Answers, wanted: Values | None = None) -> npt.NDArray[np.float64]:
    """The probability of "accepted" for each of ``wanted``, learned from ``judged`` and their ``answers``;
    without ``wanted`` for those themselves, each from the other four fifths (cross-validation). Both answers
    must occur at least twice."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    if wanted is not None:
        chances: Any = model.fit(_scaled(judged), answers).predict_proba(_scaled(wanted))
    else:
        rarer = int(min(answers.sum(), (~answers).sum()))
        folds = StratifiedKFold(min(_FOLDS, rarer), shuffle=True, random_state=0)
        chances = cross_val_predict(model, _scaled(judged), answers, cv=folds, method="predict_proba")
    probability: npt.NDArray[np.float64] = chances[:, 1]
    return probability


def _scaled(found: Values) -> Values:
    """Places on a logarithmic scale: first or tenth matters, 510th or 520th does not."""
    return np.column_stack([np.log(found[:, 0] + 1e-3), found[:, 1:]])


def weigh(pairs: Sequence[Pair], resamples: int = RESAMPLES) -> Plausibility:
    """What the pairs say about the new decisions; ``complaint`` is empty when nothing speaks against them."""
    new, old, talks, talks_before = (
        [one for one in pairs if one.new is is_new and one.dataset == dataset]
        for dataset in ("triplets", "conversations")
        for is_new in (True, False)
    )
    found = Plausibility(
        pairs=len(new) + len(talks),
        apart=_interval(area, _likelihoods(new), _ENOUGH, resamples),
        apart_before=_interval(area, _likelihoods(old), _ENOUGH, resamples),
        chance=_interval(_share, (_places(new),), _ENOUGH_ACCEPTED, resamples),
        chance_before=_interval(_share, (_places(old),), _ENOUGH_ACCEPTED, resamples),
        cited=_interval(_share, (_places(talks),), _ENOUGH_ACCEPTED, resamples),
        cited_before=_interval(_share, (_places(talks_before),), _ENOUGH_ACCEPTED, resamples),
        doubtful=_doubtful([*new, *talks]),
    )
    # Who has not judged conversations before has perhaps judged triplets.
    before = talks_before if found.cited_before is not None else old
    complaint = (
        _mixed_up(found, new, old, resamples)
        or _unlikely(found, new)
        or _matched_by_chance("questions", found.chance, (new, old), resamples)
        or _matched_by_chance("conversations", found.cited, (talks, before), resamples)
    )
    return found.model_copy(update={"complaint": complaint})


def _mixed_up(found: Plausibility, new: Sequence[Pair], old: Sequence[Pair], resamples: int) -> str:
    if found.apart is None:
        return ""
    before = ""
    if found.apart_before is not None:
        fall = bootstrap_interval((*_likelihoods(new), *_likelihoods(old)), _fall, _CONFIDENCE, resamples)
        if fall.high >= -_APART_DROP:
            return ""
        before = f", against {found.apart_before.estimate:.0%} of the earlier ones"
    elif found.apart.high >= _APART_LEAST:
        return ""
    return (
        "accepted and rejected questions of this round are hard to tell apart: an accepted one looks more "
        f"like one than a rejected one does in {found.apart.estimate:.0%} of the cases{before} "
        "(50% is chance)"
    )


def _unlikely(found: Plausibility, new: Sequence[Pair]) -> str:
    """Of all answers (some are swapped), and of the accepted ones alone (some are about another chunk)."""
    if not _ENOUGH_ACCEPTED <= len(new) < _SMALL:
        return ""
    if found.apart_before is None or found.apart_before.estimate < _TELLING:
        return ""
    likely = np.array([one.likely if one.accepted else 1 - one.likely for one in new])
    likely = likely.clip(_LEAST_LIKELY, 1 - _LEAST_LIKELY)
    ratios = np.log(1 - _WRONG + _WRONG * (1 - likely) / likely)
    if max(ratios.sum(), ratios[[one.accepted for one in new]].sum()) <= 0:
        return ""
    return (
        f"that {_WRONG:.0%} of the answers of this round are wrong explains them better than that none is, "
        f"going by the earlier ones ({(likely < 0.5).sum()} of {len(new)} are unlikely)"
    )


def _matched_by_chance(
    what: str, chance: Interval | None, sides: tuple[Sequence[Pair], Sequence[Pair]], resamples: int
) -> str:
    if chance is None:
        return ""
    rise = _interval(_rise, [_places(side) for side in sides], _ENOUGH_ACCEPTED, resamples)
    if rise is None:
        shows = chance.low > _CHANCE_MOST
    else:
        # Of triplets, rejected ones tell more (``_unlikely``).
        strict = what == "conversations" and len(sides[0]) < _SMALL
        shows = rise.low > _CHANCE_RISE or (strict and rise.estimate > _CHANCE_RISE_OF_SMALL)
    if not shows:
        return ""
    since = ", going by the earlier ones" if rise else ""
    return (
        f"about {(rise or chance).estimate:.0%} of the accepted {what} of this round seem to have been "
        f"matched with a chunk at random{since}"
    )


def _doubtful(pairs: Sequence[Pair]) -> list[Pair]:
    """Those whose answer is the least likely, or whose chunk is far down although they were accepted."""

    def doubt(pair: Pair) -> float:
        return max(1 - pair.likely, pair.place) if pair.accepted else pair.likely

    odd = [pair for pair in pairs if doubt(pair) > 0.5]
    return sorted(odd, key=lambda pair: (-doubt(pair), pair.record_id))[:_DOUBTFUL]


def area(accepted: Places, rejected: Places, axis: int = -1) -> Any:
    """The probability that an accepted pair is likelier than a rejected one, ties counting half: the
    Mann-Whitney U over the number of pairs. ``axis`` is the last one.

    Takes places (``in_order``) and counts them: scipy's mannwhitneyu sorts each of thousands of resamples.
    """
    levels = 1 + max(accepted.max(), rejected.max())
    right, wrong = _counted(accepted, levels), _counted(rejected, levels)
    beaten = wrong.cumsum(axis=axis) - wrong / 2
    return (right * beaten).sum(axis=axis) / (accepted.shape[axis] * rejected.shape[axis])


def in_order(accepted: Values, rejected: Values) -> tuple[Places, Places]:
    """The place of each value among all that differ, the least being 0."""
    _, places = np.unique(np.concatenate([accepted, rejected]), return_inverse=True)
    return places[: len(accepted)], places[len(accepted) :]


def _counted(places: Places, levels: int) -> Places:
    """How often each place from 0 to ``levels`` − 1 comes along the last axis, which is replaced by them."""
    rows = places.reshape(-1, places.shape[-1])
    cells = rows + levels * np.arange(len(rows))[:, None]
    counts = np.bincount(cells.ravel(), minlength=levels * len(rows))
    return counts.reshape(*places.shape[:-1], levels)


def _fall(new: Places, rejected: Places, old: Places, old_rejected: Places, axis: int = -1) -> Any:
    return area(new, rejected, axis) - area(old, old_rejected, axis)


def _share(places: Values, axis: int = -1) -> Any:
    """About the share of random pairs: twice those in the lower half of the ranking."""
    return np.minimum(1.0, 2.0 * (places > 0.5).mean(axis=axis))


def _rise(new: Values, old: Values, axis: int = -1) -> Any:
    """About the share of random pairs among ``new`` ones, if there are none among ``old`` ones."""
    meant = old.mean(axis=axis)
    return (new.mean(axis=axis) - meant) / np.maximum(0.5 - meant, 0.05)


def _interval(
    statistic: Callable[..., Any], samples: Sequence[npt.NDArray[Any]], enough: int, resamples: int
) -> Interval | None:
    """None where a sample has fewer than ``enough``."""
    if min(map(len, samples)) < enough:
        return None
    return bootstrap_interval(samples, statistic, _CONFIDENCE, resamples)


def _likelihoods(pairs: Sequence[Pair]) -> tuple[Places, Places]:
    """Of the accepted ones, and of the rejected ones, as ``area`` takes them."""
    accepted, rejected = ([pair.likely for pair in pairs if pair.accepted is side] for side in (True, False))
    return in_order(np.array(accepted), np.array(rejected))


def _places(pairs: Sequence[Pair]) -> Values:
    return np.array([pair.place for pair in pairs if pair.accepted])
