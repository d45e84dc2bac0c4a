"""One gateway before one real sshd, for all tests here."""

import asyncio
import socket
from collections.abc import Iterator

import pytest
from support.builders import DANA, Document, configuration
from support.command_line import run_command
from support.gateway import Gateway, running_gateway
from support.sshd import Client, Sshd, running_sshd
from support.tunnel_host import running_tunnel_host

DETECT = ["card_number", "iban", "email", "us_ssn", "aws_key", "private_key", "jwt"]
REVIEW: Document = {"reviewers": ["dba"], "approvals": 1, "timeout": "60s", "valid_for": "30s"}


def policies(files: str) -> list[Document]:
    """On web-1 reads are free, all else waits; other names of the host have rules of their own."""
    agents = {"groups": ["agents"], "resources": ["web-*"]}
    return [
        {
            "name": "agents read",
            "when": {
                "groups": ["agents"],
                "resources": ["web-*", "reads", "reads-lines"],
                "intents": ["read", "session"],
            },
            "verdict": "allow",
        },
        {
            "name": "the rest is countersigned",
            "when": {
                **agents,
                "intents": [
                    "write",
                    "bulk_write",
                    "admin",
                    "network",
                    "export",
                    "exec",
                    "credential",
                    "unknown",
                ],
            },
            "verdict": "review",
            "review": REVIEW,
        },
        {
            "name": "the target stays",
            "when": {"paths": [f"{files}/target"], "intents": ["write"]},
            "verdict": "deny",
            "message": "Not that file.",
        },
        {
            "name": "nobody kills",
            "when": {"programs": ["kill", "reboot"]},
            "verdict": "deny",
            "message": "No.",
        },
        {
            "name": "a few lines",
            "when": {"resources": ["limited", "limited-lines"]},
            "verdict": "allow",
            "limits": {"rows": 3},
        },
        {"name": "quick", "when": {"resources": ["quick"]}, "verdict": "allow", "limits": {"time": "500ms"}},
        {
            "name": "only there",
            "when": {"resources": ["forwards"], "statements": ["forward"], "paths": ["127.0.0.1:*"]},
            "verdict": "allow",
            "limits": {"bytes": 100_000},
        },
        {
            "name": "listen there",
            "when": {"resources": ["forwards"], "statements": ["remote_forward"], "paths": ["localhost:*"]},
            "verdict": "allow",
            "limits": {"bytes": 100_000},
        },
        {
            "name": "those sockets",
            "when": {
                "resources": ["forwards"],
                "statements": ["forward_socket", "remote_forward_socket"],
                "paths": [f"{files}/open/*"],
            },
            "verdict": "allow",
        },
        {
            "name": "a tunnel",
            "when": {"resources": ["tunnels"], "statements": ["tunnel"], "paths": ["tun0"]},
            "verdict": "allow",
        },
        {
            "name": "lend and run",
            "when": {
                "resources": ["lends", "lends-lines"],
                "intents": ["read", "session", "exec", "unknown", "credential", "network", "export"],
                "statements": ["agent", "x11", "exec", "subsystem"],
            },
            "verdict": "allow",
        },
        {
            "name": "a known variable",
            "when": {
                "resources": ["lends", "lends-lines"],
                "intents": ["exec", "unknown"],
                "statements": ["environment"],
                "command": "^environment (EDITOR|API_TOKEN)=",
            },
            "verdict": "allow",
        },
        {
            "name": "anything",
            "when": {"resources": ["plain", "shell", "certified", "hangs", "preview", "metadata"]},
            "verdict": "allow",
        },
        {
            "name": "nothing secret passes",
            "when": {"resources": ["guarded"]},
            "verdict": "allow",
            "limits": {"block": ["card_number", "private_key"]},
        },
        {
            "name": "texts alone",
            "when": {"resources": ["texts"]},
            "verdict": "allow",
            "limits": {"block": ["email", "binary"]},
        },
        {
            "name": "say why",
            "when": {"resources": ["reasons"], "intents": ["read"]},
            "verdict": "allow",
            "require": ["reason"],
        },
    ]


@pytest.fixture(scope="package")
def sshd() -> Iterator[Sshd]:
    with running_sshd() as running:
        yield running


@pytest.fixture(scope="package")
def silent() -> Iterator[int]:
    """The port of a host that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture(scope="package")
def tunnel_host() -> Iterator[Document]:
    with running_tunnel_host() as running:
        yield running


@pytest.fixture(scope="package")
def gateway(
    sshd: Sshd, silent: int, tunnel_host: Document, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The whole product before this sshd, under several names with rules of their own."""
    (sshd.files / "open").mkdir(mode=0o777)
    (sshd.files / "open").chmod(0o777)
    resources = [
        sshd.resource("web-1", sensitive={"detect": DETECT}),
        *(sshd.resource(name) for name in ("plain", "limited", "quick", "reasons", "reads", "lends")),
        sshd.resource("guarded", shells="recorded"),
        sshd.resource("texts", sensitive={"detect": DETECT}),
        *(sshd.resource(level, recording=level) for level in ("preview", "metadata")),
        sshd.resource("forwards"),
        {**sshd.resource("tunnels"), **tunnel_host},
        sshd.resource("shell", shells="recorded", sensitive={"detect": DETECT}),
        sshd.resource("web-lines", shells="lines", sensitive={"detect": DETECT}),
        *(sshd.resource(name, shells="lines") for name in ("reads-lines", "limited-lines", "lends-lines")),
        sshd.certified("certified", source_addresses=["127.0.0.0/8"]),
        sshd.certified("from-elsewhere", source_addresses=["192.0.2.0/24"]),
        {**sshd.certified("another-authority"), "host_key": sshd.authority("other-ca")},
        {**sshd.resource("silent"), "address": f"127.0.0.1:{silent}", "timeout": "1s"},
        sshd.resource("hangs", timeout="1s"),
        {
            **sshd.resource("impostor"),
            "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBSg2u3hJ3GPJ3pQXQOcg6ZpYyr5xLWCfVBYVBYVBYVB",
        },
    ]
    with running_gateway(
        tmp_path_factory.mktemp("gateway"),
        lambda listen: configuration(
            listen=listen,
            resources=resources,
            policies=policies(str(sshd.files)),
            gateway={"remind_every": "2s"},
        ),
    ) as running:
        yield running


@pytest.fixture(scope="package")
def authority(gateway: Gateway, sshd: Sshd) -> str:
    """What `countersign ssh-ca` prints, and sshd trusts."""
    done = asyncio.run(run_command(gateway.folder, "ssh-ca", "--config", str(gateway.config)))
    sshd.trust(done.out)
    return done.out


@pytest.fixture
def client(gateway: Gateway) -> Client:
    """agent-7's OpenSSH."""
    port = int(gateway.listen["ssh"].rpartition(":")[2])
    return Client(gateway.folder, gateway.folder / "state" / "ssh" / "known_hosts", port)


@pytest.fixture
def dana(client: Client) -> Client:
    return Client(client.folder, client.known_hosts, client.port, DANA)
