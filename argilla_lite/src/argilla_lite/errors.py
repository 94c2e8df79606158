"""Errors that the command line shows as one line, without a traceback."""


class ArgillaLiteError(Exception):
    """An error whose message says what is wrong, where, and what to do.

    Args:
        message: The line that is shown.
        exit_code: What the command exits with.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class AlreadyRunningError(ArgillaLiteError):
    """Another `argilla-lite up` holds this home."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=3)


class PortTakenError(ArgillaLiteError):
    """The address cannot be bound."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=4)


class StartFailedError(ArgillaLiteError):
    """A service ended, or did not answer in time, before everything was up."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=5)
