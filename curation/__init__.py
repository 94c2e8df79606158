"""Documents, chunks, triplets, conversations, and the Argilla datasets that people review them in."""
