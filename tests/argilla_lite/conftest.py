"""The servers that the API suite runs against, one dataset in each that the read-only tests share, and
PostgreSQL.

By default the suite runs twice: argilla_lite over SQLite and over PostgreSQL. With CLAYLOOP_TEST_ARGILLA_URL
and CLAYLOOP_TEST_ARGILLA_API_KEY (an owner's; CLAYLOOP_TEST_ARGILLA_WORKSPACE has to exist) it runs once,
against that Argilla, for example one with Elasticsearch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.argilla_lite.battered import Battered, running_battered
from tests.argilla_lite.postgres import PostgresServer, postgres_binaries, running_postgres
from tests.argilla_lite.sample import Argilla, Sample, make_sample
from tests.argilla_lite.server import running_argilla_lite

_ELSEWHERE = os.environ.get("CLAYLOOP_TEST_ARGILLA_URL")


@pytest.fixture(scope="session", params=["elsewhere"] if _ELSEWHERE else ["sqlite", "postgresql"])
def argilla(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Argilla]:
    """An Argilla to ask over HTTP and through the SDK, whatever is behind it."""
    if _ELSEWHERE:
        workspace = os.environ.get("CLAYLOOP_TEST_ARGILLA_WORKSPACE", "argilla")
        yield Argilla(
            _ELSEWHERE,
            os.environ["CLAYLOOP_TEST_ARGILLA_API_KEY"],
            workspace,
            orders_by_itself=False,
            settle=1.2,
        )
    elif request.param == "sqlite":
        server = request.getfixturevalue("argilla_lite")
        yield Argilla(server.url, server.api_key, server.workspace)
    else:
        database = request.getfixturevalue("postgres").new_database()
        home = tmp_path_factory.mktemp("argilla-lite-postgresql")
        with running_argilla_lite(home, database=database) as server:
            yield Argilla(server.url, server.api_key, server.workspace)


@pytest.fixture(scope="session")
def sample(argilla: Argilla) -> Sample:
    """Read-only: 60 records with some of everything."""
    return make_sample(argilla)


@pytest.fixture
def own_sample(argilla: Argilla) -> Sample:
    """A small dataset that the test may change."""
    return make_sample(argilla, count=12)


@pytest.fixture(scope="session")
def battered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Battered]:
    """A server that tests may do anything to; its disk is small where that is possible."""
    with running_battered(tmp_path_factory.mktemp("battered")) as server:
        yield server


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
