"""From accepted annotations to a model, a verdict and a release."""
