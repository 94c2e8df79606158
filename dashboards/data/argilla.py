"""Asking Argilla again and again, over one connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from curation import ArgillaSettings, Home

if TYPE_CHECKING:
    import argilla as rg

_LONGEST_WAIT = 15.0  # seconds
T = TypeVar("T")


class ArgillaReader(Generic[T]):
    """Reads with ``read``, over one connection as long as that works.

    The Argilla SDK takes seconds to import, so the first call imports it, in the feed's thread.
    """

    def __init__(
        self,
        home: Home,
        settings: ArgillaSettings,
        read: Callable[[rg.Argilla, ArgillaSettings], Sequence[T]],
    ) -> None:
        self._home, self._read = home, read
        self._settings = settings.model_copy(update={"timeout": min(settings.timeout, _LONGEST_WAIT)})
        self._client: rg.Argilla | None = None

    def __call__(self) -> Sequence[T]:
        """What it reads. Raises ArgillaError when Argilla does not answer or refuses the key."""
        from curation import connect_to_argilla

        client = self._client or connect_to_argilla(self._settings, self._home, make_workspace=False)
        self._client = None  # after an error we connect anew: address or key may have changed
        found = self._read(client, self._settings)
        self._client = client
        return found
