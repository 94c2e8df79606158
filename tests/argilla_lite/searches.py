"""Searches that argilla_lite and Elasticsearch are both asked, and those where argilla_lite answers otherwise
on purpose.

What Elasticsearch answers is recorded in `elasticsearch.json`, with its version. To record it anew:
`python -m tests.argilla_lite.elasticsearch URL --record`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """Records and what is searched in them.

    Args:
        records: Id → the text field `a`, or all fields; `b` says `note` unless given.
        queries: What is searched, in all fields.
    """

    records: dict[str, str | dict[str, Any]]
    queries: list[str]

    def fields(self, name: str) -> dict[str, Any]:
        """A record's fields."""
        given = self.records[name]
        return {"a": given, "b": "note"} if isinstance(given, str) else {"a": "none", "b": "note", **given}


def said(*messages: str) -> dict[str, Any]:
    """A record with a chat."""
    return {"chat": [{"role": "user", "content": message} for message in messages]}


CASES = {
    "combining marks": Case(
        {
            "hi": "मिट्टी के बर्तन की मरम्मत",
            "bn": "মাটির পাত্র শুকানো",
            "ta": "களிமண் பானை செய்வது",
            "te": "మట్టి కుండ ఆరబెట్టడం",
            "ml": "കളിമൺ പാത്രം ഉണക്കൽ",
            "kn": "ಮಣ್ಣಿನ ಮಡಕೆ ಒಣಗಿಸುವುದು",
            "gu": "માટીના વાસણ સૂકવવા",
            "pa": "ਮਿੱਟੀ ਦੇ ਭਾਂਡੇ ਸੁਕਾਉਣਾ",
            "or": "ମାଟି ପାତ୍ର ଶୁଖାଇବା",
            "si": "මැටි බඳුන වියළීම",
            "dv": "މުށި ކެއުން",
        },
        [
            "मिट्टी",
            '"मिट्टी के"',
            "मिट्टी मरम्मत",
            "मिट*",
            "মাটির",
            "பானை",
            "కుండ",
            "പാത്രം",
            "ಮಡಕೆ",
            "વાસણ",
            "ਭਾਂਡੇ",
            "ପାତ୍ର",
            "මැටි",
            "މުށި",
            "-मिट्टी -মাটির",
            "मट",
        ],
    ),
    "tone marks": Case(
        {
            "th1": "เตาเผาเก่า",
            "th2": "เตาเผาเกา",
            "my1": "ကျား ကြီး",
            "my2": "ကျာ ကြီ",
            "km1": "ភ្នំ ក៏",
            "km2": "ភន ក",
        },
        ["เก่า", "เกา", "ကျား", "ភ្នំ", "ភន"],
    ),
    "joined": Case(
        {
            "1": "send an e-mail",
            "2": "the mail from e to z",
            "3": {"a": "mail", "b": "e"},
            "4": "see loop/clay for it",
            "5": "clay in a loop",
            "6": {"a": "loop", "b": "clay"},
        },
        ["e-mail", "loop/clay", "e mail", "loop clay", '"loop clay"', "-e-mail", "send | loop/clay", "mail*"],
    ),
    "chat": Case(
        {
            "1": said("which kiln", "is hot today"),
            "2": said("the kiln is hot"),
            "3": said("kiln", "x y z", "is"),
        },
        ['"kiln is"', '"is hot"', "kiln is", '"kiln is"~1', '"kiln is"~10', '"hot the"'],
    ),
    "near": Case(
        {"1": "fire the old red kiln", "2": "kiln fire", "3": "fire a kiln now"},
        [
            '"fire kiln"~10',
            '"fire kiln"~2',
            '"fire kiln"~3',
            '"fire kiln"~1',
            '"fire kiln"~0',
            '"fire kiln"',
            '"fire old kiln"~2',
            '"fire old kiln"~1',
            '"kiln fire"~3',
            '"kiln fire"~10',
            "fire~1 kiln",
        ],
    ),
    "numbers": Case(
        {
            "1": "5% shrinkage",
            "2": "factor 1.5 at most",
            "3": "version 2.11.1",
            "4": "in v2.11 only",
            "5": "1,5 or 5,000 (5)",
            "6": "ends with 5.",
        },
        ["5%", "5", "1.5", "2.11", "2.11*", "2.11.1", "11", "v2.11", "1,5", "5,000", "5.", "2.11.x"],
    ),
    "forms": Case(
        {
            "1": "½ cup of slip",
            "2": "10 m² of floor",
            "3": "ＦＵＬＬ ｗｉｄｔｈ",
            "4": "cafe\u0301 latte",
            "5": "thé vert",
            "6": "ﬁne clay",
        },
        ["1/2", "½", "m2", "m²", "full", "café", "cafe", "thé", "fine"],
    ),
    "names": Case(
        {
            "1": "set user_agent in settings.py",
            "2": "the agent's settings",
            "3": "I don't",
            "4": "x==y, a+b (c)",
        },
        ["user_agent", "agent", "settings.py", "settings", "don't", "x==y", "user_agent*", "agent*"],
    ),
}

_TONES = "Elasticsearch, without a dictionary, has one token for the whole phrase; we find any substring"
_JOINED = "what is written as one word is a phrase"
_ORDER = "our `~` asks how near the words are, not in which order"
_FOLDS = "compatibility forms and accents fold: a person who types the plain one means both"
_PARTS = "the parts of a name are found too"
# Where argilla_lite finds something else, and why. What stands here and is no difference fails the test.
OTHERWISE: dict[tuple[str, str], tuple[set[str], str]] = {
    ("tone marks", "เก่า"): ({"th1"}, _TONES),
    ("tone marks", "เกา"): ({"th2"}, _TONES),
    ("joined", "e-mail"): ({"1"}, _JOINED),
    ("joined", "loop/clay"): ({"4"}, _JOINED),
    ("joined", "-e-mail"): ({"2", "3", "4", "5", "6"}, _JOINED),
    ("joined", "send | loop/clay"): ({"1", "4"}, _JOINED),
    ("near", '"fire kiln"~1'): ({"2", "3"}, _ORDER),
    ("near", '"kiln fire"~3'): ({"1", "2", "3"}, _ORDER),
    ("forms", "1/2"): ({"1"}, _FOLDS),
    ("forms", "½"): ({"1"}, _FOLDS),
    ("forms", "m2"): ({"2"}, _FOLDS),
    ("forms", "full"): ({"3"}, _FOLDS),
    ("forms", "café"): ({"4"}, _FOLDS),
    ("forms", "cafe"): ({"4"}, _FOLDS),
    ("forms", "fine"): ({"6"}, _FOLDS),
    ("names", "agent"): ({"1", "2"}, _PARTS),
    ("names", "agent*"): ({"1", "2"}, _PARTS),
    ("names", "settings"): ({"1", "2"}, _PARTS),
}

# Date math: what Elasticsearch makes of each as lower and as upper bound, is recorded too.
DATES = [
    "2026-01-01", "2026-02", "2026-01-01T10:00:00Z", "2026-01-01||+1M/d", "2026-01-31||+1M",
    "2024-02-29||+1y",
    "2026-01-01||-1d", "2026-01-01||/w", "2026-01-04||/w", "2026-05-17T13:14:15||/M",
    "2026-05-17T13:14:15||/y",
    "2026-05-17T13:14:15||/h", "2026-05-17T13:14:15||/m+30s", "2026-05-17T13:14:15||+2w-3H", "2026-05-17||+d",
    "2026-01-01||-13M", "1767225600000",
]  # fmt: skip
