"""What visitors paste into a question: tracebacks and lines of a log. The model reads some 250 tokens, and of
a traceback the last line matters."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FRAME = re.compile(
    r'\s*File ".*", line \d+'  # Python
    r"|\s+at [\w$.<>/`]+\(.*\)(?: in .*)?\s*$|\s+\.\.\. \d+ more"  # Java, C#
    r"|\s+at .*:\d+:\d+\)?\s*$"  # JavaScript
)
_AROUND = re.compile(
    r"\s*Traceback \(most recent call last\):|[\s~^]*[~^][\s~^]*$"
    r"|\s*During handling of the above exception|\s*The above exception was the direct cause"
)
_STAMP = re.compile(
    r"\s*\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?[\s:-]*"
)


def without_frames(question: str) -> str:
    """The ``question`` without the frames of tracebacks, and without the times in lines of a log. One that is
    nothing else stays as it is."""
    lines = question.split("\n")
    kept = list(_kept(lines))
    if kept == lines:
        return question
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() or question


def _kept(lines: list[str]) -> Iterator[str]:
    in_frame = False
    for line in lines:
        was_in_frame, in_frame = in_frame, bool(_FRAME.match(line))
        is_code = was_in_frame and line[:1].isspace() and line.strip()  # the line of code that a frame shows
        if not (in_frame or is_code or _AROUND.match(line)):
            stamp = _STAMP.match(line)
            yield line[stamp.end() :] if stamp else line
