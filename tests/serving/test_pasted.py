"""Tracebacks and logs in a question: what is looked up of them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from curation import Message
from serving.bot.follow_ups import look_up
from serving.bot.pasted import without_frames

PYTHON = """my bot stops, why?

Traceback (most recent call last):
  File "/home/me/run.py", line 12, in <module>
    process.start()
    ~~~~~~~~~~~~~^^
  File "/usr/lib/crawler.py", line 420, in start
    reactor.run()
KeyError: 'name'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/home/me/run.py", line 14, in <module>
    raise Stopped("no name")
run.Stopped: no name
    it says this each time"""
JAVA = """Exception in thread "main" java.lang.NullPointerException: no bot
\tat com.example.Bot.start(Bot.java:16)
\tat java.base/java.lang.Thread.run(Thread.java:833)
Caused by: java.io.IOException: closed
\t... 3 more"""
NODE = """TypeError: x is not a function
    at Object.<anonymous> (/home/me/a.js:3:1)
    at async /home/me/b.js:10:5
what now?"""
LOG = """I see this:
2026-11-30 10:00:01 [scrapy.core.engine] INFO: Spider opened
2026-11-30T10:00:02.123Z ERROR - Forbidden by robots.txt
[2026-11-30 10:00:03,456] WARNING: slow"""


@pytest.mark.parametrize(
    ("pasted", "left"),
    [
        (
            PYTHON,
            "my bot stops, why?\n\nKeyError: 'name'\n\nrun.Stopped: no name\n    it says this each time",
        ),
        (
            JAVA,
            'Exception in thread "main" java.lang.NullPointerException: no bot\n'
            "Caused by: java.io.IOException: closed",
        ),
        (NODE, "TypeError: x is not a function\nwhat now?"),
        (
            LOG,
            "I see this:\n[scrapy.core.engine] INFO: Spider opened\n"
            "ERROR - Forbidden by robots.txt\nWARNING: slow",
        ),
        ("Why does it stop\n  at home (me)\n  at 10:15?", "Why does it stop\n  at home (me)\n  at 10:15?"),
        ('  File "a.py", line 3, in b', '  File "a.py", line 3, in b'),
    ],
)
def test_what_is_left_of_what_was_pasted(pasted: str, left: str) -> None:
    assert without_frames(pasted) == left


def test_a_question_about_the_traceback_before_is_looked_up_with_its_last_line() -> None:
    asked = look_up(
        "and how do I fix it?", [Message(role="user", content=PYTHON), Message(role="assistant", content="…")]
    )
    assert "Stopped" in asked and "reactor" not in asked


@given(
    st.lists(st.sampled_from(["how do I start it?", "", "    indented code", "KeyError: 'x'", "- an item"]))
)
def test_what_is_no_traceback_stays(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert without_frames(text) == text
