"""Releases: what one is made of, how it is built, kept, promoted and opened."""
