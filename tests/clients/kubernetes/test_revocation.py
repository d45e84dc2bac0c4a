"""What ends when tokens are revoked: a watch of a cluster's objects."""

import asyncio

import httpx
import pytest
from support.gateway import Gateway
from support.http_client import OTHER
from support.revoking import revoke_own

pytestmark = pytest.mark.xdist_group("kubernetes")


async def test_a_watch_ends_with_it(gateway: Gateway) -> None:
    url = f"https://{gateway.listen['kubernetes']}/clusters/main/api/v1/namespaces/dev/pods"
    headers = {"Authorization": f"Bearer {OTHER.token}"}
    async with (
        httpx.AsyncClient(verify=gateway.tls, trust_env=False, timeout=None, headers=headers) as client,
        client.stream("GET", url, params={"watch": "true"}) as watched,
    ):
        assert watched.status_code == 200
        lines = watched.aiter_lines()
        assert "ADDED" in await asyncio.wait_for(anext(lines), 60)

        await revoke_own(gateway, OTHER)

        async with asyncio.timeout(60):
            try:
                async for _ in lines:
                    pass  # what had come before
            except httpx.RemoteProtocolError:
                pass  # cut off within the body
