"""Training an embedding model."""
