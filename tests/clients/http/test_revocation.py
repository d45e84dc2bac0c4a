"""What ends when tokens are revoked: a request that waits for its answer, and a WebSocket."""

import asyncio

import httpx
import pytest
from support.gateway import Gateway
from support.http_client import OTHER, http_client
from support.revoking import revoke_own
from support.wait import eventually
from support.web_api import WebApi
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def test_what_was_opened_with_it_ends(gateway: Gateway, web_api: WebApi) -> None:
    web_api.reset()
    uri, headers = f"ws://{gateway.listen['http']}/open/ws/echo", {"Authorization": f"Bearer {OTHER.token}"}
    async with (
        http_client(gateway, OTHER) as client,
        connect(uri, additional_headers=headers, proxy=None, open_timeout=60) as opened,
    ):
        await opened.send("hello")
        assert await opened.recv() == "hello"
        waiting = asyncio.create_task(client.get("/open/slow/600", timeout=None))
        await eventually(
            lambda: any(one["path"] == "/slow/600" for one in web_api.seen()), what="the request"
        )

        await revoke_own(gateway, OTHER)

        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(opened.recv(), 60)
        try:
            answer = await asyncio.wait_for(waiting, 60)
        except httpx.RemoteProtocolError:
            pass  # it was cut off, which is an end as well
        else:
            assert not answer.is_success, answer.text
