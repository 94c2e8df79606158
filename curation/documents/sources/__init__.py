"""Where documentation comes from: one file a kind of source, and ``kinds`` with all of them by prefix."""
