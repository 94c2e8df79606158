"""Argilla: the three datasets that annotators work in, and what is read back from them.

This is the only part of clayloop that talks to Argilla. Every public function raises ArgillaError when
Argilla is down, refuses the key, or holds a dataset of the configured name that is not clayloop's.
"""
