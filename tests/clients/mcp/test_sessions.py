"""Sessions are their principal's, and so are positions in their streams."""

import base64
import json
import re

import httpx2
import pytest
from support.builders import AGENT, Someone
from support.gateway import Gateway
from support.http_client import OTHER
from support.mcp_client import post, stream
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


NOTE = (
    'id: 9\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"jane@example.com"}}\n\n'
)
ANSWER = 'data: {"jsonrpc":"2.0","id":"x","result":{"x":"jane@example.com"}}\n\n'


def _position(text: str) -> str:
    found = re.search(r"^id: (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def _called(gateway: Gateway, session: str, resource: str = "raw") -> str:
    """The position in the stream of a call that its server cut off."""
    post(gateway, f"/{resource}/raw", "tools/list", headers={SESSION: session})
    say = {"raw": NOTE, "type": "text/event-stream"}
    told = base64.b64encode(json.dumps(say).encode()).decode()
    call = {"name": "say", "arguments": {"say64": told}}
    return post(gateway, f"/{resource}/raw", "tools/call", call, headers={SESSION: session}).text


class TestStreams:
    def test_what_the_server_says_by_itself(self, gateway: Gateway, servers: McpParts) -> None:
        session = _session(gateway)
        servers.describe("stream", NOTE)
        came = stream(gateway, "/raw/raw", {SESSION: session}).text
        assert "j***@example.com" in came
        assert _position(came).startswith("9.")

    def test_an_answer_that_nobody_asked_for(self, gateway: Gateway, servers: McpParts) -> None:
        servers.describe("stream", ANSWER)
        with pytest.raises(httpx2.RemoteProtocolError):
            stream(gateway, "/raw/raw", {SESSION: _session(gateway)})

    def test_a_call_goes_on_where_it_was_cut_off(self, gateway: Gateway, servers: McpParts) -> None:
        session = _session(gateway)
        position = _position(_called(gateway, session))
        servers.reset()
        servers.describe("stream", ANSWER)
        came = stream(gateway, "/raw/raw", {SESSION: session, "last-event-id": position}).text
        assert "j***@example.com" in came
        (seen,) = servers.seen()
        assert seen["headers"]["last-event-id"] == "9"

    def test_a_position_is_of_one_session(self, gateway: Gateway, servers: McpParts) -> None:
        position = _position(_called(gateway, _session(gateway)))
        servers.reset()
        servers.describe("stream", ANSWER)
        elsewhere = stream(gateway, "/raw/raw", {SESSION: _session(gateway), "last-event-id": position})
        others = {SESSION: _session(gateway, OTHER), "last-event-id": position}
        assert elsewhere.status_code == stream(gateway, "/raw/raw", others, OTHER).status_code == 400
        assert [one for one in servers.seen() if one.get("http") == "GET"] == []

    def test_a_call_under_limits_goes_on_nowhere(self, gateway: Gateway) -> None:
        came = _called(gateway, _session(gateway, resource="rawlimited"), "rawlimited")
        assert "notifications/message" in came
        assert "id: " not in came
