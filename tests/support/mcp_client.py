"""The official SDK's client, through the gateway."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent
from support.builders import AGENT, Someone
from support.gateway import Gateway

META = "countersign/refusal"


@asynccontextmanager
async def mcp_client(
    gateway: Gateway, resource: str, someone: Someone = AGENT, *, path: str = "/mcp", **more: Any
) -> AsyncIterator[Client]:
    """A client of this resource, as this principal, with a session of its own."""
    url = f"http://{gateway.listen['http']}/{resource}{path}"
    headers = {"Authorization": f"Bearer {someone.token}"}
    http = httpx2.AsyncClient(headers=headers, timeout=120, trust_env=False)
    async with http, Client(streamable_http_client(url, http_client=http), **more) as client:
        yield client


def text_of(result: CallToolResult) -> str:
    """All that a result says in words."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def refusal_of(result: CallToolResult) -> Mapping[str, Any]:
    """What a program reads of a call that was refused or waits."""
    assert result.is_error, result
    found: Mapping[str, Any] = (result.meta or {}).get(META, {})
    return found
