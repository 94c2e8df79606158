"""The settings as they are now: the file is read again when it has changed."""

from __future__ import annotations

from pathlib import Path

from clayloop.settings import Settings, load_settings


class CurrentSettings:
    """Settings of which ``config``, a file that need not be there, may change. The state folder stays."""

    def __init__(self, settings: Settings, config: Path | None = None) -> None:
        self.now = settings
        self._config = config
        self._read = self._stamp()
        self._must_be_there = self._read is not None
        self._is_damaged = False

    @property
    def have_changed(self) -> bool:
        """Whether the file was written since it was read last."""
        return self._stamp() != self._read

    def refresh(self) -> bool:
        """Read the file if it was written since. Whether it was.

        Raises SettingsError, at each call, as long as it is wrong.
        """
        stamp = self._stamp()
        if stamp == self._read and not self._is_damaged:
            return False
        self._read, self._is_damaged = stamp, True
        is_there = stamp is not None or self._must_be_there
        self.now = load_settings(self._config if is_there else None, self.now.state.root)
        self._is_damaged = False
        return True

    def _stamp(self) -> tuple[int, int, int] | None:
        if self._config is None:
            return None
        try:
            found = self._config.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
