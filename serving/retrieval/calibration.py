"""When all chunks are too far from a question to answer it.

Models and corpora differ in the cosine that an unrelated question reaches, so the threshold is measured for
each release. Questions about everyday things, which no software documentation answers, show what unrelated
questions reach. The corpus's own section headings are questions that it does answer. Once annotators have
decided enough of what visitors asked, that counts most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curation import Chunk
from serving.retrieval.embedding import Embedder
from serving.retrieval.space import SearchSpace
from serving.retrieval.vectors import Vectors

OUT_OF_DOMAIN_QUESTIONS: tuple[str, ...] = (
    "Will it rain tomorrow afternoon?",
    "How warm does it get in Lisbon in May?",
    "Why is the sky blue?",
    "How long do I boil an egg?",
    "What goes into a good tomato soup?",
    "How do I keep bread from going stale?",
    "Which cheese melts best on a pizza?",
    "How much salt does pasta water need?",
    "Who won the football world cup in 1998?",
    "How many players are in a volleyball team?",
    "What is a good time for running ten kilometres?",
    "How do I learn to swim the crawl?",
    "When did the Roman Empire end?",
    "Who was the first person on the moon?",
    "Why did the French Revolution start?",
    "How were the pyramids built?",
    "What is the capital of Mongolia?",
    "Which river is the longest in Europe?",
    "How high is Mount Kilimanjaro?",
    "How many moons does Jupiter have?",
    "How far away is the nearest star?",
    "How do bees make honey?",
    "Why do cats purr?",
    "How old can a tortoise get?",
    "How often should I water a cactus?",
    "When are apple trees pruned?",
    "Which vegetables grow in the shade?",
    "How do I get a red wine stain out of a shirt?",
    "How do I fix a dripping tap?",
    "What colour goes well with a dark green sofa?",
    "How do I change a bicycle tyre?",
    "How often does a car need new brakes?",
    "What does a train ticket from Vienna to Prague cost?",
    "Do I need a visa for Japan?",
    "What should I pack for a hiking trip?",
    "Which beaches in Croatia are good for children?",
    "How can I fall asleep faster?",
    "What helps against a sore throat?",
    "How many vitamins are in an orange?",
    "Is coffee bad for the heart?",
    "How do I stretch a stiff neck?",
    "Who wrote Don Quixote?",
    "What is the plot of Hamlet?",
    "Who painted the Mona Lisa?",
    "How many strings does a violin have?",
    "Which songs did Mozart write as a child?",
    "Can you recommend a funny film for tonight?",
    "What should I give my mother for her birthday?",
    "How do I tell my boss that I want a raise?",
    "How does a mortgage work?",
    "When are taxes due this year?",
    "What is the difference between a share and a bond?",
    "How do I make friends in a new city?",
    "What is the meaning of life?",
    "Tell me a joke about elephants.",
    "How do I teach my dog to sit?",
    "How is glass made?",
    "How does a volcano erupt?",
    "What is the melting point of gold?",
    "How do I tie a bow tie?",
)

# A threshold outside of this range would refuse everything, or nothing. The upper end is high because there
# are models whose cosines all lie above 0.7; the corpus's own headings keep the threshold low enough.
LOWEST, HIGHEST = 0.05, 0.95
_OUT_QUANTILE = 0.9
_IN_QUANTILE = 0.02
_LEAST_OUT_QUANTILE = 0.85
_HEADINGS = 200


# Measured: docs/measurements/2026-11-visitors.md.
_ENOUGH = 5  # decided questions of each kind from which they count
_WEIGHT = 10.0  # of the headings together, and of the everyday questions; a decided question has 1


@dataclass(frozen=True)
class DecidedQuestions:
    """What visitors asked, as annotators decided it: ``answered`` by the documents, or ``unanswered``."""

    answered: Sequence[str] = ()
    unanswered: Sequence[str] = ()

    def __bool__(self) -> bool:
        """Whether they are enough to calibrate by."""
        return min(len(self.answered), len(self.unanswered)) >= _ENOUGH


def calibrate_threshold(
    embedder: Embedder,
    chunks: Sequence[Chunk],
    space: SearchSpace,
    decided: DecidedQuestions | None = None,
) -> float:
    """The least nearness (`serving.retrieval.space.nearness`) from which a question is answered, rounded to 4
    places.

    ``space`` has the vectors of ``chunks``. Without enough ``decided`` questions the threshold is the 90th
    percentile of what out-of-domain questions reach: a refusal of a real one costs as much as an answer to
    one of those. It is lowered where it would refuse more than 2% of the corpus's own headings. With enough
    it is where a logistic regression holds a question for as likely answered as not; headings and
    out-of-domain questions weigh as much as ten decided ones each, and at most 15% of the latter are
    answered. It is kept between 0.05 and 0.95.
    """
    strange = space.near(embedder.queries(OUT_OF_DOMAIN_QUESTIONS))
    headings = heading_questions(chunks)
    own = space.near(embedder.queries(headings)) if headings else strange[:0]
    threshold = float(np.quantile(strange, _OUT_QUANTILE))
    if len(own):
        threshold = min(threshold, float(np.quantile(own, _IN_QUANTILE)))
    if decided:
        asked = embedder.queries([*decided.answered, *decided.unanswered])
        near = space.asking(space.questions.without(asked)).near(asked)  # none finds its chunk by itself
        answered, unanswered = np.split(near, [len(decided.answered)])
        known = [(answered, True, 1.0), (unanswered, False, 1.0)]
        known += [(own, True, _WEIGHT / max(1, len(own))), (strange, False, _WEIGHT / len(strange))]
        threshold = max(_boundary(known, threshold), float(np.quantile(strange, _LEAST_OUT_QUANTILE)))
    return round(min(max(threshold, LOWEST), HIGHEST), 4)


def _boundary(known: Sequence[tuple[Vectors, bool, float]], otherwise: float) -> float:
    """The nearness at which a question is as likely answered as not. ``known``: of some questions each the
    nearness (n,), whether they are answered, and the weight of one. ``otherwise``: what is returned if nearer
    ones are not answered more often."""
    from sklearn.linear_model import LogisticRegression

    near = np.concatenate([values for values, _, _ in known]).astype(np.float64)
    is_answered = np.concatenate([np.full(len(values), answered) for values, answered, _ in known])
    weights = np.concatenate([np.full(len(values), weight) for values, _, weight in known])
    middle, spread = near.mean(), near.std() or 1.0
    model = LogisticRegression().fit(((near - middle) / spread)[:, None], is_answered, weights)
    slope = float(model.coef_[0, 0])
    return float(middle - spread * model.intercept_[0] / slope) if slope > 0 else otherwise


def describe(threshold: float) -> str:
    """A calibrated threshold in words, with a warning where it lies at an end of its range."""
    meaning = (
        f"The bot says that it does not know where no chunk comes nearer to a question than {threshold:.2f}."
    )
    if LOWEST < threshold < HIGHEST:
        return meaning
    end = "least" if threshold <= LOWEST else "highest"
    return (
        f"{meaning} That is the {end} threshold that is ever calibrated: this model's scores hardly tell "
        "what the documents answer from what they don't. Try some questions (`clayloop search`), or set "
        "serving.retrieval.min_score."
    )


def heading_questions(chunks: Sequence[Chunk]) -> list[str]:
    """Up to 200 different section headings of at least two words, evenly spread over the corpus."""
    headings = sorted(
        {chunk.section[-1] for chunk in chunks if chunk.section and len(chunk.section[-1].split()) > 1}
    )
    step = max(1, len(headings) // _HEADINGS)
    return headings[::step][:_HEADINGS]
