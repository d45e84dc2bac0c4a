"""The `websockets` client, as an agent uses it, through the whole product: its opening is the command."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.builders import AGENT, AUDREY, DANA
from support.command_line import run_command
from support.deciding import decide
from support.gateway import Gateway
from support.http_client import pending_approval
from support.wait import eventually
from support.web_api import CUSTOMERS, RAW, WebApi
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

MIB = 1024 * 1024


@contextlib.asynccontextmanager
async def socket(gateway: Gateway, path: str, **more: Any) -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {AGENT.token}", **more.pop("headers", {})}
    uri = f"ws://{gateway.listen['http']}{path}"
    async with connect(uri, additional_headers=headers, proxy=None, open_timeout=60, **more) as opened:
        yield opened


async def said(opened: ClientConnection) -> list[str | bytes]:
    """All messages until it closes."""
    return [message async for message in opened]


class TestMessages:
    async def test_go_both_ways(self, gateway: Gateway) -> None:
        async with socket(gateway, "/open/ws/echo", subprotocols=["one", "two"]) as opened:
            assert opened.subprotocol == "two"
            assert opened.protocol.extensions == [], "no message is compressed: each is looked into"
            for message in ("hello", "naïve ✓", b"\x00\x01", "", "x" * (MIB // 2)):
                await opened.send(message)
                assert await opened.recv() == message
            await opened.send(iter(["in ", "three ", "fragments"]))
            assert await opened.recv() == "in three fragments"
            await asyncio.wait_for(await opened.ping(), 30)

    async def test_are_masked(self, gateway: Gateway) -> None:
        async with socket(gateway, "/fields/ws/customers") as opened:
            messages = [await opened.recv(), await opened.recv()]
            with pytest.raises(ConnectionClosed) as closed:
                await opened.recv()
        first = json.loads(messages[0])
        assert (first["id"], first["name"]) == (1, "Jane Doe")
        assert first["email"] not in RAW
        assert first["card"] == "************1111"
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008, "a text with no fields where fields are sensitive"
        assert not any(raw in str(messages) for raw in RAW)

    async def test_are_masked_by_detectors(self, gateway: Gateway) -> None:
        opening = asyncio.create_task(_all(gateway, "/shop/ws/customers"))
        await decide(gateway, DANA, await pending_approval(gateway, DANA, "/ws/customers"), "approve", "fine")
        messages, code, reason = await opening
        assert len(messages) == len(CUSTOMERS) + 2
        assert isinstance(messages[-1], bytes), "bytes stay bytes, though they were read as text"
        assert not any(raw in f"{messages}{reason}" for raw in RAW)
        assert (code, str(reason)[:9]) == (4001, "write to ")

    async def test_each_is_masked_for_itself(self, gateway: Gateway) -> None:
        """Two halves of a value are two messages, whatever the client makes of them (decision 0038)."""
        async with socket(gateway, "/fields/ws/echo") as opened:
            for half in ('"card 4111 1111"', '"1111 1111"'):
                await opened.send(half)
                assert await opened.recv() == half
            await opened.send(iter(('"card 4111 1111', ' 1111 1111"')))
            assert await opened.recv() == '"card **** **** **** 1111"', "fragments are put together before"

    async def test_bytes_that_are_no_text_are_withheld(self, gateway: Gateway) -> None:
        async with socket(gateway, "/fields/ws/bytes") as opened:
            with pytest.raises(ConnectionClosed) as closed:
                await opened.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert "withheld" in closed.value.rcvd.reason

    async def test_the_gateways_credential_is_never_shown(self, gateway: Gateway) -> None:
        async with socket(gateway, "/open/ws/request", headers={"X-Mine": "7"}) as opened:
            (message,) = await said(opened)
        seen = json.loads(message)
        assert set(seen["authorization"].removeprefix("Bearer ")) == {"*"}
        assert seen["x-mine"] == "7"
        assert "sec-websocket-extensions" not in seen
        assert AGENT.token not in str(message)

    async def test_are_recorded_masked(self, gateway: Gateway) -> None:
        async with socket(gateway, "/fields/ws/echo") as opened:
            await opened.send('{"email": "jane@example.com", "password": "hunter2", "n": 7001}')
            await opened.recv()

        async def replayed() -> str:
            rows = gateway.audit("select session from commands where text = 'WEBSOCKET /ws/echo'")
            for row in rows:
                ran = await run_command(
                    gateway.folder,
                    *("sessions", "replay", row["session"], "--config", str(gateway.config)),
                    COUNTERSIGN_USER=AUDREY.name,
                    COUNTERSIGN_TOKEN=AUDREY.token,
                )
                if ran.out.count('"n": 7001') == 2:
                    return ran.out
            return ""

        shown = await eventually(replayed, every=0.5, what="the recording, with both messages")
        assert shown.count("hunter2") == 1, (
            "the API's own field of this name is not sensitive, the client's is"
        )
        assert not any(raw in shown for raw in RAW)


class TestVerdicts:
    async def test_a_held_opening_waits_and_a_refused_one_says_why(
        self, gateway: Gateway, web_api: WebApi
    ) -> None:
        web_api.reset()
        opening = asyncio.create_task(_all(gateway, "/shop/ws/echo?n=1"))
        approval = await pending_approval(gateway, DANA, "WEBSOCKET /ws/echo?n=1")
        assert web_api.seen() == []
        await decide(gateway, DANA, approval, "reject", "not without a ticket")
        with pytest.raises(InvalidStatus) as refused:
            await opening
        assert refused.value.response.status_code == 403
        problem = json.loads(refused.value.response.body)
        assert (problem["approval"], problem["comment"]) == (approval, "not without a ticket")
        assert web_api.seen() == []

    async def test_who_may_read_may_not_open_one(self, gateway: Gateway, web_api: WebApi) -> None:
        web_api.reset()
        with pytest.raises(InvalidStatus) as refused:
            async with socket(gateway, "/named/ws/echo"):
                pass
        assert refused.value.response.status_code == 403
        assert web_api.seen() == []

    async def test_leaving_withdraws(self, gateway: Gateway) -> None:
        opening = asyncio.create_task(_all(gateway, "/shop/ws/echo?n=2"))
        approval = await pending_approval(gateway, DANA, "WEBSOCKET /ws/echo?n=2")
        opening.cancel()
        async with gateway.api(DANA) as api:

            async def is_withdrawn() -> bool:
                return bool((await api.get(f"/api/approvals/{approval}")).json()["state"] == "withdrawn")

            await eventually(is_withdrawn, what="the approval withdrawn")

    async def test_a_session_that_is_ended_is_cut(self, gateway: Gateway) -> None:
        opening = asyncio.create_task(_opened(gateway, "/shop/ws/echo?n=3"))
        approval = await pending_approval(gateway, DANA, "WEBSOCKET /ws/echo?n=3")
        await decide(gateway, DANA, approval, "approve", "fine")
        opened = await opening
        await opened.send("before")
        assert await opened.recv() == "before"
        async with gateway.api(DANA) as api:
            session = (await api.get(f"/api/approvals/{approval}")).json()["session"]

            async def is_ended() -> bool:
                done = await api.post(f"/api/sessions/{session}/end", json={"reason": "it scans"})
                return done.status_code == 202  # it is known a moment after it was opened

            await eventually(is_ended, what="the session, to be ended")
        with pytest.raises(ConnectionClosed) as closed:
            await opened.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert "it scans" in closed.value.rcvd.reason

    async def test_a_limit_closes_it_and_the_audit_log_says_so(self, gateway: Gateway) -> None:
        async with socket(gateway, "/fields/ws/echo?n=4") as opened:
            for number in range(4):
                await opened.send(f'{{"n": {number}}}')
            for number in range(3):
                assert json.loads(await opened.recv()) == {"n": number}
            with pytest.raises(ConnectionClosed) as closed:
                await opened.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert 'rule "few messages"' in closed.value.rcvd.reason
        row = await _finished(gateway, "/ws/echo?n=4")
        assert (row["outcome"], row["limit_reached"], row["statements"]) == ("failed", "rows", ["websocket"])


class TestEndings:
    async def test_an_api_that_opens_none(self, gateway: Gateway) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with socket(gateway, "/open/ws/no"):
                pass
        assert refused.value.response.status_code == 403
        assert "opened no WebSocket" in json.loads(refused.value.response.body)["detail"]
        row = await _finished(gateway, "/ws/no")
        assert (row["outcome"], row["error_code"]) == ("failed", "403")

    async def test_an_api_that_dies(self, gateway: Gateway) -> None:
        messages, code, _ = await _all(gateway, "/open/ws/dies")
        assert messages == ["soon"]
        assert code in (1011, 1014), "uvicorn closes with 1011 where it can"

    async def test_a_close_code_of_the_clients_reaches_the_api(self, gateway: Gateway) -> None:
        async with socket(gateway, "/open/ws/echo?n=5") as opened:
            await opened.close(4002, "enough")
            assert opened.close_code == 4002
        assert (await _finished(gateway, "/ws/echo?n=5"))["outcome"] == "succeeded"

    async def test_text_that_is_no_utf_8(self, gateway: Gateway) -> None:
        async with socket(gateway, "/open/ws/echo") as opened:
            await opened.send(b"\xff\xfe", text=True)
            with pytest.raises(ConnectionClosed) as closed:
                await opened.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1007

    async def test_a_message_that_is_too_long(self, gateway: Gateway) -> None:
        async with socket(gateway, "/open/ws/echo") as opened:
            sending = asyncio.create_task(opened.send("x" * (9 * MIB)))
            with pytest.raises(ConnectionClosed) as closed:
                await opened.recv()
            await asyncio.gather(sending, return_exceptions=True)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def _all(gateway: Gateway, path: str) -> tuple[list[str | bytes], int | None, str | None]:
    """All messages until it is closed, the code and the reason."""
    async with socket(gateway, path) as opened:
        messages = []
        with contextlib.suppress(ConnectionClosed):
            while True:
                messages.append(await opened.recv())
        return messages, opened.close_code, opened.close_reason


async def _opened(gateway: Gateway, path: str) -> ClientConnection:
    uri = f"ws://{gateway.listen['http']}{path}"
    headers = {"Authorization": f"Bearer {AGENT.token}"}
    return await connect(uri, additional_headers=headers, proxy=None, open_timeout=60)


async def _finished(gateway: Gateway, path: str) -> dict[str, Any]:
    """The command that opened this path, once it has ended."""

    def found() -> dict[str, Any] | None:
        sql = f"select * from commands where text = 'WEBSOCKET {path}' and outcome not in ('held', 'running')"
        return next(iter(gateway.audit(sql)), None)

    return await eventually(found, what="the end of the command in the audit log")
