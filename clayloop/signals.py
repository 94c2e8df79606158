"""Ctrl-C and SIGTERM, as long as something must not be torn apart by them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Handler = Callable[[int, Any], None] | signal.Handlers


def interrupt(*_: object) -> None:
    """Ends this process as Ctrl-C does."""
    raise KeyboardInterrupt


@contextmanager
def on_signals(handler: Handler, *numbers: signal.Signals) -> Iterator[None]:
    """While inside, ``handler`` gets these signals, by default SIGINT and SIGTERM. In another thread than the
    main one, which alone gets signals, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    chosen = numbers or (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, handler) for number in chosen}
    try:
        yield
    finally:
        for number, own in before.items():
            signal.signal(number, own or signal.SIG_DFL)  # None: not Python's own, which cannot be set
