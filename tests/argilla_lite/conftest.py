"""One dataset that the read-only tests share."""

from __future__ import annotations

import pytest

from tests.argilla_lite.sample import Sample, make_sample
from tests.argilla_lite.server import ArgillaLite


@pytest.fixture(scope="session")
def sample(argilla_lite: ArgillaLite) -> Sample:
    """Read-only: 60 records with some of everything."""
    return make_sample(argilla_lite.url, argilla_lite.api_key, argilla_lite.workspace)


@pytest.fixture
def own_sample(argilla_lite: ArgillaLite) -> Sample:
    """A small dataset that the test may change."""
    return make_sample(argilla_lite.url, argilla_lite.api_key, argilla_lite.workspace, count=12)
