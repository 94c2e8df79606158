"""Argilla 2.8 with an embedded search engine, Redis and worker: one command, one folder."""

__version__ = "0.1.0"
