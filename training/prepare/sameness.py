"""Whether training takes two texts for one, pair by pair; and that none is set against what it equals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from training.prepare.dedup import jaccard, normalise, shingles, surely_differ
from training.prepare.examples import Example, Refusal, Unused
from training.prepare.meaning import Vectors, VectorsOf
from training.prepare.negatives import Decided, Negative
from training.settings import DedupSettings

Likeness = Literal["words", "wording", "meaning"]
_ENDINGS = " ?!.,;:…"
_WHY = "it nearly equals what was accepted"


class Sameness:
    """The same wording after normalisation, nearly the same wording, or the same meaning, as ``settings`` say. Meaning
    counts for texts that were embedded."""

    def __init__(self, settings: DedupSettings) -> None:
        self._settings = settings
        self._normalised: dict[str, str] = {}
        self._shingles: dict[str, frozenset[str]] = {}
        self._vectors: dict[str, Vectors] = {}

    def embed(self, texts: Sequence[str], vectors_of: VectorsOf) -> None:
        distinct = list(dict.fromkeys(texts))
        self._vectors.update(zip(distinct, vectors_of(distinct), strict=True))

    def __call__(self, left: str, right: str) -> bool:
        return self.how(left, right) is not None

    def how(self, left: str, right: str) -> Likeness | None:
        """In which way the two are one, the strongest that holds; None where they are two. Where near wording counts,
        punctuation at the end makes no difference to the words."""
        one, other = self._normal(left), self._normal(right)
        if one == other or (self._settings.near and one.rstrip(_ENDINGS) == other.rstrip(_ENDINGS)):
            return "words"
        if self._settings.near and self._nearly(left, right):
            return "wording"
        if self._settings.semantic and left in self._vectors and right in self._vectors:
            cosine = float(self._vectors[left] @ self._vectors[right])
            return "meaning" if cosine >= self._settings.semantic_threshold else None
        return None

    def _nearly(self, left: str, right: str) -> bool:
        threshold = self._settings.threshold
        if surely_differ(self._normal(left), self._normal(right), threshold):
            return False
        few, many = sorted((self._of(left), self._of(right)), key=len)
        return len(few) >= threshold * len(many) and jaccard(few, many) >= threshold

    def _normal(self, text: str) -> str:
        if text not in self._normalised:
            self._normalised[text] = normalise(text)
        return self._normalised[text]

    def _of(self, text: str) -> frozenset[str]:
        if text not in self._shingles:
            self._shingles[text] = shingles(self._normal(text))
        return self._shingles[text]


def without_contradictions(
    decided: Decided,
    refusals: Sequence[Refusal],
    train: Sequence[Example],
    groups: Mapping[str, str],
    settings: DedupSettings,
) -> Decided:
    """``decided`` without negatives that nearly equal what they would be set against: a text its example's own, a question
    one that was accepted for its example's chunk. Training would pull it near and push it away at once."""
    by_key = {(one.dataset, one.record_id): one for one in train}
    accepted: dict[str, list[str]] = defaultdict(list)
    for example in train:
        accepted[groups.get(example.chunk_id, example.chunk_id)].append(example.query)
    same = Sameness(settings)

    def contradicts(negative: Negative) -> bool:
        own = by_key[negative.dataset, negative.record_id]
        group = groups.get(own.chunk_id, own.chunk_id)
        positives = [own.text] if negative.kind == "text" else accepted[group]
        return any(same(negative.text, positive) for positive in positives)

    kept = [one for one in decided.negatives if not contradicts(one)]
    used = {one.refusal for one in kept if one.source == "refused"}
    lost = {one.refusal for one in decided.negatives if one.source == "refused"} - used
    unused = [
        Unused(dataset=one.dataset, record_id=one.record_id, reason=f"{one.reason} ({_WHY})", of="refusal")
        for one in refusals
        if one.key in lost
    ]
    return Decided(kept, [*decided.unused, *unused])
