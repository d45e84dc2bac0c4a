"""A gateway to break: its own PostgreSQL, short deadlines, and its processes by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.breakable import Breakable
from support.builders import POLICIES, Document, configuration, usual_resources
from support.gateway import running_gateway
from support.postgres import running_postgres

SOON: Document = {
    "name": "what is too late ends soon",
    "when": {"command": "too late"},
    "verdict": "review",
    "review": {"reviewers": ["dba"], "approvals": 1, "timeout": "12s", "valid_for": "30s"},
}


@pytest.fixture(scope="package")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Breakable]:
    """One for all of them. Every test leaves it whole."""
    folder: Path = tmp_path_factory.mktemp("breakable")
    with (
        running_postgres() as postgres,
        running_gateway(
            folder,
            lambda listen: configuration(
                listen=listen,
                resources=usual_resources(postgres, postgres.copy_sample()),
                policies=(*POLICIES, SOON),
                gateway={"verdict_timeout": "4s"},
            ),
        ) as gateway,
    ):
        yield Breakable(gateway, postgres)
