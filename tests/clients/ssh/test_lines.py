"""Interactive shells whose every line is a command: OpenSSH's ssh, through the whole product."""

import asyncio
import re

from support.builders import DANA
from support.deciding import decide
from support.gateway import Gateway
from support.sshd import Client, Sshd
from support.terminal import PROMPT, Terminal, leave, terminal
from support.wait import eventually


async def _held(shell: Terminal) -> str:
    """The id of the approval for which the line waits."""
    said = await shell.shows(r"held for review .* approval [0-9a-f-]+,")
    found = re.search(r"approval ([0-9a-f-]+),", said)
    assert found is not None
    return found[1]


async def test_lines_share_one_shell(client: Client, sshd: Sshd) -> None:
    async with terminal(client, "web-lines") as shell:
        assert "hello\r\n" in await shell.line("echo hello")
        assert f":{sshd.files}$ " in await shell.line(f"cd {sshd.files}")
        assert f"{sshd.files}\r\n" in await shell.line("pwd")
        await shell.line("x=kept")
        assert "kept 0\r\n" in await shell.line('echo "$x" $?')
        await shell.line("false")
        assert "1\r\n" in await shell.line("echo $?")
        await shell.type("exit 3\r")
        assert await shell.ends() == 3


async def test_a_line_waits_for_its_reviewer(client: Client, gateway: Gateway, sshd: Sshd) -> None:
    mark = sshd.files / "typed"
    async with terminal(client, "web-lines") as shell:
        await shell.type(f"touch {mark}\r")
        approval = await _held(shell)
        assert not mark.exists()
        await decide(gateway, DANA, approval, "approve", "fine")
        await shell.shows(r'approved by dana: "fine"')
        await shell.shows(PROMPT)
        assert mark.exists()


async def test_control_c_takes_a_held_line_back(client: Client, gateway: Gateway, sshd: Sshd) -> None:
    mark = sshd.files / "taken-back"
    async with terminal(client, "web-lines") as shell:
        await shell.type(f"touch {mark}\r")
        approval = await _held(shell)
        await shell.type(b"\x03")
        await shell.shows("took the command back")
        await shell.shows(PROMPT)
        assert "still here\r\n" in await shell.line("echo still here")
    async with gateway.api(DANA) as api:

        async def is_withdrawn() -> bool:
            return bool((await api.get(f"/api/approvals/{approval}")).json()["state"] == "withdrawn")

        await eventually(is_withdrawn, what="the approval withdrawn")
    assert not mark.exists()


async def test_a_refusal_is_words_and_the_shell_goes_on(client: Client) -> None:
    async with terminal(client, "reads-lines") as shell:
        assert "no rule allows this" in await shell.line("touch /tmp/x")
        assert 'refused by rule "nobody kills": No.' in await shell.line("kill 1")
        assert "on\r\n" in await shell.line("echo on")


async def test_what_programs_write_is_masked(client: Client) -> None:
    async with terminal(client, "web-lines") as shell:
        said = await shell.line("printf '%s' 4111 1111 1111 1111; echo")
    assert "************1111" in said
    assert "4111111111111111" not in said


async def test_a_command_of_several_lines_is_one(client: Client, gateway: Gateway) -> None:
    async with terminal(client, "web-lines") as shell:
        for line in ("for x in one two; do", "  echo $x"):
            await shell.type(line + "\r")
            await shell.shows("\r> ")
        assert "one\r\ntwo\r\n" in await shell.line("done")
        await shell.type("cat <<END\r")
        await shell.shows("\r> ")
        await shell.type("it's a line\r")
        await shell.shows("\r> ")
        assert "it's a line\r\n" in await shell.line("END")

    def recorded() -> bool:
        rows = gateway.audit("select text from commands where resource = 'web-lines'")
        return {"text": "for x in one two; do\n  echo $x\ndone"} in rows

    await eventually(recorded, every=0.5, what="the command in the audit log")


async def test_a_program_that_runs_gets_what_is_typed(client: Client) -> None:
    async with terminal(client, "web-lines") as shell:
        await shell.type("echo begun; wc -c\r")
        await shell.shows(r"\nbegun\r\n")
        await shell.type("four\r")
        await shell.shows("four\r\n")
        await shell.type(b"\x04")
        await shell.shows("5\r\n")
        await shell.shows(PROMPT)


