"""Interactive shells and terminals; the recording of them, replayed."""

from support.builders import AUDREY
from support.command_line import run_command
from support.gateway import Gateway
from support.sshd import Client
from support.wait import eventually


async def test_a_resource_without_shells_says_so(client: Client) -> None:
    done = await client.run("-T", options=[])
    assert done.status == 126
    assert "no interactive shells" in done.stderr


async def test_a_recorded_shell_works_and_is_masked(client: Client) -> None:
    argv = ["ssh", "-tt", *client.options("shell"), "127.0.0.1"]
    async with client.running(argv) as ssh:
        await ssh.send(b"echo s''aid 4111111111111111; stty size\n")
        await ssh.said("said ************1111", on="out")
        await ssh.send(b"exit 3\n")
        done = await ssh.finish()
    assert done.status == 3
    assert "4111111111111111" not in done.stdout


async def test_a_terminal_gets_words_in_the_place_of_json(client: Client) -> None:
    done = await client.run("kill 1", options=["-tt"])
    assert done.status == 126
    assert 'countersign: refused by rule "nobody kills": No.' in done.stdout + done.stderr


async def test_a_session_is_replayed_as_it_was_shown(client: Client, gateway: Gateway) -> None:
    await client.run("echo 'over here: 4111111111111111'", resource="shell")

    sql = "select session from commands where text like '%over here%'"
    found = await eventually(lambda: gateway.audit(sql), every=0.5, what="the session")

    async def replayed() -> str:
        ran = await run_command(
            gateway.folder,
            *("sessions", "replay", found[0]["session"], "--config", str(gateway.config)),
            COUNTERSIGN_USER=AUDREY.name,
            COUNTERSIGN_TOKEN=AUDREY.token,
        )
        return ran.out if "over here: ************1111\n" in ran.out else ""

    said = await eventually(replayed, seconds=60, every=0.5, what="the recording")
    assert "4111111111111111" not in said
    assert "exit status 0" in said
