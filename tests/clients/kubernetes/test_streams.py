"""exec as a client library speaks it: messages over a WebSocket, held, told, masked, recorded."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from support.builders import AGENT, AUDREY, DANA
from support.cluster import CARD, Cluster, kubectl
from support.command_line import run_command
from support.gateway import Gateway
from support.http_client import pending_approval
from support.wait import eventually
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

pytestmark = pytest.mark.xdist_group("kubernetes")
STDOUT, STDERR, ERROR = 1, 2, 3


@asynccontextmanager
async def exec_in(
    gateway: Gateway, query: str, *, resource: str = "main", protocol: str = "v5.channel.k8s.io"
) -> AsyncIterator[ClientConnection]:
    url = f"wss://{gateway.listen['kubernetes']}/clusters/{resource}/api/v1/namespaces/dev/pods/web/exec?{query}"
    async with connect(
        url,
        ssl=gateway.tls,
        subprotocols=[Subprotocol(protocol)],
        additional_headers={"Authorization": f"Bearer {AGENT.token}"},
        proxy=None,
    ) as client:
        assert client.subprotocol == protocol
        yield client


async def to_end(client: ClientConnection) -> dict[int, bytes]:
    """What came, by channel, until the other side closed."""
    came = {STDOUT: b"", STDERR: b"", ERROR: b""}
    async for message in client:
        assert isinstance(message, bytes)
        came[message[0]] += message[1:]
    return came


def status(came: dict[int, bytes]) -> str:
    found = json.loads(came[ERROR])
    causes = found.get("details", {}).get("causes", [{"message": "0"}])
    return str(causes[0]["message"])


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
async def test_output_and_exit_status(gateway: Gateway, protocol: str) -> None:
    query = "command=sh&command=-c&command=echo+out;echo+err+%3E%262".replace(";", "%3B")
    async with exec_in(gateway, f"{query}&stdout=true&stderr=true", protocol=protocol) as client:
        came = await to_end(client)
    assert (came[STDOUT], came[STDERR], status(came)) == (b"out\n", b"err\n", "0")


async def test_a_value_that_comes_in_pieces_is_masked(gateway: Gateway) -> None:
    async with exec_in(gateway, "command=cat&stdin=true&stdout=true") as client:
        for piece in (CARD[:5], CARD[5:11], CARD[11:], " and more\n"):
            await client.send(b"\0" + piece.encode())
        await client.send(b"\xff\0")
        came = await to_end(client)
    assert CARD[:12].encode() not in came[STDOUT]
    assert came[STDOUT].endswith(b"1111 and more\n")
    assert status(came) == "0"


async def test_a_held_command_is_told_and_runs_once_it_is_approved(gateway: Gateway) -> None:
    async with exec_in(gateway, "command=touch&command=/tmp/held&stdout=true", resource="held") as client:
        message = await client.recv()
        assert isinstance(message, bytes)
        assert message.startswith(b'\x02countersign: held for review by rule "held runs"')
        approval = await pending_approval(gateway, DANA, "exec pods/web -n dev -- touch /tmp/held")
        async with gateway.api(DANA) as api:
            await api.post(f"/api/approvals/{approval}/approve", json={"comment": "fine"})
        came = await to_end(client)
    assert b"approved by dana: fine" in came[STDERR]
    assert status(came) == "0"


async def test_an_approval_that_is_taken_back_ends_what_runs(gateway: Gateway) -> None:
    async with exec_in(gateway, "command=sleep&command=61&stdout=true", resource="held") as client:
        approval = await pending_approval(gateway, DANA, "sleep 61")
        async with gateway.api(DANA) as api:
            await api.post(f"/api/approvals/{approval}/approve", json={"comment": "fine"})
            while b"approved by dana" not in (said := await client.recv()):
                assert said
            revoked = await api.post(f"/api/approvals/{approval}/revoke", json={"comment": "stop it"})
            assert revoked.status_code == 200, revoked.text
        came = await to_end(client)
    assert b"dana revoked approval" in came[STDERR]
    assert b"stop it" in came[STDERR]


@pytest.mark.parametrize("leaving", ["closes", "types Ctrl-C"])
async def test_a_client_that_leaves_takes_its_command_back(gateway: Gateway, leaving: str) -> None:
    query = f"command=touch&command=/tmp/{leaving.split()[0]}&stdout=true&stdin=true&tty=true"
    async with exec_in(gateway, query, resource="held") as client:
        approval = await pending_approval(gateway, DANA, f"touch /tmp/{leaving.split()[0]}")
        if leaving == "types Ctrl-C":
            await client.send(b"\0\x03")
            came = await to_end(client)
            assert b"the client took the command back" in came[STDOUT]
            assert status(came) == "126"
    async with gateway.api(DANA) as api:

        async def withdrawn() -> bool:
            return bool((await api.get(f"/api/approvals/{approval}")).json()["state"] == "withdrawn")

        await eventually(withdrawn, what="a withdrawn approval")


@pytest.mark.parametrize(
    "message", [b"\x01x", b"\x03{}", b"\x09x", b"", b"\x04[]", b'\x04{"Width":-1,"Height":1}', b"\xff\x01"]
)
async def test_what_a_client_may_not_send_ends_the_stream(gateway: Gateway, message: bytes) -> None:
    async with exec_in(gateway, "command=cat&stdin=true&stdout=true") as client:
        await client.send(message)
        await client.wait_closed()
        assert client.close_code == 1002


async def test_text_is_no_message(gateway: Gateway) -> None:
    async with exec_in(gateway, "command=cat&stdin=true&stdout=true") as client:
        await client.send("x")
        with pytest.raises(ConnectionClosed):
            await client.recv()


async def test_it_is_recorded_and_audited(gateway: Gateway) -> None:
    async with exec_in(gateway, "command=echo&command=recorded-words&stdout=true") as client:
        await to_end(client)
    asked = "select session, verbs, kinds_of_object, namespaces, programs, bytes from commands"

    async def row() -> dict[str, object] | None:
        found = gateway.audit(f"{asked} where text like '%recorded-words%' and outcome = 'succeeded'")
        return found[0] if found else None

    found = await eventually(row, what="the command in the audit log")
    assert (found["verbs"], found["kinds_of_object"], found["namespaces"]) == (
        ["create"],
        ["pods/exec"],
        ["dev"],
    )
    assert (found["programs"], found["bytes"]) == (["echo"], 15)
    replay = ("sessions", "replay", str(found["session"]), "--config", str(gateway.config))
    auditor = {"COUNTERSIGN_USER": AUDREY.name, "COUNTERSIGN_TOKEN": AUDREY.token}

    async def replayed() -> str:
        ran = await run_command(gateway.folder, *replay, seconds=60, **auditor)
        return ran.out if "exec pods/web -n dev -- echo recorded-words" in ran.out else ""

    said = await eventually(replayed, every=0.5, what="the recording")
    assert said.count("recorded-words") >= 2


async def test_a_watch_is_not_cut_at_the_time_a_command_may_take(gateway: Gateway, cluster: Cluster) -> None:
    url = f"https://{gateway.listen['kubernetes']}/clusters/named/api/v1/namespaces/dev/configmaps?watch=1"
    headers = {"Authorization": f"Bearer {AGENT.token}"}
    async with httpx.AsyncClient(verify=gateway.tls, trust_env=False, timeout=60) as client:

        async def opened() -> httpx.Response | None:
            answer = await client.send(client.build_request("GET", url, headers=headers), stream=True)
            return answer if answer.status_code == 200 else None  # on a busy machine the head comes too late

        watching = await eventually(opened, what="the watch")
        try:
            lines = watching.aiter_lines()
            assert json.loads(await anext(lines))["type"] == "ADDED"
            query = "command=sleep&command=600&stderr=true"
            async with exec_in(gateway, query, resource="named") as slow:
                came = await to_end(slow)
            assert status(came) == "124", "the time of a command under the same rule is over"
            cluster.client.post("/api/v1/namespaces/dev/configmaps", json={"metadata": {"name": "late"}})
            async for line in lines:
                if json.loads(line)["object"]["metadata"]["name"] == "late":
                    break
            else:
                pytest.fail("the watch was cut")
        finally:
            await watching.aclose()
            cluster.client.delete("/api/v1/namespaces/dev/configmaps/late")


def test_a_log_is_not_cut_within_a_value(configs: dict[str, Path]) -> None:
    found = kubectl(configs["main"], "logs", "web", "--limit-bytes", "60")
    assert found.returncode == 1
    assert "limitBytes would cut a log" in found.stderr
    assert kubectl(configs["main"], "logs", "web", "--tail", "1").returncode == 0


def test_spdy_is_refused_with_words(configs: dict[str, Path]) -> None:
    old = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"}
    found = kubectl(configs["main"], "exec", "web", "--", "echo", "x", env=old)
    assert found.returncode == 1
    assert "countersign: SPDY is not served" in found.stderr


@pytest.mark.parametrize(
    "path",
    [
        "nodes/node-1/proxy/pods",
        "namespaces/dev/services/web:80/proxy/",
        "namespaces/dev/pods/web/proxy/metrics",
    ],
)
def test_a_proxy_is_refused_with_words(path: str, configs: dict[str, Path]) -> None:
    found = kubectl(configs["main"], "get", "--raw", f"/clusters/main/api/v1/{path}")
    assert found.returncode == 1
    assert "a proxy to pods, services and nodes is not served" in found.stderr
    assert "port-forward" in found.stderr


def test_a_refused_port_says_why(configs: dict[str, Path]) -> None:
    found = kubectl(configs["main"], "port-forward", "-n", "prod", "pod/web", ":8080")
    assert found.returncode == 1
    assert "no rule allows this" in found.stderr


async def test_leaving_withdraws_a_port_that_is_held(gateway: Gateway) -> None:
    host, port = gateway.listen["kubernetes"].split(":")
    handshake = [
        "GET /clusters/held/api/v1/namespaces/dev/pods/web/portforward?ports=80 HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {AGENT.token}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io",
    ]
    _, writer = await asyncio.open_connection(host, int(port), ssl=gateway.tls)
    writer.write("\r\n".join([*handshake, "", ""]).encode())
    approval = await pending_approval(gateway, DANA, "portforward")
    writer.close()
    async with gateway.api(DANA) as api:

        async def is_withdrawn() -> bool:
            return bool((await api.get(f"/api/approvals/{approval}")).json()["state"] == "withdrawn")

        await eventually(is_withdrawn, what="the approval withdrawn")
