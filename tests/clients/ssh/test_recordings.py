"""What a recording has of a terminal beside what it showed: its sizes, and how its programs ended."""

import asyncio
import json

import pytest
from support.builders import AUDREY
from support.gateway import Gateway
from support.sshd import Client
from support.wait import eventually

from api.cli.replay import frames
from ingress.interface import Frame


async def _recorded(gateway: Gateway, text: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Of the session that ran `text`, once it is over: the asciicast's codes with their data, and the notes
    beside it."""
    sql = f"select session from commands where text like '%{text}%' limit 1"
    session = (await eventually(lambda: gateway.audit(sql), every=0.5, what="the session"))[0]["session"]

    async def whole() -> list[tuple[Frame, int, bytes]]:
        async with gateway.api(AUDREY) as api:
            answer = await api.get(f"/api/sessions/{session}/recording")
        if answer.status_code != 200 or answer.headers["X-Recording-Whole"] != "true":
            return []
        found = list(frames([answer.content]))
        return found if any(b"the session is over" in payload for _, _, payload in found) else []

    found = await eventually(whole, every=0.5, what="the end of the recording")
    header, *lines = b"".join(payload for kind, _, payload in found if kind is Frame.ANSWER).splitlines()
    assert json.loads(header)["version"] == 2
    events = [json.loads(line) for line in lines]
    moments = [seconds for seconds, _, _ in events]
    assert moments == sorted(moments)
    notes = [payload.decode() for kind, _, payload in found if kind is Frame.NOTE]
    return [(code, data) for _, code, data in events], notes


@pytest.mark.parametrize(("resource", "ran"), [("shell", "(interactive shell)"), ("lends-lines", "sized")])
async def test_sizes_of_a_terminal_are_recorded(
    client: Client, gateway: Gateway, resource: str, ran: str
) -> None:
    async with asyncio.timeout(60), await client.connected(f"agent-7:{resource}") as connection:
        process = await connection.create_process(term_type="xterm", term_size=(91, 33))
        process.stdin.write("echo sized; stty size\r")
        await process.stdout.readuntil("33 91")
        process.change_terminal_size(120, 50)
        process.stdin.write("stty size\r")
        await process.stdout.readuntil("50 120")
        process.stdin.write("exit\r")
        await process.wait()
    events, _ = await _recorded(gateway, ran)
    assert events.index(("r", "91x33")) < events.index(("r", "120x50"))


async def test_how_commands_ended_is_recorded(client: Client, gateway: Gateway) -> None:
    async with await client.connected("agent-7:plain") as connection:
        assert (await connection.run("sh -c 'exit 7'")).exit_status == 7
        assert (await connection.run("perl -e 'kill TERM => $$'")).exit_signal
    _, notes = await _recorded(gateway, "kill TERM =>")
    assert "exit status 7" in notes
    assert "ended by signal TERM" in notes
    sql = "select error_code from commands where text like '%exit 7%' or text like 'perl -e%' order by time"

    def ended() -> bool:
        return [row["error_code"] for row in gateway.audit(sql)] == ["7", "SIGTERM"]

    await eventually(ended, every=0.5, what="both in the audit log")
