"""Getting something useful out of a very small language model.

SmolLM2-135M, which clayloop carries, follows no instructions: given rules, it repeats them. One passage and
one worked example were the best of six ways tried (questions on a made-up manual; a person found four answers
in six right). It still says wrong things with confidence and falls into loops. So its answer is cut where it
starts to repeat itself, dropped where it says what is not in the passage, and the passage is shown with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation import Chunk
from serving.releases.prompt import Prompt

MOST_TOKENS = 96
# It likes to go on with a question of its own: the prompt's next line ends the answer.
STOP = ("\nQuestion:", "\nText:", "\nAnswer:")

_PROMPT = Prompt(
    system="Answer the question from the text.",
    template="Text:\n{context}\n\nQuestion: {question}\nAnswer:",
)
_EXAMPLE = (
    _PROMPT.fill(
        question="How can I get yesterday's files back?",
        context=(
            "Nightly backups > Restoring\n\nRun vault restore DATE to bring back the files of that day. "
            "Use --to PATH to put them elsewhere."
        ),
    ),
    "Run `vault restore DATE` with yesterday's date. With `--to PATH` the files are put elsewhere.",
)
# A text with a letter or digit in it that stands five times in a row at the end.
_LOOP = re.compile(r"((?=[^\n]*?\w)[^\n]{3,60}?)\1{4,}$")
_WINDOW = 400
_CODE = re.compile(r"`+([^`]+)`+")
_WORD = re.compile(r"[^\W\d_]{5,}")
_WORDS_SHARE = 0.8


def few_shot_messages(question: str, chunks: Sequence[Chunk]) -> list[dict[str, str]]:
    """One worked example, then the question with the best chunk. History would only confuse it."""
    context = chunks[0].text if chunks else ""
    return [
        {"role": "system", "content": _PROMPT.system},
        {"role": "user", "content": _EXAMPLE[0]},
        {"role": "assistant", "content": _EXAMPLE[1]},
        {"role": "user", "content": _PROMPT.fill(question, context)},
    ]


def holds_to(answer: str, question: str, passage: str) -> bool:
    """Whether ``answer`` says little that is neither in the ``passage`` nor in the question.

    A model this small repeats the worked example or makes names up. Every piece of code in the answer has to
    stand there, and at least four in five of its longer words.
    """
    read = f"{passage}\n{question}".casefold()
    code = [piece.strip() for piece in _CODE.findall(answer) if piece.strip()]
    if any(piece.casefold() not in read for piece in code):
        return False
    words = [word.casefold() for word in _WORD.findall(answer)]
    found = sum(word in read for word in words)
    return bool(answer.strip()) and found >= _WORDS_SHARE * len(words)


def loop_start(text: str) -> int | None:
    """Where ``text`` begins to repeat itself at its end: the place after the first time, or None."""
    offset = max(0, len(text) - _WINDOW)
    found = _LOOP.search(text[offset:])
    return offset + found.end(1) if found else None
