"""What people say to a bot that is no question about the documentation: hello, thanks, help, who are you,
that was wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation import plain, web_address

_LEAVE_OUT = re.compile(r"[^\w\s']+")
_PLEASED = re.compile("[👍👏🙏🎉❤💚😀😁😃😄😊🙂]")
_DISPLEASED = re.compile("[👎😡😠😞🙁☹]")
_MOST_WORDS = 9
_NAMES = r"(?: (?:there|bot|all|everyone|you|again))*"
_GOOD = (
    r"(?:ok|okay|great|perfect|cool|nice|awesome|yay|got it|(?:that|this|it)(?: has)?(?: now)? "
    r"(?:helps|helped|help|works|worked)(?: now)?)"
)
_KINDS = {
    "hello": rf"(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)){_NAMES}"
    r"(?: how are you(?: doing)?)?|how are you(?: doing)?",
    "thanks": rf"(?:(?:no|oh|ah|many|{_GOOD}) )*(?:thanks|thank you|thx|ty|cheers)"
    rf"(?: (?:a lot|so much|very much|a million|you|for (?:the|your) help|bot|{_GOOD}))*"
    rf"|{_GOOD}(?: {_GOOD})*",
    "wrong": r"(?:no|nope|wrong(?: answer)?|useless|not helpful|(?:(?:no|sorry|thanks|thank you|thx|well) )?"
    r"(?:that|this|it|your answer)(?: (?:is|was)|'s)? "
    r"(?:wrong|useless|bad|incorrect|nonsense|not (?:right|true|helpful|it|what i (?:meant|asked|need))"
    r"|(?:did not|didn't|does not|doesn't) (?:help|work|answer my question))(?: (?:at all|for me))?)",
    "goodbye": rf"(?:bye|goodbye|good bye|see you|good night){_NAMES}",
    "help": r"(?:yes|help|help me|please help|i need help|can you help(?: me)?|what can (?:you|i) (?:do|ask)"
    r"(?: you| for me)?|what do you (?:do|know)|how does this work|how do you work"
    r"|what can you help(?: me)? with)(?: please)?",
    "who": r"(?:who|what) (?:are|r) (?:you|u)|what is this"
    r"|are you (?:a |an )?(?:bot|human|robot|real|ai|chatgpt)"
    r"|(?:what(?: is|'s)|whats) your name|who (?:made|built|wrote) you",
}
_PATTERNS = {kind: re.compile(pattern) for kind, pattern in _KINDS.items()}


def small_talk(question: str) -> str | None:
    """Which of ``_KINDS`` the whole question is; None when it asks for something."""
    words = _LEAVE_OUT.sub(" ", question.casefold().replace("’", "'")).split()
    if not words:
        if _DISPLEASED.search(question):
            return "wrong"
        return "thanks" if _PLEASED.search(question) else "help"
    if len(words) > _MOST_WORDS:
        return None
    said = " ".join(words)
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(said)), None)


def reply_to(kind: str, product: str, examples: Sequence[str], support: str) -> str:
    """A useful sentence as Markdown, with questions that the documentation answers."""
    about = f"the documentation of {plain(product)}" if product else "the documentation"
    asked = f"\n\nFor example:\n\n{listed(examples)}" if examples else ""
    further = f"\n\nFor everything else: {support_line(support)}" if support else ""
    if kind == "thanks":
        return "You are welcome. The thumbs under an answer tell the maintainers whether it helped."
    if kind == "goodbye":
        return "Goodbye."
    if kind == "wrong":
        return (
            "I am sorry. A thumb down under the answer tells the maintainers, a comment what was missing."
            " Other words may find more: what you want to do, a name from the code, an error message."
            f"{further}"
        )
    if kind == "who":
        return (
            f"I am a bot, not a person. I look up what {about} says, show the passages that answer, and say "
            f"so where there are none.{asked}{further}"
        )
    if kind == "help":
        return (
            f"Ask a question in your own words, best a whole sentence. I show the passages of {about} that "
            f"answer it, with links. I know nothing else.{asked}{further}"
        )
    return f"Hello. I answer questions from {about}.{asked}"


def listed(questions: Sequence[str]) -> str:
    """Questions as a Markdown list."""
    return "\n".join(f"- {plain(one)}" for one in questions)


def support_line(support: str) -> str:
    """The support channel: a link where it is an address, else its text."""
    address = web_address(support)
    return f"<{address}>" if address else plain(support)
