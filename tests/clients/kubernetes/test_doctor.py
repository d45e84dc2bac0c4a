"""What `countersign doctor` says of a cluster."""

import json
from pathlib import Path

import pytest
from support.command_line import run_command
from support.gateway import Gateway

pytestmark = pytest.mark.xdist_group("kubernetes")


async def test_a_cluster_that_shows_nothing_to_strangers(gateway: Gateway, tmp_path: Path) -> None:
    ran = await run_command(
        tmp_path, "doctor", "--json", "--config", str(gateway.config), seconds=120, HOME=str(tmp_path)
    )
    said = {(one["subject"], one["said"]) for one in json.loads(ran.out)}
    assert ("main", "the API's certificate is verified") in said
    assert ("main", "it refuses who shows no credential") in said
