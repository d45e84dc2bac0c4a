"""The official SDK's client, through the gateway."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent
from support.builders import AGENT, Someone
from support.gateway import Gateway

# It speaks plainly: the system's authorities need not be read each time.
_NO_CAS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
META = "countersign/refusal"


@asynccontextmanager
async def mcp_client(
    gateway: Gateway, resource: str, someone: Someone = AGENT, *, path: str = "/mcp", **more: Any
) -> AsyncIterator[Client]:
    """A client of this resource, as this principal, with a session of its own."""
    url = f"http://{gateway.listen['http']}/{resource}{path}"
    headers = {"Authorization": f"Bearer {someone.token}"}
    http = httpx2.AsyncClient(headers=headers, timeout=120, trust_env=False, verify=_NO_CAS)
    async with http, Client(streamable_http_client(url, http_client=http), **more) as client:
        yield client


def post(
    gateway: Gateway,
    path: str,
    method: str,
    params: Mapping[str, Any] | None = None,
    someone: Someone = AGENT,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """One request without a session, as no SDK sends it."""
    sent = {
        "Authorization": f"Bearer {someone.token}",
        "Accept": "application/json, text/event-stream",
        **(headers or {}),
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    with httpx2.Client(timeout=60, trust_env=False, verify=_NO_CAS) as client:
        return client.post(f"http://{gateway.listen['http']}{path}", json=message, headers=sent)


def text_of(result: CallToolResult) -> str:
    """All that a result says in words."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def refusal_of(result: CallToolResult) -> Mapping[str, Any]:
    """What a program reads of a call that was refused or waits."""
    assert result.is_error, result
    found: Mapping[str, Any] = (result.meta or {}).get(META, {})
    return found
