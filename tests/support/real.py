"""Fixtures for the real parts, one of each for a test session (for each worker under xdist).

A test asks for what it needs by name and gets it running; everything ends with the session.
"""

from collections.abc import Iterator

import pytest
from support.postgres import Postgres, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL with TLS, SCRAM, md5 and cleartext users and the sample database."""
    with running_postgres() as running:
        yield running
