"""reStructuredText, on docutils: parsed with every directive and role, walked into sections of blocks."""
