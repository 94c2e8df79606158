"""Documentation read, cut into chunks, and kept as the corpus."""