async def test_control_c_stops_what_runs_and_not_the_shell(client: Client) -> None:
    async with terminal(client, "web-lines") as shell:
        await shell.type("echo begun; while true; do sleep 0.1; done; echo never\r")
        await shell.shows(r"\nbegun\r\n")
        await shell.type(b"\x03")
        await shell.shows(PROMPT)
        assert "130\r\n" in await shell.line("echo $?")


async def test_control_c_at_any_moment_leaves_one_line_for_one_answer(client: Client) -> None:
    async with terminal(client, "web-lines") as shell:
        for number in range(6):
            await shell.type("cat\r")
            await shell.shows("\r\n")
            for _ in range(5):
                await shell.type(b"\x03")
                await asyncio.sleep(0.003 * number)  # the moments are what is tried
            await leave(shell)
            assert f"ok {number}\r\n" in await shell.line(f"echo o''k {number}")


async def test_what_no_program_read_waits_as_a_line(client: Client, sshd: Sshd) -> None:
    mark = sshd.files / "ahead"
    async with terminal(client, "reads-lines") as shell:
        await shell.type("echo begun; sleep 1\r")
        await shell.shows(r"\nbegun\r\n")
        await shell.type(f"touch {mark}\recho then\r")
        await shell.shows("no rule allows this")
        await shell.shows(r"\r\nthen\r\n")
        await shell.shows(PROMPT)
    assert not mark.exists()


async def test_a_paste_is_a_line_each(client: Client, sshd: Sshd) -> None:
    mark = sshd.files / "pasted"
    async with terminal(client, "reads-lines") as shell:
        await shell.type(f"\x1b[200~echo begun; cat\ntouch {mark}\necho 'a\nb'\n\x1b[201~")
        await shell.shows(r"\nbegun\r\n")
        await shell.type(b"\x04")
        await shell.shows("no rule allows this")
        await shell.shows(r"\r\na\r\nb\r\n")
    assert not mark.exists()


async def test_keys_edit_the_line(client: Client) -> None:
    async with terminal(client, "web-lines") as shell:
        assert "edited\r\n" in await shell.line("cho edXitedYY\x7f\x7f\x1b[D\x1b[D\x1b[D\x1b[D\x7f\x01e\x05")
        assert "edited\r\n" in await shell.line("\x1b[A")
        assert "ä漢字!\r\n" in await shell.line("echo ä漢字x\x7f!")
        assert "two\r\n" in await shell.line("echo one\x15echo two three\x17")


async def test_a_program_with_commands_of_its_own_is_of_a_kind_of_its_own(
    client: Client, gateway: Gateway
) -> None:
    async with terminal(client, "web-lines") as shell:
        await shell.type("python3 -q\r")
        approval = await _held(shell)
        async with gateway.api(DANA) as api:
            assert "interactive" in (await api.get(f"/api/approvals/{approval}")).json()["statements"]
        await decide(gateway, DANA, approval, "approve", "fine")
        await shell.shows(">>> ")
        await shell.type("print(6 * 7)\r")
        await shell.shows("42\r\n")
        await shell.type("exit()\r")
        await shell.shows(PROMPT)


async def test_the_end_of_input_ends_the_shell(client: Client) -> None:
    async with terminal(client, "web-lines") as shell:
        await shell.line("false")
        await shell.type(b"\x04")
        await shell.shows("exit")
        assert await shell.ends() == 1


async def test_limits_stop_a_line(client: Client) -> None:
    async with terminal(client, "limited-lines") as shell:
        said = await shell.line("seq 1 100000")
        assert "1\r\n2\r\n3\r\n" in said
        assert 'limit of rows by rule "a few lines"' in said
        assert "on\r\n" in await shell.line("echo on")


async def test_a_shell_of_lines_needs_a_terminal(client: Client) -> None:
    done = await client.run("-T", resource="web-lines", options=[])
    assert done.status == 126
    assert "ssh -tt" in done.stderr
