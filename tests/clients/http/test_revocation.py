"""What ends when tokens are revoked: a request that waits for a reviewer, and a WebSocket."""

import asyncio

import httpx
import pytest
from support.builders import DANA
from support.gateway import Gateway
from support.http_client import OTHER, http_client, pending_approval
from support.revoking import revoke_own
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def test_what_was_opened_with_it_ends(gateway: Gateway) -> None:
    uri, headers = f"ws://{gateway.listen['http']}/open/ws/echo", {"Authorization": f"Bearer {OTHER.token}"}
    async with (
        http_client(gateway, OTHER) as client,
        connect(uri, additional_headers=headers, proxy=None, open_timeout=60) as opened,
    ):
        await opened.send("hello")
        assert await opened.recv() == "hello"
        waiting = asyncio.create_task(client.post("/shop/v1/orders?lost=1", json={}))
        await pending_approval(gateway, DANA, "lost=1")

        await revoke_own(gateway, OTHER)

        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(opened.recv(), 60)
        try:
            answer = await asyncio.wait_for(waiting, 60)
        except httpx.RemoteProtocolError:
            pass  # it was cut off, which is an end as well
        else:
            assert not answer.is_success, answer.text
