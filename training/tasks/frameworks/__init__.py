"""The libraries that train: one class each, registered by name."""
