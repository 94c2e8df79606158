"""Questions to offer to a visitor who does not know yet what to ask."""

from __future__ import annotations

from collections.abc import Sequence

from curation import Chunk

_ASKING = ("how", "what", "why", "when", "where", "which", "can", "do", "does", "is", "should")
_GENERIC = ("see also", "next steps", "what's next", "table of contents", "further reading", "release notes")


def example_questions(chunks: Sequence[Chunk], count: int = 3) -> list[str]:
    """``count`` section headings, those that are questions first, from different files where possible.

    The same chunks give the same examples.
    """
    ranked: list[tuple[int, str, str]] = []
    for chunk in chunks:
        heading = " ".join(chunk.section[-1].split()) if chunk.section else ""
        words = heading.split()
        if 2 <= len(words) <= 9 and not heading.lower().startswith(_GENERIC):
            ranked.append((_unlike_a_question(words), chunk.path, heading))
    chosen: list[str] = []
    paths: set[str] = set()
    said: set[str] = set()
    for pass_over in (paths, set[str]()):
        for _, path, heading in sorted(set(ranked)):
            if len(chosen) < count and path not in pass_over and heading.casefold() not in said:
                chosen.append(heading)
                said.add(heading.casefold())
                paths.add(path)
    return chosen


def _unlike_a_question(words: Sequence[str]) -> int:
    if words[-1].endswith("?"):
        return 0
    if words[0].lower() in _ASKING:
        return 1
    return 2 if words[0].lower().endswith("ing") else 3
