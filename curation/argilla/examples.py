"""Good and bad examples from the corpus itself, for the guidelines of a new dataset."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING

from curation.argilla.api import Api
from curation.argilla.datasets import RemoteDataset
from curation.argilla.guidelines import with_examples
from curation.argilla.schemas import LOOK_AT, DatasetKind
from curation.argilla.upsert import Finished, Outline
from curation.documents.release_notes import is_release_note
from curation.records.chunk import Chunk
from curation.shown.records import literal, readable
from curation.suggestions.choice import SIGNALS, read_guesses
from curation.suggestions.scorer import COLD_SCORERS, Scorers
from curation.suggestions.signals import words

if TYPE_CHECKING:
    from curation.documents.corpus import Corpus

_EACH = 3
_CHARACTERS = 240  # of a text
_FEW_WORDS = 4
_SURE = 0.8
_QUESTIONS: Mapping[DatasetKind, str] = {"chunks": "good_chunk", "triplets": "is_positive_relevant"}
_MARKS = re.compile(r"^(?:```\S*|~~~\S*|#+ )|`", re.MULTILINE)
_SENTENCE = re.compile(r"^[A-Z][^.!?:\n]{30,200}[.!?](?=\s|$)", re.MULTILINE)
_DOES_NOT_KNOW = "I don't know: the documentation does not seem to say anything about this."


@dataclass(frozen=True)
class _Example:
    """A record that can be shown, the chunk that it is about, and how ``typical`` that is."""

    outline: Outline
    chunk: Chunk
    typical: float

    @property
    def query(self) -> str:
        return readable(self.outline.fields["positive"])

    @property
    def sentence(self) -> str:
        """A whole sentence that begins a line of the chunk; "" where there is none."""
        found = _SENTENCE.search(_MARKS.sub("", self.chunk.body))
        return found.group() if found else ""


def examples(
    kind: DatasetKind,
    outlines: Sequence[Outline],
    finished: Mapping[str, Finished],
    corpus: Corpus,
    scorers: Scorers,
) -> dict[DatasetKind, str]:
    """Markdown for the guidelines, by dataset: three examples that are surely good, of different pages and no
    release notes, and three that are surely bad, as far as there are any, and none where the scorer (a cold
    one, or of the learned ``scorers``) is too weak to suggest. What triplets show serves conversations too,
    of which there are none yet."""
    question = _QUESTIONS.get(kind)
    if question is None or not (scorers.get(question) or COLD_SCORERS[question]).discriminates:
        return {}
    ranked: list[tuple[float, _Example]] = []
    for outline in outlines:
        chunk = corpus.by_id.get(str(outline.metadata.get("chunk_id", outline.id)))
        found = read_guesses(finished[outline.id].metadata.get(SIGNALS)).get(question)
        if chunk is not None and found is not None and found.probability is not None:
            ranked.append((found.probability, _Example(outline, chunk, found.features.get("typical", 0.0))))
    ranked.sort(key=lambda one: (one[0], one[1].outline.id))
    sure = [
        one
        for probability, one in reversed(ranked)
        if probability >= _SURE and not is_release_note(one.chunk.path, one.chunk.section)
    ]
    if kind == "chunks":
        good = _apart(sorted(sure, key=_is_odd), _page)[:_EACH]
        bad = _apart([one for probability, one in ranked if probability <= 1 - _SURE], _reason)[:_EACH]
        return {kind: _section([_chunk(one) for one in good], [_chunk(one) for one in bad])}
    apart = _apart(sorted(sure, key=_is_bare), _page)
    told = [one for one in (*apart[2 * _EACH :], *apart[: 2 * _EACH]) if one.sentence]
    return {
        "triplets": _section(
            [_query(one, one) for one in apart[:_EACH]],
            [_query(one, other) for one, other in _mismatched(apart)],
        ),
        "conversations": _section(
            [_answer(one, one) for one in told[:_EACH]],
            [_answer(one, other if at else None) for at, (one, other) in enumerate(_mismatched(told))],
        ),
    }


def illustrate(api: Api, datasets: Sequence[RemoteDataset], found: str) -> None:
    """Put examples into the guidelines of those datasets that have none. Raises ArgillaError."""
    for dataset in datasets if found else ():
        if dataset.guidelines != with_examples(dataset.spec.guidelines):
            continue  # somebody has written there
        doing = f"writing the guidelines of {dataset.name!r}"
        body = {"guidelines": with_examples(dataset.spec.guidelines, found)}
        api.request("PATCH", f"/api/v1/datasets/{dataset.id}", doing, body)


def _section(good: Sequence[str], bad: Sequence[str]) -> str:
    parts = [
        f"**{title}**\n\n" + "\n\n".join(chosen)
        for title, chosen in (("Surely yes", good), ("Surely no", bad))
        if chosen
    ]
    if not parts:
        return ""
    said = (
        "A rule chose them when the dataset was made. Whoever runs clayloop can put better ones here (in the "
        "dataset's settings)."
    )
    return "\n\n".join(["\n\n### Examples from this documentation", said, *parts])


def _page(example: _Example) -> str:
    return example.chunk.path


def _reason(example: _Example) -> str:
    """What speaks most against a chunk, or its page where nothing is known."""
    return (example.outline.fields.get(LOOK_AT) or _page(example)).partition("?")[0]


def _is_odd(example: _Example) -> tuple[bool, float]:
    """Those first that begin with a sentence and have nothing worth a look, the most typical ones before."""
    text = _MARKS.sub("", example.chunk.body)
    return LOOK_AT in example.outline.fields or not _SENTENCE.match(text), -example.typical


def _is_bare(example: _Example) -> tuple[bool, bool]:
    """Those first that somebody might ask, then longer headings, then headings of a few words."""
    is_heading = example.outline.metadata.get("origin") == "heading"
    return is_heading, is_heading and len(words(example.query)) < _FEW_WORDS


def _apart(found: Sequence[_Example], key: Callable[[_Example], str]) -> list[_Example]:
    """The first of each ``key``."""
    first: dict[str, _Example] = {}
    for one in found:
        first.setdefault(key(one), one)
    return list(first.values())


def _mismatched(found: Sequence[_Example]) -> list[tuple[_Example, _Example]]:
    """Three beside another each, those after the first three before these."""
    turned = [*found[_EACH:], *found[:_EACH]]
    pairs = zip(turned, [*turned[1:], *turned[:1]], strict=True)
    return [(one, other) for one, other in pairs if one is not other][:_EACH]


def _chunk(example: _Example) -> str:
    lines = [_excerpt(example.chunk)]
    if hint := example.outline.fields.get(LOOK_AT):
        lines.append(f"→ {literal(readable(hint))}")
    return _quoted(lines)


def _query(asked: _Example, shown: _Example) -> str:
    """The positive query of one triplet beside the anchor of the same, or of another: then it is a bad
    one."""
    query = f"*{literal(asked.query)}*"
    if asked is shown:
        return _quoted([query, _excerpt(shown.chunk)])
    return _quoted([query, f"→ The anchor is about something else: {literal(shown.chunk.heading)}."])


def _answer(asked: _Example, said: _Example | None) -> str:
    """A question with a sentence of its own section, of another one, or with none."""
    place = literal(asked.chunk.heading)
    answer = _DOES_NOT_KNOW if said is None else said.sentence
    lines = [f"*{literal(asked.query)}*", literal(answer)]
    if said is None:
        lines.append(f"→ The documentation does say it: {place}.")
    elif said is asked:
        lines.append(f"Source: {place}")
    else:
        lines.append("→ True, but it does not answer the question.")
    return _quoted(lines)


def _quoted(lines: Sequence[str]) -> str:
    return "\n>\n".join(f"> {line}" for line in lines)


def _excerpt(chunk: Chunk) -> str:
    body = " ".join(_MARKS.sub("", chunk.body).split())
    return f"**{literal(chunk.heading)}**: {literal(shorten(body, _CHARACTERS, placeholder=' …'))}"
