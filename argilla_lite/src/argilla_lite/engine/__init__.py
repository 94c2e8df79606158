"""Argilla's search engine, embedded.

One truth: everything that Argilla's own database knows (statuses, responses, suggestions, metadata, vectors)
is held in memory column by column, and brought up to the database's state before each query is evaluated. The
only derived state on disk is the full-text index, and whatever it answers is joined with these columns: a
stale index can miss a record until it is repaired, but can never name one that does not exist.
"""

ENGINE_NAME = "argilla_lite"  # the value of ARGILLA_SEARCH_ENGINE
