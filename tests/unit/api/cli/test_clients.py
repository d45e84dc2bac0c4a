"""The clients that `countersign connect` starts."""

from pathlib import Path

import pytest

from api.cli.clients import CLIENTS, Target

TARGET = Target("orders", "gw.example.com", 15432, "alice", "the-token", Path("/ca.crt"))


@pytest.mark.parametrize("protocol", CLIENTS)
def test_the_token_is_no_argument(protocol: str) -> None:
    client = CLIENTS[protocol](TARGET)
    assert not any("the-token" in argument for argument in client.command)
    assert "the-token" in client.environment.values()
    assert "the-token" not in repr(client) + repr(TARGET)


def test_psql_verifies_the_gateway() -> None:
    client = CLIENTS["postgres"](TARGET)
    assert client.command == ("psql",)
    assert client.environment["PGSSLMODE"] == "verify-full"
    assert client.environment["PGSSLROOTCERT"] == "/ca.crt"
    assert client.environment["PGUSER"] == "alice"
