"""The clients that `countersign connect` starts."""

import base64
import json
from dataclasses import replace
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
def test_the_token_is_no_argument_and_in_no_file(protocol: str, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    target = replace(
        TARGET, ca=tmp_path / "ca.crt", plugin=("countersign", "token"), scratch=tmp_path / "scratch"
    )
    client = CLIENTS[protocol](target)
    assert not any("the-token" in argument for argument in client.command)
    assert not any("the-token" in text for text in client.files.values())
    assert all(path.is_relative_to(target.scratch) for path in client.secrets)
    assert "the-token" not in repr(client) + repr(target) + client.said + client.hint


@pytest.mark.parametrize("protocol", CLIENTS)
def test_every_client_says_why(protocol: str, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    why = {"COUNTERSIGN_REASON": "it's \\ late", "COUNTERSIGN_TICKET": "OPS-12"}
    client = CLIENTS[protocol](replace(TARGET, ca=tmp_path / "ca.crt", folder=tmp_path, why=why))
    if protocol == "postgres":
        said = r"-ccountersign.reason=it's\ \\\ late -ccountersign.ticket=OPS-12"
        assert client.options == {"PGOPTIONS": said}
    elif protocol == "http":
        (curlrc,) = [text for path, text in client.secrets.items() if path.name == ".curlrc"]
        assert 'header = "X-Countersign-Reason: it\'s \\\\ late"' in curlrc.splitlines()
        assert 'header = "X-Countersign-Ticket: OPS-12"' in curlrc.splitlines()
    else:
        assert client.environment.items() >= why.items()


def test_psql_has_the_token_in_its_environment() -> None:
    assert "the-token" in CLIENTS["postgres"](TARGET).environment.values()


def test_kubectl_asks_us_for_the_token(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    plugin = ("countersign", "token", "http://gw")
    target = replace(TARGET, resource="c1", ca=tmp_path / "ca.crt", folder=tmp_path, plugin=plugin)
    client = CLIENTS["kubernetes"](target)
    ((path, text),) = client.files.items()
    assert client.environment == {"KUBECONFIG": str(path)}
    config = json.loads(text)
    assert config["clusters"][0]["cluster"]["server"] == "https://gw.example.com:15432/clusters/c1"
    assert base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]) == b"CA"
    assert config["users"][0]["user"]["exec"]["args"] == ["token", "http://gw", "--kubernetes"]


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


def test_an_api_has_the_token_in_files_that_do_not_stay(tmp_path: Path) -> None:
    client = CLIENTS["http"](replace(TARGET, host="::1", scratch=tmp_path))
    assert "the-token" not in str(client.environment)
    assert client.secrets[tmp_path / "netrc"] == "machine ::1 login alice password the-token\n"
    assert client.base == "https://[::1]:15432/orders"
    assert 'cacert = "/ca.crt"' in client.secrets[tmp_path / ".curlrc"]


def test_an_mcp_clients_configuration_names_a_helper() -> None:
    client = CLIENTS["http"](replace(TARGET, mcp="/mcp", plugin=("countersign", "token", "http://gw")))
    assert json.loads(client.said)["mcpServers"]["orders"] == {
        "type": "http",
        "url": "https://gw.example.com:15432/orders/mcp",
        "headersHelper": "countersign token http://gw --headers",
    }
