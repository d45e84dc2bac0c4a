"""No rule is walked around: the corpus of walkarounds.yaml, as bytes that no client would send."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.builders import AGENT
from support.gateway import Gateway
from support.mcp_client import post
from support.mcp_server import McpParts
from support.raw_http import say

ATTEMPTS = [
    {"section": section, "status": found.get("status"), **attempt}
    for section, found in YAML(typ="safe").load(Path(__file__).with_name("walkarounds.yaml")).items()
    for attempt in found["attempts"]
]
_TIMES = re.compile(r"(\d+)×(.)")


def _name(attempt: dict[str, Any]) -> str:
    told = (
        attempt.get(part, "") for part in ("section", "method", "path", "type", "headers", "call", "body")
    )
    return " ".join(str(part) for part in told if part)


def test_there_are_enough() -> None:
    assert len({_name(attempt) for attempt in ATTEMPTS}) == len(ATTEMPTS) >= 100


@pytest.fixture(scope="module", autouse=True)
def _listed(gateway: Gateway) -> None:
    """The gateway has seen the server's tools."""
    assert "say" in post(gateway, "/raw/raw", "tools/list").text


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=_name)
def test_it_does_not_reach_the_server(attempt: dict[str, Any], gateway: Gateway, servers: McpParts) -> None:
    servers.reset()
    text = attempt.get("body", "")
    if "call" in attempt:
        text = f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {{{attempt["call"]}}}}}'
    body = _TIMES.sub(lambda found: int(found[1]) * found[2], text).encode()
    headers = {
        "Host": gateway.listen["http"],
        "Authorization": f"Bearer {AGENT.token}",
        "Accept": "application/json, text/event-stream" if attempt.get("method") != "GET" else "*/*",
        "Connection": "close",
        **({"Content-Type": attempt.get("type", "application/json")} if text or "body" in attempt else {}),
        **({"Content-Length": str(len(body))} if text or "body" in attempt else {}),
        **attempt.get("headers", {}),
    }
    first = f"{attempt.get('method', 'POST')} /raw{attempt.get('path', '/raw')} HTTP/1.1"
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    came = say(gateway.listen["http"], ("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    assert (came.status, came.answers) == (attempt["status"], 1), came.data[:2000]
    assert came.status >= 400 or b'"error"' in came.data or b'"isError":true' in came.data
    assert servers.seen() == []
