"""Good and bad examples from the corpus itself, for the guidelines of a new dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import shorten

from curation.argilla.schemas import LOOK_AT
from curation.argilla.upsert import Finished, Outline
from curation.shown.records import literal, readable
from curation.suggestions.choice import SIGNALS, read_guesses

_EACH = 3
_CHARACTERS = 320  # of a text
_SURE = 0.8
_SHOWN = {"chunks": ("good_chunk", ("chunk",)), "triplets": ("is_positive_relevant", ("positive", "anchor"))}


def examples(kind: str, outlines: Sequence[Outline], finished: Mapping[str, Finished]) -> str:
    """Markdown with three records that are surely good and three that are surely bad, as far as there are
    any, each from a file of its own; "" where there are none."""
    if kind not in _SHOWN:
        return ""
    question, fields = _SHOWN[kind]
    ranked: list[tuple[float, Outline]] = []
    for outline in outlines:
        found = read_guesses(finished[outline.id].metadata.get(SIGNALS)).get(question)
        if found is not None and found.probability is not None:
            ranked.append((found.probability, outline))
    ranked.sort(key=lambda one: (one[0], one[1].id))
    good = _apart([one for probability, one in reversed(ranked) if probability >= _SURE])
    bad = _apart([one for probability, one in ranked if probability <= 1 - _SURE])
    parts = [
        f"**{title}**\n\n" + "\n\n".join(_quoted(one, fields) for one in chosen)
        for title, chosen in (("Surely yes", good), ("Surely no", bad))
        if chosen
    ]
    if not parts:
        return ""
    return (
        "\n\n### Examples from this documentation\n\n"
        "A rule chose them when the dataset was made. Whoever runs clayloop can put better ones here (in "
        "the dataset's settings).\n\n" + "\n\n".join(parts)
    )


def _apart(outlines: Sequence[Outline]) -> list[Outline]:
    """The first three, each from another folder or file where there are enough."""
    first: dict[str, Outline] = {}
    for one in outlines:
        first.setdefault(str(one.fields.get("filename") or one.metadata.get("chunk_id") or one.id), one)
    return list(first.values())[:_EACH]


def _quoted(outline: Outline, fields: Sequence[str]) -> str:
    lines = []
    for name in fields:
        text = shorten(readable(outline.fields[name]), _CHARACTERS, placeholder=" …")
        lines.append(f"> {literal(text)}" if name != "positive" else f"> *{literal(text)}*\n>")
    if hint := outline.fields.get(LOOK_AT):
        lines.append(f">\n> → {literal(readable(hint))}")
    return "\n".join(lines)
