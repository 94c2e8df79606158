"""Markdown and reStructuredText, read into sections of blocks that are then packed into chunks."""
