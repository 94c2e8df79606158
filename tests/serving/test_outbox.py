"""The outbox: nothing lost, order kept within a conversation, whatever is killed or down."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from curation import ArgillaError, StateError, Turn
from serving.bot.conversations import Conversations, name_of_turn
from serving.bot.outbox import Outbox, Sender


def make_turn(conversation: str = "c", number: int = 0, second: int = 0) -> Turn:
    return Turn(
        conversation_id=conversation,
        turn=number,
        question=f"Question {number}?",
        answer="An answer – with “quotes” and 🏺",
        release_id="r0001-00000000",
        created_at=datetime(2026, 11, 30, second=second, tzinfo=timezone.utc),
    )


class Argilla:
    """Takes turns as Argilla would: by id. Can be down, and can refuse single conversations."""

    def __init__(self) -> None:
        self.is_down = False
        self.refuses: set[str] = set()
        self.received: list[Turn] = []

    def send(self, turns: list[Turn]) -> None:
        if self.is_down:
            raise ArgillaError("Argilla does not answer.")
        if any(turn.conversation_id in self.refuses for turn in turns):
            raise ArgillaError("A record is not valid.")
        self.received += turns

    def numbers(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for turn in self.received:
            found[turn.conversation_id].append(turn.turn)
        return dict(found)


@settings(max_examples=25, deadline=None)
@given(
    turns=st.lists(st.sampled_from("abcdef"), max_size=70),
    down=st.lists(st.booleans(), max_size=4),
    refused=st.sets(st.sampled_from("abcdef"), max_size=4),
)
def test_every_turn_arrives_once_and_in_order(turns: list[str], down: list[bool], refused: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder))
        expected: dict[str, list[int]] = defaultdict(list)
        for conversation in turns:
            expected[conversation].append(len(expected[conversation]))
            outbox.put(make_turn(conversation, expected[conversation][-1]))
        argilla = Argilla()
        argilla.refuses = refused
        for is_down in down:
            argilla.is_down = is_down
            with contextlib.suppress(ArgillaError):
                outbox.flush(argilla.send)
        assert outbox.pending() == len(turns) - len(argilla.received)
        argilla.is_down, argilla.refuses = False, set()
        outbox.flush(argilla.send)
        assert outbox.pending() == 0
        assert argilla.numbers() == dict(expected)


def test_refused_turns_do_not_stand_in_the_way_of_others(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for number in range(8):
        outbox.put(make_turn(f"bad-{number}"))
    for number in range(60):
        outbox.put(make_turn("good", number))
    argilla = Argilla()
    argilla.refuses = {f"bad-{number}" for number in range(8)}
    for _ in range(6):
        with pytest.raises(ArgillaError):
            outbox.flush(argilla.send)
    assert argilla.numbers() == {"good": list(range(60))}
    assert outbox.pending() == 8


def test_a_file_that_is_not_a_turn_is_set_aside(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(make_turn())
    (tmp_path / "00000000000000000001-00000000-00000000.json").write_text('{"half a')
    argilla = Argilla()
    assert outbox.flush(argilla.send) == 1
    assert outbox.set_aside() == 1 and outbox.pending() == 0


def test_a_clock_that_goes_back_does_not_change_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([5_000, 4_000, 3_000])
    outbox = Outbox(tmp_path)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    for number in range(3):
        outbox.put(make_turn("c", number))
    argilla = Argilla()
    Outbox(tmp_path).flush(argilla.send)
    assert argilla.numbers() == {"c": [0, 1, 2]}


def test_the_sender_waits_out_an_argilla_that_is_down(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    argilla = Argilla()
    argilla.is_down = True
    sender = Sender(outbox, argilla.send, first_wait=0.05)
    sender.start()
    outbox.put(make_turn())
    sender.wake()
    deadline = time.monotonic() + 10
    while not sender.error and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sender.error == "Argilla does not answer."
    argilla.is_down = False
    while outbox.pending() and time.monotonic() < deadline:
        time.sleep(0.01)
    sender.close()
    assert len(argilla.received) == 1 and sender.error is None


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="Cannot write"):
        Outbox(tmp_path / "file" / "outbox").put(make_turn())


CHAT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from serving.bot.outbox import Outbox
    from tests.serving.test_outbox import make_turn
    outbox = Outbox(Path(sys.argv[1]))
    for number in range(100_000):
        outbox.put(make_turn(sys.argv[2], number))
        print(number, flush=True)
    """
)
SEND = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from serving.bot.outbox import Outbox
    def send(turns):
        with open(sys.argv[2], "a") as file:
            file.write("".join(turn.id + "\\n" for turn in turns))
    print("ready", flush=True)
    Outbox(Path(sys.argv[1])).flush(send)
    """
)


def test_killed_while_writing_and_while_sending_nothing_is_lost(tmp_path: Path) -> None:
    box, received = tmp_path / "outbox", tmp_path / "received"
    here = Path(__file__).parents[2]
    promised: list[Turn] = []
    for number in range(4):
        chat = subprocess.Popen(
            [sys.executable, "-c", CHAT, str(box), f"conversation-{number}"],
            stdout=subprocess.PIPE,
            cwd=here,
            text=True,
        )
        assert chat.stdout is not None
        for _ in range(20 + number * 7):
            chat.stdout.readline()
        os.kill(chat.pid, signal.SIGKILL)
        rest = chat.stdout.read().split()
        count = max([19 + number * 7, *(int(line) for line in rest if line.isdigit())]) + 1
        chat.wait()
        promised += [make_turn(f"conversation-{number}", turn) for turn in range(count)]
        sender = subprocess.Popen(
            [sys.executable, "-c", SEND, str(box), str(received)], stdout=subprocess.PIPE, cwd=here
        )
        assert sender.stdout is not None
        sender.stdout.readline()
        time.sleep(0.002 * number)
        os.kill(sender.pid, signal.SIGKILL)
        sender.wait()
        sender.stdout.close()
    argilla = Argilla()
    Outbox(box).flush(argilla.send)
    arrived = {turn.id for turn in argilla.received} | set(
        received.read_text().split() if received.exists() else []
    )
    assert {turn.id for turn in promised} <= arrived


def test_a_turn_after_a_start_of_the_bot_is_another_record() -> None:
    """Undone and asked anew, it has the number of one that is in Argilla, perhaps with people's answers."""
    conversation, _ = Conversations().next_turn(None)
    before, after = (
        make_turn(*Conversations().next_turn(f"{conversation}.0"), second=second) for second in (1, 2)
    )
    assert (before.conversation_id, before.turn) == (after.conversation_id, after.turn) == (conversation, 1)
    assert before.id != after.id
    rated = after.model_copy(update={"thumb": "up"})
    assert Turn.model_validate_json(rated.model_dump_json()).id == after.id


def test_a_turn_is_not_rated_without_end() -> None:
    """Each change is written down and sent to Argilla, and clicks are not counted by address."""
    conversations = Conversations()
    conversation, number = conversations.next_turn(None)
    conversations.keep(turn := make_turn(conversation, number))
    name = name_of_turn(conversation, number)
    assert conversations.rate(name, "up") == turn.model_copy(update={"thumb": "up"})
    assert conversations.rate(name, "up") is None, "nothing changes"
    changed = [conversations.rate(name, comment=str(time)) is not None for time in range(1_000)]
    assert 10 < changed.count(True) < 100 and not conversations.knows(name)
