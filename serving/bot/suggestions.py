"""Questions to offer to a visitor who does not know yet what to ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from curation import Chunk
from serving.bot.follow_ups import content

_ASKING = ("how", "what", "why", "when", "where", "which", "can", "do", "does", "is", "should")
_GENERIC = ("see also", "next steps", "what's next", "table of contents", "further reading", "release notes")
_SUBJECT = 3  # headings that have a word: then it names something that the documentation is about


def example_questions(chunks: Sequence[Chunk], count: int = 3) -> list[str]:
    """``count`` section headings: first those that say something by themselves, as "What else?" does not; of
    these the questions first; from different files where possible.

    The same chunks give the same examples.
    """
    headings = {(" ".join(chunk.section[-1].split()), chunk.path) for chunk in chunks if chunk.section}
    topics = {heading: {word.casefold() for word in content(heading)} for heading, _ in headings}
    often = Counter(word for words in topics.values() for word in words)
    ranked = []
    for heading, path in headings:
        words, topic = heading.split(), topics[heading]
        if 2 <= len(words) <= 9 and not heading.lower().startswith(_GENERIC):
            unlike = _unlike_a_question(words)
            is_clear = any(often[word] >= _SUBJECT for word in topic) or (unlike == 0 and len(topic) > 1)
            ranked.append((not is_clear, unlike, path, heading))
    ranked.sort()
    chosen: list[str] = []
    paths: set[str] = set()
    said: set[str] = set()
    for pass_over in (paths, set[str]()):
        for _, _, path, heading in ranked:
            if len(chosen) < count and path not in pass_over and heading.casefold() not in said:
                chosen.append(heading)
                said.add(heading.casefold())
                paths.add(path)
    return chosen


def _unlike_a_question(words: Sequence[str]) -> int:
    if words[0].lower() in _ASKING:
        return 0 if words[-1].endswith("?") else 1
    return 2 if words[0].lower().endswith("ing") else 3
