"""The record of a retrain and its steps."""
