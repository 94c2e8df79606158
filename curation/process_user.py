"""Who runs this process, for logs that people read."""

from __future__ import annotations

import getpass
import os


def user_name() -> str:
    """The user's name; the number of one without."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
