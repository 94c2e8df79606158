"""Getting something useful out of a very small language model.

SmolLM2-135M, which clayloop carries, follows no instructions: given rules it repeats them. What worked best of six
ways tried (questions on a made-up manual, read by a person: about four answers in six right) is one passage and one
worked example. It still says wrong things with confidence and falls into loops, so its answer is cut where it starts to
repeat itself, dropped where it does not hold to the passage that it was given, and that passage is shown with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation import Chunk
from serving.bot.prompts import fill

MOST_TOKENS = 96
# It likes to go on with a question of its own: the prompt's next line ends the answer.
STOP = ("\nQuestion:", "\nText:", "\nAnswer:")
FROM_THE_DOCUMENTATION = "From the documentation:"

_SYSTEM = "Answer the question from the text."
_TEMPLATE = "Text:\n{context}\n\nQuestion: {question}\nAnswer:"
_EXAMPLE = (
    fill(
        _TEMPLATE,
        {
            "context": (
                "Nightly backups > Restoring\n\nRun vault restore DATE to bring back the files of that day. "
                "Use --to PATH to put them elsewhere."
            ),
            "question": "How can I get yesterday's files back?",
        },
    ),
    "Run `vault restore DATE` with yesterday's date. With `--to PATH` the files are put elsewhere.",
)
# Something with a letter or digit in it, five times in a row at the end.
_LOOP = re.compile(r"((?=[^\n]*?\w)[^\n]{3,60}?)\1{4,}$")
_WINDOW = 400
_CODE = re.compile(r"`+([^`]+)`+")
_WORD = re.compile(r"[^\W\d_]{5,}")
_KNOWN_SHARE = 0.8


def few_shot_messages(question: str, chunks: Sequence[Chunk]) -> list[dict[str, str]]:
    """One worked example, then the question with the best chunk. There is no history: it would only confuse."""
    context = chunks[0].text if chunks else ""
    return [
        {"role": "system", "content": _SYSTEM},
        {"role": "user", "content": _EXAMPLE[0]},
        {"role": "assistant", "content": _EXAMPLE[1]},
        {"role": "user", "content": fill(_TEMPLATE, {"context": context, "question": question})},
    ]


def holds_to(answer: str, question: str, chunks: Sequence[Chunk]) -> bool:
    """Whether ``answer`` says little that is neither in the best chunk nor in the question.

    A model this small repeats the worked example or makes names up. Every piece of code in the answer has to stand in
    the chunk, and at least four in five of its longer words.
    """
    known = f"{chunks[0].text if chunks else ''}\n{question}".casefold()
    code = [piece.strip() for piece in _CODE.findall(answer) if piece.strip()]
    if any(piece.casefold() not in known for piece in code):
        return False
    words = [word.casefold() for word in _WORD.findall(answer)]
    found = sum(word in known for word in words)
    return bool(answer.strip()) and found >= _KNOWN_SHARE * len(words)


def loop_start(text: str) -> int | None:
    """Where ``text`` begins to repeat itself at its end: the place after the first time; None when it does not."""
    offset = max(0, len(text) - _WINDOW)
    found = _LOOP.search(text[offset:])
    return offset + found.end(1) if found else None
