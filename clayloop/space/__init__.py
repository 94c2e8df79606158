"""A Hugging Face Space that serves a published release."""
