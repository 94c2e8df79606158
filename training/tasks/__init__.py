"""Any task from any Argilla 2 dataset: the successor of version 1's ArgillaTrainer."""
