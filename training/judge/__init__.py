"""Whether a candidate may be served."""
