"""Argilla's search engine, embedded.

One truth: everything that Argilla's own database knows (statuses, responses, suggestions, metadata, vectors)
is read from there with SQL at the moment of the question. The only derived state is the full-text index, a
SQLite file beside it, and whatever it answers is joined with Argilla's own records: a stale index can miss a
record until it is repaired, but can never name one that does not exist.
"""

ENGINE_NAME = "argilla_lite"  # the value of ARGILLA_SEARCH_ENGINE
