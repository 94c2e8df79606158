"""Retraining by itself: when enough was accepted, on a schedule, or when somebody asks for it."""
