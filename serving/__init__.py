"""Embedding, index, releases, retrieval, answers, and the live bot."""
