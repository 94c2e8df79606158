"""What a question is trained against: texts that do not answer it, and questions that a text does not answer.

Two sources: what annotators refused (rejected triplets, and rejected conversations where a better chunk is
known), and the negatives that came with accepted triplets. Nothing that is held out is a negative: pushing
the holdout's chunks away from training questions would move its figures without learning anything.

No question and no chunk comes twice in a batch. Each further refusal of the same one needs one more batch,
mostly a small one. That is why their number is bounded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from curation import Sameness, find_matches, normalise, questions_like
from training.ledger.rows import LedgerRow, NegativeKind, RecordKey, exchange, of
from training.prepare.split import PrepareContext

# Refused texts of a question, and refused questions of a chunk, that training takes in any case. One that has
# more accepted pairs comes in as many batches as those anyway, and takes as many refusals.
MOST_REFUSED = 4


def choose_negatives(rows: Sequence[LedgerRow], context: PrepareContext) -> list[LedgerRow]:
    """Set every refusal against an example that is trained on, or say why it is not used; clear the stored
    negatives that are of no use.

    A refused pair becomes a negative text where its question has been accepted for another chunk, and a
    negative question where its chunk has an accepted one. Where several examples fit, they take turns. A
    question like a held-out one, or like one of the test sets, is no negative, nor is what nearly
    equals what it would be set against.
    """
    train = of(rows, "example", "train")
    refusals = of(rows, "refusal", "open")
    asked = [*(row.query for row in of(rows, "example", "holdout")), *context.tests.values()]
    leaking = _like([row.query for row in refusals], asked, context)
    texts = [row.text for row in of(rows, "example", "holdout")]
    leaking |= {match.index for match in find_matches([row.text for row in refusals], texts, context.dedup)}
    turns = _Turns(train, context)
    against: list[tuple[LedgerRow, LedgerRow, NegativeKind]] = []
    settled: list[LedgerRow] = []
    for place, refusal in enumerate(refusals):
        if place in leaking or context.group_of(refusal) in context.held:
            settled.append(_unused(refusal, "it concerns what is held out"))
            continue
        example, kind = turns.against(refusal)
        if example is None:
            settled.append(_unused(refusal, "no accepted pair to set it against"))
        elif turns.contradicts(refusal, example, kind):
            settled.append(_unused(refusal, "it nearly equals what was accepted"))
        else:
            against.append((refusal, example, kind))
    settled += _bounded(against, train)
    stored = _useless_stored(train, asked, context, turns)
    settled += [row.model_copy(update={"negative": ""}) for row in stored]
    return exchange(rows, settled)


class _Turns:
    """Sets refusals against examples: each against one, the example of several that has the fewest so far,
    and the same refusal of several records against the same one."""

    def __init__(self, train: Sequence[LedgerRow], context: PrepareContext) -> None:
        self._setting = context
        self.by_question: dict[str, list[LedgerRow]] = defaultdict(list)
        self._by_group: dict[str, list[LedgerRow]] = defaultdict(list)
        for row in train:
            self.by_question[normalise(row.query)].append(row)
            self._by_group[context.group_of(row)].append(row)
        self._taken: Counter[tuple[NegativeKind, RecordKey]] = Counter()
        self._set_before: dict[tuple[str, str], LedgerRow] = {}
        self._same = Sameness(context.dedup)

    def against(self, refusal: LedgerRow) -> tuple[LedgerRow | None, NegativeKind]:
        """The example, None where no accepted pair is known, and whether the refusal is a negative text or
        question of it."""
        own, asked = self._setting.group_of(refusal), normalise(refusal.query)
        kind: NegativeKind = "text"
        examples = [row for row in self.by_question.get(asked, ()) if self._setting.group_of(row) != own]
        if not examples and refusal.certain:
            kind, examples = "question", self._by_group.get(own, [])
        if not examples:
            return None, ""
        example = self._set_before.get((asked, own))
        if example is None:
            example = min(examples, key=lambda row: self._taken[kind, row.key])
            self._set_before[asked, own] = example
            self._taken[kind, example.key] += 1
        return example, kind

    def contradicts(self, refusal: LedgerRow, example: LedgerRow, kind: NegativeKind) -> bool:
        """Whether the negative nearly equals what it would be set against: training would pull it near and
        push it away."""
        if kind == "text":
            return self._same.how(refusal.text, example.text) is not None
        return self.is_accepted(refusal.query, example)

    def is_accepted(self, question: str, example: LedgerRow) -> bool:
        """Whether a question nearly equals one that was accepted for the example's chunk."""
        accepted = self._by_group.get(self._setting.group_of(example), ())
        return any(self._same.how(question, row.query) for row in accepted)


def _bounded(
    against: Sequence[tuple[LedgerRow, LedgerRow, NegativeKind]], train: Sequence[LedgerRow]
) -> list[LedgerRow]:
    """The refusals with their fate: as many as a question or a chunk was accepted for, but at least
    ``MOST_REFUSED``, become negatives of it. Two that say the same count as one and share its fate."""
    accepted = Counter(anchor for row in train for anchor in (_question(row), _chunk(row)))
    texts: Mapping[tuple[str, str], set[tuple[RecordKey, str]]] = defaultdict(set)
    found = []
    for refusal, example, kind in against:
        is_text = kind == "text"
        anchor = _question(example) if is_text else _chunk(example)
        said = (example.key, refusal.text if is_text else refusal.query)
        most = max(MOST_REFUSED, accepted[anchor])
        if said not in texts[anchor] and len(texts[anchor]) == most:
            whose = "its question" if is_text else "its chunk"
            found.append(refusal.settled("unused", f"rejected (training takes {most} refusals of {whose})"))
            continue
        texts[anchor].add(said)
        found.append(refusal.settled("negative", refusal.reason, example, negative_kind=kind))
    return found


def _useless_stored(
    train: Sequence[LedgerRow], asked: Sequence[str], context: PrepareContext, turns: _Turns
) -> list[LedgerRow]:
    """Examples whose stored negative is not used: it is itself a training question and meets the text in the
    batches anyway, it is like a held-out question, or it nearly equals what was accepted for the chunk."""
    rows = [row for row in train if row.negative]
    leaking = _like([row.negative for row in rows], asked, context)
    return [
        row
        for place, row in enumerate(rows)
        if place in leaking
        or normalise(row.negative) in turns.by_question
        or turns.is_accepted(row.negative, row)
    ]


def _like(questions: Sequence[str], asked: Sequence[str], context: PrepareContext) -> set[int]:
    worded, meant = questions_like(questions, asked, context.dedup, context.by_meaning)
    return {match.index for match in (*worded, *meant)}


def _question(row: LedgerRow) -> tuple[str, str]:
    return "question", normalise(row.query)


def _chunk(row: LedgerRow) -> tuple[str, str]:
    return "chunk", row.chunk_id


def _unused(refusal: LedgerRow, why: str) -> LedgerRow:
    return refusal.settled("unused", f"{refusal.reason} ({why})")
