"""Errors that the command line shows as one line, without a traceback."""


class ArgillaLiteError(Exception):
    """An error whose message says what is wrong, where, and what to do. `exit_code` is the command's."""

    exit_code = 1


class AlreadyRunningError(ArgillaLiteError):
    """Another `argilla-lite up` holds this home."""

    exit_code = 3


class PortTakenError(ArgillaLiteError):
    """The address cannot be bound."""

    exit_code = 4


class StartFailedError(ArgillaLiteError):
    """A service ended, or did not answer in time, before everything was up."""

    exit_code = 5
