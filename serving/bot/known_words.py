"""What the documents' words and language tell about a question that they don't answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from rapidfuzz import fuzz, process

from curation import Chunk
from serving.releases.retriever import Retriever
from serving.retrieval.tokens import ModelTokenCounter

_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = 4  # shorter words are too like each other
_ALIKE = 80.0  # of 100: one letter in five, or two that changed places
_OFTEN = 2  # the documents' own typing errors stand there once
_SAMPLE, _SAMPLES = 600, 40  # characters of so many chunks tell the documents' language
_FOREIGN, _WORDS = 0.1, 3  # how likely the documents' language is at most, in so many words
_LANGUAGES = {
    "ar": "Arabic",
    "cs": "Czech",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "zh": "Chinese",
}


class KnownWords:
    """The vocabulary and the language of a release's documents."""

    def __init__(self, chunks: Iterable[Chunk], counter: ModelTokenCounter | None = None) -> None:
        texts = [chunk.text for chunk in chunks]
        self._counter = counter
        counts = Counter(word for text in texts for word in _WORD.findall(text.casefold()))
        self._known = frozenset(counts)
        self._often = [word for word, times in counts.items() if times >= _OFTEN and len(word) >= _LETTERS]
        step = max(1, len(texts) // _SAMPLES)
        sample = " ".join(text[:_SAMPLE] for text in texts[::step])
        self.language = str(_identifier().classify(sample)[0]) if texts else ""

    def corrected(self, question: str) -> str | None:
        """``question`` with words that nobody knows replaced by very similar ones of the documents. None when
        there are none."""
        corrected = _WORD.sub(lambda found: self._corrected(found.group()), question)
        return corrected if corrected != question else None

    def _corrected(self, word: str) -> str:
        lower = word.casefold()
        if len(lower) < _LETTERS or lower in self._known or self._is_common(lower):
            return word
        near = [known for known in self._often if known[0] == lower[0]]
        found = process.extractOne(lower, near, scorer=fuzz.ratio, score_cutoff=_ALIKE)
        return str(found[0]) if found else word

    def _is_common(self, word: str) -> bool:
        """Whether the embedding model has a token for the whole word: it then stands in many texts."""
        return self._counter is not None and self._counter.count(word) - self._counter.count("") <= 1

    def other_language(self, question: str) -> str | None:
        """The name of the question's language where it is hardly the documents'."""
        if not self.language or (len(_WORD.findall(question)) < _WORDS and question.isascii()):
            return None
        likely = dict(_identifier().rank(question))
        if float(likely[self.language]) > _FOREIGN:
            return None
        return _LANGUAGES[max(likely, key=lambda code: float(likely[code]))]

    @property
    def language_name(self) -> str:
        """The documents' language in English."""
        return _LANGUAGES.get(self.language, "")


_of_retriever: WeakKeyDictionary[Retriever, KnownWords] = WeakKeyDictionary()


def known_words(retriever: Retriever) -> KnownWords:
    """Those of the release's documents, counted once."""
    if retriever not in _of_retriever:
        _of_retriever[retriever] = KnownWords(retriever.index.documents(), retriever.embedder.counter)
    return _of_retriever[retriever]


@cache
def _identifier() -> Any:
    """Read when it is first needed: that takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages(list(_LANGUAGES))
    return found
