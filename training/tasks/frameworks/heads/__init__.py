"""What transformers is told for each task: how texts become tokens, and logits an answer."""
