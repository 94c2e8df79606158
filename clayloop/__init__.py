"""clayloop: from human annotation in Argilla 2 to a better documentation bot in production."""

__version__ = "0.1.0"
