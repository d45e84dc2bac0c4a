"""`countersign connect` to an MCP server: what a client's configuration needs, without a token in it."""

import asyncio
import json
import os
from pathlib import Path

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from support.builders import AGENT
from support.command_line import run_command
from support.gateway import Gateway


async def test_a_configuration_whose_helper_has_the_token(gateway: Gateway, tmp_path: Path) -> None:
    variables = {
        "COUNTERSIGN_URL": gateway.api_url,
        "COUNTERSIGN_TOKEN": AGENT.token,
        "XDG_CONFIG_HOME": str(tmp_path),
        "HOME": str(tmp_path),
    }
    ran = await run_command(tmp_path, "connect", "shop", seconds=120, **variables)
    assert ran.status == 0, ran.err
    assert AGENT.token not in ran.out + ran.err
    server = json.loads(ran.out)["mcpServers"]["shop"]
    assert server["url"] == f"https://{gateway.listen['http']}/shop/mcp"

    # As its clients run it: by a shell, for an object of header fields.
    helper = await asyncio.create_subprocess_shell(
        server["headersHelper"],
        env={"PATH": os.environ["PATH"], **variables},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(helper.communicate(), 120)
    http = httpx2.AsyncClient(headers=json.loads(out), timeout=120, trust_env=False, verify=gateway.tls)
    async with http, Client(streamable_http_client(server["url"], http_client=http)) as client:
        assert "get_customer" in {tool.name for tool in (await client.list_tools()).tools}
