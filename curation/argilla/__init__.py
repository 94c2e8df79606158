"""Argilla: the three datasets that annotators work in, and what is read back from them.

The only part of clayloop that talks to Argilla. Every public function raises ArgillaError when Argilla is down, refuses the
key, or holds a dataset of the configured name that is not clayloop's.
"""

from curation.argilla.conditions import find_matching, parse_condition
from curation.argilla.connection import Credentials, connect, read_credentials
from curation.argilla.conversations import log_turns
from curation.argilla.decisions import decide, judge, read_decisions, restate, tally
from curation.argilla.progress import AnnotatorProgress, DatasetProgress, read_progress
from curation.argilla.push import DatasetPush, PushReport, push
from curation.argilla.schemas import DATASETS, SPECS, DatasetSpec, dataset_name
from curation.argilla.simulated import (
    SIMULATED_ANNOTATOR,
    SimulatedDataset,
    SimulatedReport,
    annotate_as_simulated,
)
from curation.argilla.vectors import VectorSource

__all__ = [
    "DATASETS",
    "SIMULATED_ANNOTATOR",
    "SPECS",
    "AnnotatorProgress",
    "Credentials",
    "DatasetProgress",
    "DatasetPush",
    "DatasetSpec",
    "PushReport",
    "SimulatedDataset",
    "SimulatedReport",
    "VectorSource",
    "annotate_as_simulated",
    "connect",
    "dataset_name",
    "decide",
    "find_matching",
    "judge",
    "log_turns",
    "parse_condition",
    "push",
    "read_credentials",
    "read_decisions",
    "read_progress",
    "restate",
    "tally",
]
