"""What can be seen of a question and its chunk without asking a person, and how far that foretells the
answer.

Six signals (the chunk's place and cosine under the untouched base model, its lead over the next chunk, the
share of the question's words that it holds, weighted by how rare they are, the question's length, and whether
it ends in a question mark) and a logistic regression on them. It is a poor annotator, but answers that were
given in earnest follow from such things at least a little, and swapped ones do not.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Signals = npt.NDArray[np.float64]
Answers = npt.NDArray[np.bool_]

_WORD = re.compile(r"\w+")
_TIE = 1e-6
_BLOCK = 256
_FOLDS = 5


def signals(
    queries: Sequence[str], asked: Vectors, rows: Sequence[int], texts: Sequence[str], vectors: Vectors
) -> Signals:
    """(m, 6) signals of ``queries``, whose unit vectors are ``asked`` (m, d), with the chunks ``rows`` of
    ``texts``, whose unit vectors are ``vectors`` (n, d), n at least 2. The first column is the chunk's place
    as a share of the index."""
    words_of = [frozenset(_WORD.findall(text.casefold())) for text in texts]
    rarity = _rarity(words_of)
    unseen = math.log(1 + len(texts))
    found: Signals = np.empty((len(queries), 6), dtype=np.float64)
    for start in range(0, len(queries), _BLOCK):
        cosines = asked[start : start + _BLOCK] @ vectors.T
        for number, line in enumerate(cosines):
            place, row = start + number, rows[start + number]
            own = float(line[row])
            above = int((line > own + _TIE).sum())
            line[row] = -2.0
            words = frozenset(_WORD.findall(queries[place].casefold()))
            weight = {word: rarity.get(word, unseen) for word in words}
            held = sum(weight[word] for word in words & words_of[row])
            found[place] = (
                above / (len(texts) - 1),
                own,
                own - float(line.max()),
                held / (sum(weight.values()) or 1.0),
                math.log1p(len(words)),
                float(queries[place].rstrip().endswith("?")),
            )
    return found


def foretell(judged: Signals, answers: Answers, wanted: Signals | None = None) -> npt.NDArray[np.float64]:
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


def _scaled(found: Signals) -> Signals:
    """Places on a logarithmic scale: first or tenth matters, 510th or 520th does not."""
    return np.column_stack([np.log(found[:, 0] + 1e-3), found[:, 1:]])


def _rarity(words_of: Sequence[frozenset[str]]) -> Mapping[str, float]:
    counts = Counter(word for words in words_of for word in words)
    return {word: math.log((1 + len(words_of)) / (1 + count)) for word, count in counts.items()}
