"""One dataset that the read-only tests share, and a PostgreSQL server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.argilla_lite.postgres import PostgresServer, postgres_binaries, running_postgres
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A private PostgreSQL server. Skipped where there is none, unless CI promised one."""
    if postgres_binaries() is None and not os.environ.get("CLAYLOOP_REQUIRE_POSTGRES"):
        pytest.skip("no PostgreSQL on this machine (apt-get install postgresql)")
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres: PostgresServer) -> str:
    """The URL of an empty PostgreSQL database that the session shares."""
    return postgres.new_database()
