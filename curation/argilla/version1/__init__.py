"""Bringing a FeedbackDataset of Argilla 1 into Argilla 2."""
