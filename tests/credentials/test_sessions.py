"""Sessions of real clients with credentials from everywhere, through rotation and the gateway's death."""

import asyncio
import os
import re
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import asyncssh
import pytest
from credentials.conftest import LIFETIME, World
from support.builders import AGENT, DANA, Someone
from support.http_client import http_client
from support.postgres import PASSWORD
from support.sshd import Client
from support.wait import eventually

WHO = "select session_user::text, current_user::text, current_setting('application_name')"


@asynccontextmanager
async def session(
    world: World, resource: str, someone: Someone = AGENT
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(world.gateway.conninfo(resource, someone))
    try:
        yield connection
    finally:
        connection.terminate()


def ssh(world: World) -> Client:
    port = int(world.gateway.listen["ssh"].rpartition(":")[2])
    return Client(world.gateway.folder, world.gateway.folder / "state" / "ssh" / "known_hosts", port)


async def test_a_role_is_made_for_the_session_and_dropped_after_it(world: World) -> None:
    async with session(world, "made") as connection:
        session_user, current_user, name = await connection.fetchrow(WHO)  # type: ignore[misc]
        assert re.fullmatch("cs_agent-7_[0-9a-z]{12}", session_user)
        assert current_user == "app"
        assert re.match(r"agent-7/[0-9a-f-]{36}\b", name)
        assert name.split("/")[1].replace("-", "")[:36].endswith(session_user[-12:])
        assert session_user in world.roles()
        await connection.execute("create table made_by_agent (id int)")
        await connection.execute("drop table made_by_agent")
    await eventually(lambda: session_user not in world.roles(), what="the role dropped")


async def test_a_session_outlives_the_lifetime_of_its_role(world: World) -> None:
    async with session(world, "made") as connection:
        (name,) = await connection.fetchrow("select session_user::text")  # type: ignore[misc]
        first = world.postgres.execute(f"select rolvaliduntil from pg_roles where rolname = '{name}'")
        later = f"select rolvaliduntil > '{first}' from pg_roles where rolname = '{name}'"
        await eventually(lambda: world.postgres.execute(later) == "t", what="its role renewed")
        assert await connection.fetchval("select 1") == 1


async def test_who_has_no_role_is_told(world: World) -> None:
    with pytest.raises(asyncpg.PostgresError, match="no role at the target is configured for your groups"):
        async with session(world, "made", DANA):
            pass


async def test_a_killed_gateway_leaves_no_usable_role(world: World) -> None:
    async with session(world, "made") as connection:
        (name,) = await connection.fetchrow("select session_user::text")  # type: ignore[misc]
        running = asyncio.ensure_future(connection.execute("select pg_sleep(300)"))
        sleeping = f"select 1 from pg_stat_activity where usename = '{name}' and query like '%pg_sleep(300)%'"
        await eventually(lambda: world.postgres.execute(sleeping) == "1", what="a statement that runs")
        os.kill(world.ingress, signal.SIGKILL)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await running
    allowed = world.postgres.execute(f"select rolcanlogin from pg_roles where rolname = '{name}'")
    assert allowed in ("f", "")
    await eventually(
        lambda: name not in world.roles(), seconds=LIFETIME + 30, what="what it left behind swept"
    )
    assert world.postgres.execute(sleeping) == ""
    async with session(world, "made") as connection:
        assert await connection.fetchval("select 1") == 1


@pytest.mark.parametrize("resource", ["vaulted", "in-cluster"])
async def test_a_password_comes_from_a_store(world: World, resource: str) -> None:
    async with session(world, resource) as connection:
        assert await connection.fetchval("select current_user::text") == "app"


async def test_a_secret_that_is_not_there_is_told_without_its_place(world: World) -> None:
    with pytest.raises(asyncpg.PostgresError) as caught:
        async with session(world, "lost"):
            pass
    assert caught.value.message == (
        'resource "lost" cannot be opened: the store of its credentials has none for it'
    )
    assert caught.value.sqlstate == "08001"
    log = (world.gateway.folder / "state" / "log" / "ingress.log").read_text()
    assert "Vault: secret/team/nowhere: InvalidPath" in log


async def test_an_account_of_vaults_lives_as_long_as_its_session(world: World) -> None:
    async with session(world, "leased") as connection:
        user = await connection.fetchval("select session_user::text")
        assert user.startswith("v-approle-reader-")
        assert world.roles(user) == [user]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("delete from orders")
    await eventually(lambda: world.roles(user) == [], what="its lease revoked")


async def test_a_token_of_vault_that_was_revoked_is_replaced(world: World) -> None:
    world.vault.revoke_tokens()
    async with session(world, "leased") as connection:
        assert await connection.fetchval("select 1") == 1


async def test_a_password_is_rotated_in_its_file_and_no_session_ends(world: World) -> None:
    async with session(world, "rotated") as before:
        new = secrets.token_urlsafe(12)
        world.postgres.execute(f"alter role rotated password '{new}'")
        (world.gateway.folder / "rotated.password").write_text(new)
        async with session(world, "rotated") as after:
            assert await after.fetchval("select 1") == 1
        assert await before.fetchval("select 1") == 1


async def test_a_password_is_rotated_in_vault_and_read_again_when_it_is_refused(world: World) -> None:
    async with session(world, "vaulted") as before:  # the gateway has read the old one now
        new = secrets.token_urlsafe(12)
        try:
            world.postgres.execute(f"alter role app password '{new}'")
            world.vault.put("team/app", password=new)
            async with session(world, "vaulted") as after:
                assert await after.fetchval("select 1") == 1
            assert await before.fetchval("select 1") == 1
        finally:
            world.postgres.execute(f"alter role app password '{PASSWORD}'")
            world.vault.put("team/app", password=PASSWORD)


async def test_ssh_signs_in_with_a_key_of_vaults(world: World) -> None:
    done = await ssh(world).run("echo hello")
    assert (done.status, done.stdout, done.stderr) == (0, "hello\n", "")


async def test_a_key_is_rotated_in_vault_and_read_again_when_the_host_refuses_the_old_one(
    world: World,
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    client = ssh(world)
    assert (await client.run("echo before")).stdout == "before\n"  # the gateway has read the old one now
    authorized = world.sshd.folder / "authorized_keys"
    old, old_keys = world.vault.get("team/web-1"), authorized.read_text()
    try:
        authorized.write_text(key.export_public_key().decode())
        assert (await client.run("echo without")).status == 255
        world.vault.put("team/web-1", key=key.export_private_key().decode())
        assert (await client.run("echo after")).stdout == "after\n"
    finally:
        authorized.write_text(old_keys)
        world.vault.put("team/web-1", **old)


async def test_ssh_signs_in_with_a_certificate_for_the_session(world: World) -> None:
    assert (await ssh(world).run("echo hello", resource="web-2")).status == 255
    ca = world.gateway.folder / "state" / "ssh" / "target_ca.pub"
    (world.sshd.folder / "trusted_cas").write_text(ca.read_text())
    done = await ssh(world).run("echo hello", resource="web-2")
    assert (done.status, done.stdout) == (0, "hello\n")
    shown = re.search(r"Accepted publickey for .* ED25519-CERT .* ID (\S+) ", world.sshd.log.read_text())
    assert shown is not None
    principal, session_id = shown[1].split("/")
    assert principal == "agent-7"
    there = f"select count() as n from sessions where session = '{session_id}'"
    await eventually(
        lambda: int(world.gateway.audit(there)[0]["n"]) == 1, what="that session in the audit log"
    )


async def test_http_signs_in_with_a_token_of_vaults(world: World) -> None:
    async with http_client(world.gateway) as client:
        assert (await client.get("/billing/v1/orders/7")).json() == {"id": 7, "total": 10}
    shown = [dict(request["headers"])["authorization"] for request in world.web_api.seen()]
    assert set(shown) == {f"Bearer {world.api_key}"}
