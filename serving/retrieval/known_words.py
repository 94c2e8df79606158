"""What the documents' words and language tell about a question that they don't answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from rapidfuzz import fuzz, process

from serving.retrieval.index import ChunkIndex
from serving.retrieval.tokens import ModelTokenCounter

_WORD = re.compile(r"[^\W\d_]+")
# doesn't, as typed without the sign, and what stands before it.
_CONTRACTED = re.compile(
    r"(?:are|ca|could|did|do|does|had|has|have|is|must|need|should|was|were|wo|would)nt?"
)
# Thai to Tibetan, Burmese, Khmer, Japanese and Chinese: words may stand there without spaces between them.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_LETTERS = 4  # shorter words are too like each other
_ALIKE = 80.0  # of 100: one letter in five, or two that changed places
# What makes another form of an English word, after three letters or more.
_ENDING = re.compile(r"(?<=...)(?:ings?|ie[sd]|[eo]rs?|e[sd]|[esy])$")
# Photoshop, WhatsApp, useEffect: a name, or the first word of a sentence. RAM and DNS are in common use.
_NAMED = re.compile(r"(?=[^\W\d_]*[a-z])(?=[^\W\d_]*[A-Z])[^\W\d_]{3,}")
_NAMES = 3  # more of them are no question
_OFTEN = 2  # the documents' own typing errors stand there once
_SAMPLE, _SAMPLES = 600, 40  # characters of so many chunks tell the documents' language
_FOREIGN, _WORDS = 0.1, 3  # how likely the documents' language is at most, in so many words
_SURE = 0.8  # that it is one of the two likeliest: what is struck at random looks like several languages
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

    def __init__(self, texts: Sequence[str], counter: ModelTokenCounter | None = None) -> None:
        self._counter = counter
        counts = Counter(word for text in texts for word in _WORD.findall(text.casefold()))
        self._known = frozenset(counts)
        often = (word for word, times in counts.items() if times >= _OFTEN and len(word) >= _LETTERS)
        self._often = [word for word in often if not _CONTRACTED.fullmatch(word)]
        step = max(1, len(texts) // _SAMPLES)
        self._sample = " ".join(text[:_SAMPLE] for text in texts[::step])

    @cached_property
    def language(self) -> str:
        """Its code; "" without documents."""
        return str(_identifier().classify(self._sample)[0]) if self._sample else ""

    def knows_any(self, question: str) -> bool:
        """Whether a word of ``question`` stands in the documents, or is very similar to one that does."""
        words = _WORD.findall(question.casefold())
        return any(word in self._known or self._like(word) is not None for word in words)

    def unmentioned(self, question: str) -> list[str]:
        """The names in ``question`` that stand nowhere in the documents, in no form. None where it seems to
        be text, or of a language whose nouns all have capitals."""
        names = list(dict.fromkeys(_NAMED.findall(question)))
        if 2 * len(names) > len(_WORD.findall(question)) > 1:
            return []
        found = [name for name in names if self._is_unmentioned(name, question)]
        return found if 0 < len(found) <= _NAMES and self.language != "de" else []

    def _is_unmentioned(self, name: str, question: str) -> bool:
        lower = name.casefold()
        if question.lstrip().startswith(name) and self._is_common(lower):
            return False  # any word has a capital there
        return lower not in self._known and _stem(lower) not in self._stems and self._like(lower) is None

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(map(_stem, self._known))

    def corrected(self, question: str) -> str | None:
        """``question`` with words that nobody knows replaced by very similar ones of the documents, but not
        by another form of the same word. None when there are none."""
        corrected = _WORD.sub(lambda found: self._corrected(found.group()), question)
        return corrected if corrected != question else None

    def _corrected(self, word: str) -> str:
        like = self._like(word.casefold())
        return word if like is None or _stem(like) == _stem(word.casefold()) else like

    def _like(self, lower: str) -> str | None:
        """The word of the documents that is most similar to one that nobody knows, if one is."""
        is_right = lower in self._known or _CONTRACTED.fullmatch(lower) or self._is_common(lower)
        if len(lower) < _LETTERS or is_right:
            return None
        near = [known for known in self._often if known[0] == lower[0]]
        found = process.extractOne(lower, near, scorer=fuzz.ratio, score_cutoff=_ALIKE)
        return str(found[0]) if found else None

    def _is_common(self, word: str) -> bool:
        """Whether the embedding model has a token for the whole word: it then stands in many texts."""
        return _is_token(self._counter, word)

    def other_language(self, question: str) -> str | None:
        """The name of the question's language where it is hardly the documents'."""
        if not self.language or (len(_WORD.findall(question)) < _WORDS and question.isascii()):
            return None
        ranked = _identifier().rank(question)
        is_ours = float(dict(ranked)[self.language]) > _FOREIGN
        if is_ours or sum(float(likely) for _, likely in ranked[:2]) < _SURE:
            return None
        return _LANGUAGES[ranked[0][0]]

    @property
    def language_name(self) -> str:
        """The documents' language in English."""
        return _LANGUAGES.get(self.language, "")


_of_index: WeakKeyDictionary[ChunkIndex, KnownWords] = WeakKeyDictionary()
_counting = Lock()


def known_words(index: ChunkIndex, counter: ModelTokenCounter | None) -> KnownWords:
    """Those of the documents in ``index``, counted once."""
    with _counting:
        if index not in _of_index:
            _of_index[index] = KnownWords(index.document_texts(), counter)
        return _of_index[index]


def has_strange_words(question: str, found: Iterable[str], counter: ModelTokenCounter | None) -> bool:
    """Whether a word of ``question`` is none of the embedding model's, and stands in no text that was
    ``found`` for it: it may be misspelt, or of another language."""
    texts = " ".join(found).casefold()
    words = (word for word in _WORD.findall(question.casefold()) if len(word) >= _LETTERS)
    return any(word not in texts and not _is_token(counter, word) for word in words)


def is_gibberish(index: ChunkIndex, counter: ModelTokenCounter | None, question: str) -> bool:
    """Whether ``question`` has words, and none that the documents or the embedding model know: something
    comes nearest to that, too, and in a small corpus near enough. Of scripts that may write words without
    spaces it is never said."""
    words = _WORD.findall(question.casefold())
    if not words or any(_UNSPACED.search(word) or _is_token(counter, word) for word in words):
        return False
    return not known_words(index, counter).knows_any(question)


def _is_token(counter: ModelTokenCounter | None, word: str) -> bool:
    return counter is not None and counter.count(word) - counter.count("") <= 1


def _stem(word: str) -> str:
    """What the forms of a word have in common: run, running, runs."""
    return re.sub(r"(.)\1$", r"\1", _ENDING.sub("", word))


@cache
def _identifier() -> Any:
    """Read when it is first needed: that takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages(list(_LANGUAGES))
    return found
