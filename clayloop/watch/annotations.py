"""What people decided, as the watcher reads it: over one connection, woken by Argilla's calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from clayloop.watch.current import CurrentSettings
from clayloop.watch.registration import Calls
from curation import ArgillaError, DecisionReader

if TYPE_CHECKING:
    import argilla as rg

    from curation import Decision

Answer = TypeVar("Answer")


class Annotations:
    """The decisions in Argilla. ``called`` and ``believes`` may be used from any thread."""

    def __init__(self, current: CurrentSettings, say: Callable[[str], None]) -> None:
        self._current = current
        self._say = say
        self._calls: Calls | None = None
        self._client: rg.Argilla | None = None
        self._reader = DecisionReader(current.now.curation.argilla)

    @property
    def is_called(self) -> bool:
        """Whether Argilla calls when somebody answers."""
        return self._calls is not None and self._calls.registered

    @property
    def doubts(self) -> bool:
        """Whether a call may be on its way (DecisionReader.doubts)."""
        return self._reader.doubts

    def listen_at(self, url: str) -> None:
        """Have Argilla call ``url``, from the next ``register`` on."""
        self._calls = Calls(self._current.now.state, url, self._say)

    def believes(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether Argilla signed this call."""
        return self._calls is not None and self._calls.believes(headers, body)

    def called(self, body: bytes) -> bool:
        """Note a call. Whether it is about one of our datasets."""
        from curation import read_call

        argilla = self._current.now.curation.argilla
        call = read_call(body, argilla.workspace, (argilla.chunks, argilla.triplets, argilla.conversations))
        if call is not None:
            self._reader.note(call)
        return call is not None

    def register(self) -> None:
        """Have Argilla call, unless it does. Raises ArgillaError when Argilla does not answer."""
        if self._calls is not None:
            self._ask(self._calls.refresh)

    def read(self, is_poll: bool) -> list[Decision]:
        """All decisions. Without ``is_poll`` only what calls named is read anew.

        Raises ArgillaError when Argilla cannot be read.
        """
        if not is_poll:
            return self._ask(self._reader.read_called)
        return self._ask(lambda client: self._reader.read(client, self.is_called))

    def forget(self) -> None:
        """Argilla is another one, or another dataset is."""
        self._client, self._reader = None, DecisionReader(self._current.now.curation.argilla)
        if self._calls is not None:
            self._calls.try_again()

    def end(self) -> None:
        """Take the registration for calls back."""
        if self._calls is None or not self._calls.registered:
            return
        try:
            self._calls.end(self._connect())
        except ArgillaError as error:
            self._say(f"The webhook could not be removed, the next start does it: {error.message}")

    def _ask(self, question: Callable[[rg.Argilla], Answer]) -> Answer:
        is_kept = self._client is not None
        try:
            return question(self._connect())
        except ArgillaError:
            self._client = None
            if not is_kept:
                raise
        return question(self._connect())  # the kept connection may have been cut

    def _connect(self) -> rg.Argilla:
        """The connection, which is kept: making one takes longer than a look."""
        from curation import connect_to_argilla

        if self._client is None:
            now = self._current.now
            self._client = connect_to_argilla(now.curation.argilla, now.state, make_workspace=False)
        return self._client
