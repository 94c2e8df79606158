"""Retrains automatically: when enough was accepted, on a schedule, or when somebody asks."""
