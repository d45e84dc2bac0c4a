"""Sessions are their principal's, and so are positions in their streams."""

import pytest
from support.builders import AGENT, Someone
from support.gateway import Gateway
from support.http_client import OTHER
from support.mcp_client import post
from support.mcp_server import McpParts

SESSION = "mcp-session-id"
INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "x", "version": "1"},
}


def _session(gateway: Gateway, someone: Someone = AGENT, resource: str = "raw") -> str:
    answer = post(gateway, f"/{resource}/raw", "initialize", INITIALIZE, someone)
    found: str = answer.headers[SESSION]
    return found


def test_the_server_sees_its_own_id(gateway: Gateway, servers: McpParts) -> None:
    session = _session(gateway)
    servers.reset()
    assert post(gateway, "/raw/raw", "ping", headers={SESSION: session}).status_code == 200
    (seen,) = servers.seen()
    assert seen["headers"][SESSION] == session.rpartition(".")[0]


@pytest.mark.parametrize(("someone", "resource"), [(OTHER, "raw"), (AGENT, "rawfields")])
def test_another_principals_and_another_resources_are_none(
    someone: Someone, resource: str, gateway: Gateway, servers: McpParts
) -> None:
    session = _session(gateway)
    servers.reset()
    answer = post(gateway, f"/{resource}/raw", "ping", someone=someone, headers={SESSION: session})
    assert answer.status_code == 404
    assert servers.seen() == []


def test_the_server_knows_requests_by_ids_of_the_gateway(gateway: Gateway, servers: McpParts) -> None:
    servers.reset()
    first, second = (post(gateway, "/raw/raw", "ping").json() for _ in range(2))
    assert first["id"] == second["id"] == 1
    ids = [one["id"] for one in servers.seen()]
    assert len(set(ids)) == 2
    assert 1 not in ids


def test_tasks_are_not_offered(gateway: Gateway) -> None:
    answer = post(gateway, "/raw/raw", "initialize", INITIALIZE)
    assert answer.json()["result"]["capabilities"] == {"tools": {}}
