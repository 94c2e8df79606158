"""Good and bad examples from the corpus itself, for the guidelines of a new dataset."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from textwrap import shorten

from curation.argilla.api import Api
from curation.argilla.datasets import RemoteDataset
from curation.argilla.guidelines import with_examples
from curation.argilla.schemas import LOOK_AT, DatasetKind
from curation.argilla.upsert import Finished, Outline
from curation.shown.records import literal, readable
from curation.suggestions.choice import SIGNALS, read_guesses
from curation.suggestions.scorer import COLD_SCORERS, Scorers

_EACH = 3
_CHARACTERS = 240  # of a text
_SURE = 0.8
_QUESTIONS: Mapping[DatasetKind, str] = {"chunks": "good_chunk", "triplets": "is_positive_relevant"}
_MARKS = re.compile(r"^(?:```\S*|~~~\S*|#+ )|`", re.MULTILINE)
_SENTENCE = re.compile(r"^[A-Z][^.!?:\n]{30,200}[.!?](?=\s|$)", re.MULTILINE)
_DOES_NOT_KNOW = "I don't know: the documentation does not seem to say anything about this."


def examples(
    kind: DatasetKind, outlines: Sequence[Outline], finished: Mapping[str, Finished], scorers: Scorers
) -> dict[DatasetKind, str]:
    """Markdown for the guidelines, by dataset: three examples that are surely good, and three that are surely
    bad, as far as there are any, and none where the scorer (a cold one, or of the learned ``scorers``) is too
    weak to suggest. What triplets show serves conversations too, of which there are none yet."""
    question = _QUESTIONS.get(kind)
    if question is None or not (scorers.get(question) or COLD_SCORERS[question]).discriminates:
        return {}
    ranked: list[tuple[float, Outline]] = []
    for outline in outlines:
        found = read_guesses(finished[outline.id].metadata.get(SIGNALS)).get(question)
        if found is not None and found.probability is not None:
            ranked.append((found.probability, outline))
    ranked.sort(key=lambda one: (one[0], one[1].id))
    sure = [one for probability, one in reversed(ranked) if probability >= _SURE]
    good = _apart(sure, _page)
    if kind == "chunks":
        bad = _apart([one for probability, one in ranked if probability <= 1 - _SURE], _reason)
        return {kind: _section([_chunk(one) for one in good], [_chunk(one) for one in bad])}
    told = _apart([one for one in sure if _sentence(one)], _page)
    return {
        "triplets": _section(
            [_query(one, one) for one in good],
            [_query(one, other) for one, other in zip(good, _turned(good), strict=True) if one is not other],
        ),
        "conversations": _section(
            [_answer(one, one) for one in told],
            [
                _answer(one, other if at else None)
                for at, (one, other) in enumerate(zip(told, _turned(told), strict=True))
                if one is not other
            ],
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


def _page(outline: Outline) -> str:
    return str(outline.fields.get("filename") or outline.metadata.get("chunk_id") or outline.id)


def _reason(outline: Outline) -> str:
    """What speaks most against a chunk, or its page where nothing is known."""
    return (outline.fields.get(LOOK_AT) or _page(outline)).partition("?")[0]


def _apart(outlines: Sequence[Outline], key: Callable[[Outline], str]) -> list[Outline]:
    """The first three that differ in ``key``."""
    first: dict[str, Outline] = {}
    for one in outlines:
        first.setdefault(key(one), one)
    return list(first.values())[:_EACH]


def _turned(outlines: Sequence[Outline]) -> list[Outline]:
    """Beside each another one."""
    return [*outlines[1:], *outlines[:1]]


def _chunk(outline: Outline) -> str:
    lines = [_excerpt(outline.fields["chunk"])]
    if hint := outline.fields.get(LOOK_AT):
        lines.append(f"→ {literal(readable(hint))}")
    return _quoted(lines)


def _query(asked: Outline, shown: Outline) -> str:
    """The positive query of one triplet beside the anchor of the same, or of another: then it is a bad
    one."""
    query = f"*{literal(readable(asked.fields['positive']))}*"
    if asked is shown:
        return _quoted([query, _excerpt(shown.fields["anchor"])])
    heading = literal(_split(shown.fields["anchor"])[0])
    return _quoted([query, f"→ The anchor is about something else: {heading}."])


def _answer(asked: Outline, said: Outline | None) -> str:
    """A question with a sentence of its own section, of another one, or with none."""
    place = literal(_split(asked.fields["anchor"])[0])
    answer = _DOES_NOT_KNOW if said is None else _sentence(said)
    lines = [f"*{literal(readable(asked.fields['positive']))}*", literal(answer)]
    if said is None:
        lines.append(f"→ The documentation does say it: {place}.")
    elif said is asked:
        lines.append(f"Source: {place}")
    else:
        lines.append("→ True, but it does not answer the question.")
    return _quoted(lines)


def _quoted(lines: Sequence[str]) -> str:
    return "\n>\n".join(f"> {line}" for line in lines)


def _split(text: str) -> tuple[str, str]:
    """A chunk's heading, and what stands below it, both without marks and line breaks."""
    heading, _, body = readable(text).partition("\n")
    return heading.strip("# "), " ".join(_MARKS.sub("", body).split())


def _excerpt(text: str) -> str:
    heading, body = _split(text)
    return f"**{literal(heading)}**: {literal(shorten(body, _CHARACTERS, placeholder=' …'))}"


def _sentence(outline: Outline) -> str:
    """A whole sentence that begins a line of a triplet's anchor; "" where there is none."""
    found = _SENTENCE.search(_MARKS.sub("", readable(outline.fields["anchor"])))
    return found.group() if found else ""
