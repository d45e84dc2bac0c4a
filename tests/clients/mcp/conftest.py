"""One gateway before real MCP servers, for all tests of MCP clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.builders import (
    AGENT,
    AUDREY,
    DANA,
    SENSITIVE,
    Document,
    configuration,
    postgres_resource,
)
from support.builders import POLICIES as DATABASE_POLICIES
from support.gateway import Gateway, running_gateway
from support.http_client import OTHER
from support.mcp_server import McpParts, running_mcp_servers
from support.postgres import Postgres
from support.sshd import Sshd, running_sshd

CREDENTIAL = "the-credential-of-the-gateway-there"
TOOLS: Document = {
    **{name: ["read"] for name in ("get_*", "list_customers", "notes", "fail", "ask", "search_and_replace")},
    **{name: ["read"] for name in ("say", "twice", "changing*")},
    **{name: ["write"] for name in ("refund", "drop_everything")},
}
REVIEW: Document = {"reviewers": ["dba"], "approvals": 1, "timeout": "120s", "valid_for": "60s"}
BEHIND = ["shop", "fields", "brief", "raw", "rawfields"]
PROD: Document = {"env": "prod"}
POLICIES: list[Document] = [
    *DATABASE_POLICIES,
    {"name": "reading", "when": {"resources": BEHIND, "intents": ["read", "session"]}, "verdict": "allow"},
    {
        "name": "refunds need a DBA",
        "when": {"resources": ["shop", "brief"], "intents": ["write"]},
        "verdict": "review",
        "review": REVIEW,
    },
    {
        "name": "later",
        "when": {"resources": ["later"], "intents": ["write"]},
        "verdict": "review",
        "review": {**REVIEW, "hold": False},
    },
    {"name": "later reading", "when": {"resources": ["later"], "intents": ["session"]}, "verdict": "allow"},
    {
        "name": "later lists",
        "when": {"resources": ["later"], "statements": ["tools/list"]},
        "verdict": "allow",
    },
    {"name": "looking", "when": {"resources": ["host"], "intents": ["read", "session"]}, "verdict": "allow"},
    {
        "name": "changes of the host",
        "when": {"resources": ["host"], "intents": ["write"]},
        "verdict": "review",
        "review": REVIEW,
        "require": ["reason"],
    },
    {"name": "nobody drops", "when": {"tools": ["drop_*"]}, "verdict": "deny", "message": "Not here."},
    {
        "name": "no large refunds",
        "when": {"tools": ["refund"], "command": '"amount": [0-9]{4,}'},
        "verdict": "deny",
    },
    {"name": "no secrets", "when": {"paths": ["note://secret/*"]}, "verdict": "deny"},
    {"name": "open is open", "when": {"resources": ["open"]}, "verdict": "allow"},
    {
        "name": "many",
        "when": {"resources": ["rawlimited"]},
        "verdict": "allow",
        "limits": {"rows": 1000},
    },
    {
        "name": "say why",
        "when": {"resources": ["open"], "tools": ["notes"]},
        "verdict": "allow",
        "require": ["reason"],
    },
    {
        "name": "few",
        "when": {"resources": ["open"], "tools": ["list_customers"]},
        "verdict": "allow",
        "limits": {"rows": 1},
    },
]


def _resource(name: str, origin: str, path: str = "/mcp", **more: object) -> Document:
    mcp: Document = {"path": path, "tools": TOOLS, **({"hold": "2s"} if name == "brief" else {})}
    bearer = {"bearer": {"file": "server.token"}}
    return {"name": name, "protocol": "http", "address": origin, "credentials": bearer, "mcp": mcp, **more}


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[McpParts]:
    with running_mcp_servers(tmp_path_factory.mktemp("mcp-servers")) as running:
        yield running


@pytest.fixture(scope="package")
def sshd() -> Iterator[Sshd]:
    with running_sshd() as running:
        yield running


@pytest.fixture(scope="package")
def gateway(
    servers: McpParts, postgres: Postgres, sshd: Sshd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """`shop`, `raw`: detectors. `fields`, `rawfields`: sensitive fields too. `brief`: calls are held for two
    seconds. `later`: its rule holds none. `open`: nothing is sensitive. `orders`: a database.
    `host`: one by SSH."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    (folder / "server.token").write_text(CREDENTIAL)
    detect = ["email", "card_number"]
    fields = {"$..email": "email", "$..card": "card"}
    origin = servers.origin
    resources = [
        _resource("shop", origin, sensitive={"detect": detect}),
        _resource("fields", origin, sensitive={"fields": fields, "detect": detect}),
        _resource("brief", origin, sensitive={"detect": detect}),
        _resource("later", origin),
        _resource("open", origin),
        _resource("raw", origin, "/raw", sensitive={"detect": detect}),
        _resource("rawlimited", origin, "/raw"),
        postgres_resource("orders", postgres, postgres.copy_sample(), sensitive=SENSITIVE, labels=PROD),
        sshd.resource("host", sensitive={"detect": detect}),
        _resource("rawfields", origin, "/raw", sensitive={"fields": fields, "detect": detect}),
    ]
    with running_gateway(
        folder,
        lambda listen: configuration(
            listen=listen, resources=resources, policies=POLICIES, users=(AGENT, OTHER, DANA, AUDREY)
        ),
    ) as running:
        yield running
