"""Whether what was decided lately can be meant: a guard against answers mixed up or made in bad faith.

A model that was trained on some wrong pairs of question and chunk may still be better than before, since most pairs are
right (benchmarks/poisoned_rounds.py: with 30% of the answers swapped nearly every candidate is). So the decisions
themselves are looked at, through the untouched base model, which learned from none of them:

* *Apart.* What can be seen of accepted and of rejected pairs differs (training.pair_signals). The probability that an
  accepted one looks more like an accepted one than a rejected one does (the area under the ROC curve, Hanley and
  McNeil 1982) falls towards 0.5 when answers are swapped.
* *By chance.* A chunk that has nothing to do with its question is as likely in the lower half of the base model's
  ranking as in the upper one; one that answers it hardly ever is. Twice the share of accepted pairs in the lower half
  is about the share that was matched at random. With earlier pairs to compare with, the mean place says it more
  sharply: it is 0.5 for a random pair, and that of the earlier ones for a pair that was meant.

Both are compared with what the served release was made from, where that is enough to compare with. Accepted conversations
(the question, and the chunk that the answer cites) are looked at in the second way, by themselves: a rejected one says
nothing about its chunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from curation import Chunk, DatasetName, Decision
from training.judge.intervals import Interval, Values, bootstrap_interval
from training.judge.pair_signals import Answers, Signals, foretell, signals

Vectors = npt.NDArray[np.float32]

ENOUGH = 10  # accepted, and rejected, pairs from which they can be told apart
_ENOUGH_ACCEPTED = 20
_MOST = 400  # pairs of a kind looked at on each side: bounds the time, and is enough to tell

# How far the new decisions may lie from the earlier ones, and what is refused without any to compare with. Chosen by
# benchmarks/poisoned_rounds.py and on the demo's decisions (docs/decisions-training.md).
_CONFIDENCE = 0.9
_APART_DROP = 0.02
_APART_LEAST = 0.7
_CHANCE_RISE = 0.065
_CHANCE_MOST = 0.2


class Pair(BaseModel):
    """A judged pair. ``place`` is that of its chunk in the base model's ranking for its question, as a share of the index
    (0: first, 1: last); ``likely`` the probability that it is accepted, going by how the other pairs were answered (0.5 for
    a conversation's)."""

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
    """``apart`` and ``chance`` are of the new triplets, ``apart_before`` and ``chance_before`` of the earlier ones;
    ``cited`` and ``cited_before`` are what ``chance`` is, of accepted conversations. None where there are too few.
    ``pairs`` counts the new ones of both kinds. ``doubtful`` are new pairs that fit worst with their verdict, worst first."""

    pairs: int = 0
    apart: Interval | None = None
    apart_before: Interval | None = None
    chance: Interval | None = None
    chance_before: Interval | None = None
    cited: Interval | None = None
    cited_before: Interval | None = None
    complaint: str = ""
    doubtful: list[Pair] = Field(default_factory=list)


def judged_pairs(decisions: Sequence[Decision]) -> list[tuple[Decision, str, str]]:
    """(decision, question, chunk id) of the triplets that annotators accepted or whose positive they rejected, and of the
    conversations with a chunk of which they say that it answers.

    Other conversations are left out: a wrong answer says nothing about the chunk.
    """
    found = []
    for one in decisions:
        if one.dataset == "chunks" or one.verdict == "undecided":
            continue
        about_the_chunk = one.dataset == "triplets" and not (
            one.values.get("is_positive_relevant") == "yes"
            and one.values.get("is_negative_irrelevant") == "no"
        )
        if not one.affirms and not (one.verdict == "rejected" and about_the_chunk):
            continue
        query, chunk_id = one.question.strip(), one.chunk_id
        if query and chunk_id:
            found.append((one, query, chunk_id))
    return found


def view_pairs(
    decisions: Sequence[Decision],
    known: Collection[str],
    chunks: Sequence[Chunk],
    vectors: Vectors,
    embed: Callable[[Sequence[str]], Vectors],
    seed: int,
) -> list[Pair]:
    """Look at each pair as the base model sees it. ``known`` are the fingerprints that the served release was made from;
    ``vectors`` (n, d) are the base model's of ``chunks``. At most 400 new and 400 earlier ones of a kind, drawn by the seed."""
    row_of = {chunk.id: row for row, chunk in enumerate(chunks)}
    found = [one for one in judged_pairs(decisions) if one[2] in row_of]
    # In an order of its own, not in the one that the annotators worked in.
    found.sort(
        key=lambda one: hashlib.sha256(f"{seed} {one[0].record_id}".encode("utf-8", "replace")).digest()
    )
    sides = [
        [one for one in found if one[0].dataset == kind and (one[0].fingerprint in known) is old][:_MOST]
        for kind in ("triplets", "conversations")
        for old in (False, True)
    ]
    chosen = [one for side in sides for one in side]
    if not chosen or len(chunks) < 2:
        return []
    queries = [query for _, query, _ in chosen]
    rows = [row_of[chunk_id] for *_, chunk_id in chosen]
    seen = signals(queries, embed(queries), rows, [chunk.text for chunk in chunks], vectors)
    answers = np.array([decision.affirms for decision, *_ in chosen])
    new, triplets = len(sides[0]), len(sides[0]) + len(sides[1])
    likely: Values = np.full(len(chosen), 0.5)
    likely[:triplets] = _likely(seen[:triplets], answers[:triplets], new)
    return [
        Pair(
            dataset=decision.dataset,
            record_id=decision.record_id,
            query=query,
            chunk_id=chunk_id,
            accepted=bool(accepted),
            new=decision.fingerprint not in known,
            place=round(float(place), 4),
            likely=round(float(chance), 4),
        )
        for number, ((decision, query, chunk_id), accepted, place, chance) in enumerate(
            zip(chosen, answers, seen[:, 0], likely, strict=True)
        )
    ]


def _likely(seen: Signals, answers: Answers, new: int) -> Values:
    """How likely each pair is accepted, the first ``new`` ones going by the earlier ones if those are enough, else by each
    other. 0.5 for all where there is nothing to go by."""
    likely: Values = np.full(len(answers), 0.5)
    fresh, old = slice(0, new), slice(new, len(answers))
    if _enough(answers[old]):
        likely[old] = foretell(seen[old], answers[old])
        if new:
            likely[fresh] = foretell(seen[old], answers[old], seen[fresh])
    elif _enough(answers[fresh]):
        likely[fresh] = foretell(seen[fresh], answers[fresh])
    return likely


def _enough(answers: Answers) -> bool:
    return bool(min(answers.sum(), (~answers).sum()) >= ENOUGH)


def weigh(pairs: Sequence[Pair], resamples: int, seed: int) -> Plausibility:
    """What the pairs say about the new decisions; ``complaint`` is empty when nothing speaks against them."""
    new, old = (
        [one for one in pairs if one.new is side and one.dataset == "triplets"] for side in (True, False)
    )
    talks, earlier = (
        [one for one in pairs if one.new is side and one.dataset != "triplets"] for side in (True, False)
    )
    found = Plausibility(
        pairs=len(new) + len(talks),
        apart=_apart(new, resamples, seed),
        apart_before=_apart(old, resamples, seed),
        chance=_chance(new, resamples, seed),
        chance_before=_chance(old, resamples, seed),
        cited=_chance(talks, resamples, seed),
        cited_before=_chance(earlier, resamples, seed),
        doubtful=_doubtful([*new, *talks]),
    )
    # Who has not judged conversations before has perhaps judged triplets.
    before = earlier if found.cited_before is not None else old
    complaint = (
        _mixed_up(found, new, old, resamples, seed)
        or _matched_by_chance("questions", new, old, resamples, seed)
        or _matched_by_chance("conversations", talks, before, resamples, seed)
    )
    return found.model_copy(update={"complaint": complaint})


def _mixed_up(
    found: Plausibility, new: Sequence[Pair], old: Sequence[Pair], resamples: int, seed: int
) -> str:
    if found.apart is None:
        return ""
    if found.apart_before is not None:
        fall = bootstrap_interval(
            (*_sides(new), *_sides(old)),
            lambda a, b, c, d, axis: area(a, b, axis) - area(c, d, axis),
            _CONFIDENCE,
            resamples,
            seed,
        )
        if fall.high >= -_APART_DROP:
            return ""
        before = f", against {found.apart_before.estimate:.0%} of the earlier ones"
    else:
        if found.apart.high >= _APART_LEAST:
            return ""
        before = ""
    return (
        "accepted and rejected questions of this round are hard to tell apart: an accepted one looks more like one than a "
        f"rejected one does in {found.apart.estimate:.0%} of the cases{before} (50% is chance)"
    )


def _matched_by_chance(what: str, new: Sequence[Pair], old: Sequence[Pair], resamples: int, seed: int) -> str:
    chance = _chance(new, resamples, seed)
    if chance is None:
        return ""
    since = ""
    if len(_places(old)) >= _ENOUGH_ACCEPTED:
        chance = bootstrap_interval((_places(new), _places(old)), _rise, _CONFIDENCE, resamples, seed)
        if chance.low <= _CHANCE_RISE:
            return ""
        since = ", going by the earlier ones"
    elif chance.low <= _CHANCE_MOST:
        return ""
    return (
        f"about {chance.estimate:.0%} of the accepted {what} of this round seem to have been matched with a chunk at "
        f"random{since}"
    )


def area(accepted: Values, rejected: Values, axis: int = -1) -> Any:
    """The probability that an accepted pair is likelier than a rejected one, ties counting half: the Mann-Whitney U over
    the number of pairs."""
    from scipy.stats import rankdata

    count, others = accepted.shape[axis], rejected.shape[axis]
    ranks = rankdata(np.concatenate([accepted, rejected], axis=axis), axis=axis)
    total = np.take(ranks, np.arange(count), axis=axis).sum(axis=axis)
    return (total - count * (count + 1) / 2) / (count * others)


def _share(places: Values, axis: int = -1) -> Any:
    """About the share of random pairs: twice those in the lower half of the ranking."""
    return np.minimum(1.0, 2.0 * (places > 0.5).mean(axis=axis))


def _rise(new: Values, old: Values, axis: int = -1) -> Any:
    """About the share of random pairs among ``new`` ones, if there are none among ``old`` ones."""
    meant = old.mean(axis=axis)
    return (new.mean(axis=axis) - meant) / np.maximum(0.5 - meant, 0.05)


def _apart(pairs: Sequence[Pair], resamples: int, seed: int) -> Interval | None:
    sides = _sides(pairs)
    if min(map(len, sides)) < ENOUGH:
        return None
    return bootstrap_interval(sides, area, _CONFIDENCE, resamples, seed)


def _chance(pairs: Sequence[Pair], resamples: int, seed: int) -> Interval | None:
    places = _places(pairs)
    if len(places) < _ENOUGH_ACCEPTED:
        return None
    return bootstrap_interval((places,), _share, _CONFIDENCE, resamples, seed)


def _sides(pairs: Sequence[Pair]) -> tuple[Values, Values]:
    """How likely the accepted ones are, and the rejected ones."""
    accepted, rejected = ([pair.likely for pair in pairs if pair.accepted is side] for side in (True, False))
    return np.array(accepted), np.array(rejected)


def _places(pairs: Sequence[Pair]) -> Values:
    return np.array([pair.place for pair in pairs if pair.accepted])


def _doubtful(pairs: Sequence[Pair], most: int = 20) -> list[Pair]:
    """Those whose answer is the least likely, or whose chunk is far down although they were accepted."""

    def doubt(pair: Pair) -> float:
        return max(1 - pair.likely, pair.place) if pair.accepted else pair.likely

    odd = [pair for pair in pairs if doubt(pair) > 0.5]
    return sorted(odd, key=lambda pair: (-doubt(pair), pair.record_id))[:most]
