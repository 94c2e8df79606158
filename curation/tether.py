"""`python -m curation.tether COMMAND…` becomes COMMAND, which then ends when its parent does, even by kill
-9.

Linux only; elsewhere it just becomes the command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we could ask
            sys.exit(1)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the caller's own command, no shell


if __name__ == "__main__":
    main()
