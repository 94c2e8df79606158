"""The demo: the whole loop turned once, on real parts, with a simulated annotator."""
