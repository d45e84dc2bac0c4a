"""The clients that `countersign connect` starts."""

from pathlib import Path

import pytest

from api.cli.clients import CLIENTS, Target

TARGET = Target(
    "orders",
    "gw.example.com",
    15432,
    "alice",
    "the-token",
    Path("/ca.crt"),
    "ssh-ed25519 AAAAC3Nz",
    Path("/home/alice/.config"),
)


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


def test_ssh_knows_the_gateway_by_its_key() -> None:
    client = CLIENTS["ssh"](TARGET)
    assert client.command == ("ssh", "-F", "/home/alice/.config/ssh-orders.conf", "orders")
    assert "the-token" not in str(client.files)
    block = client.files[Path("/home/alice/.config/ssh-orders.conf")]
    assert "User alice:orders\n" in block
    assert "StrictHostKeyChecking yes\n" in block
    known = client.files[Path("/home/alice/.config/known_hosts-orders")]
    assert known.startswith("[gw.example.com]:15432 ssh-ed25519 AAAAC3Nz\n# gw.example.com. IN SSHFP 4 2 ")
