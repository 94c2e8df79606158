"""The real watcher with a FAKE retrain, as a process: ``python -m tests.clayloop.watch.fake_watcher HOME LOG
SECONDS CODES``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from clayloop.settings import load_settings
from clayloop.watch.watcher import Watcher


def command(log: Path, seconds: float, codes: str) -> list[str]:
    """The fake retrain's command line."""
    return [sys.executable, str(Path(__file__).with_name("fake_retrain.py")), str(log), str(seconds), codes]


def main() -> None:
    home, log, seconds, codes = sys.argv[1:]
    settings = load_settings(None, Path(home))

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    watcher = Watcher(settings, command(Path(log), float(seconds), codes), say)
    signal.signal(signal.SIGTERM, lambda *_: watcher.stop())
    watcher.run(ready=lambda url: say(f"listening at {url}"))


if __name__ == "__main__":
    main()
