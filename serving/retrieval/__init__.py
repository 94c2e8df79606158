"""Embedding, indexes and what finds the chunks for a question."""
