"""Roles at a real PostgreSQL that are made for a session: what they may do, and that none is left behind."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from support.builders import AGENT, configuration, postgres_resource
from support.postgres import PASSWORD, Postgres, running_newest_postgres
from support.wait import eventually

from infra.clock import now
from infra.config import Config, PostgresResource
from infra.config.resources import Ephemeral
from infra.credentials import Account, Asker, CredentialUnavailable, secrets_of
from ingress.errors import TargetError
from ingress.postgres.accounts import Accounts, Opened
from ingress.postgres.command_roles import CommandRoles
from ingress.postgres.narrowing import Needs
from ingress.postgres.roles import Roles
from ingress.postgres.sql.needs import Need
from schemas.ids import uuid7
from schemas.vocabulary import Principal, PrincipalKind

LIFETIME = 300.0


def asker(name: str = "agent-7", groups: tuple[str, ...] = ("agents",)) -> Asker:
    return Asker(Principal(name, PrincipalKind.AGENT, groups), uuid7(now()))


@dataclass(frozen=True, slots=True)
class World:
    """A target with a database of its own, and what makes roles there."""

    postgres: Postgres
    database: str
    resource: PostgresResource
    accounts: Accounts
    roles: Roles

    def names(self) -> list[str]:
        return self.postgres.execute("select rolname from pg_roles where rolname like 'cs\\_%'").split()

    async def sign_in(self, account: Account, database: str = "") -> "asyncpg.Connection[asyncpg.Record]":
        host, port = self.postgres.address.split(":")
        return await asyncpg.connect(
            host=host,
            port=int(port),
            user=account.user,
            password=account.password,
            database=database or self.database,
            server_settings={"role": "app"},
        )

    async def open(self, who: Asker) -> Opened:
        return await self.accounts.open(self.resource, {"database": self.database}, who)


@pytest.fixture(scope="module")
def newest() -> Iterator[Postgres]:
    """From 16 on, whoever makes a role is its member by other rules."""
    with running_newest_postgres() as running:
        yield running


@pytest_asyncio.fixture(params=["postgres", "newest"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    postgres: Postgres = request.getfixturevalue(request.param)
    (tmp_path / "maker.password").write_text(PASSWORD)
    database = postgres.copy_sample()
    ephemeral = {
        "user": "maker",
        "password": {"file": "maker.password"},
        "roles": {"agents": "app", "readers": "reader"},
        "lifetime": "300s",
    }
    document = postgres_resource("orders", postgres, database, credentials={"ephemeral": ephemeral})
    config = Config.model_validate(configuration(listen={}, resources=[document]))
    config._base = tmp_path
    (resource,) = config.resources
    assert isinstance(resource, PostgresResource)
    accounts = Accounts(config, secrets_of(config))
    running = World(postgres, database, resource, accounts, accounts._roles["orders"])
    yield running
    for left in running.names():
        await running.roles.end(Account(left, None))
    await accounts.stop()


async def test_a_session_acts_as_its_role_and_shows_who_it_is(world: World) -> None:
    account = await world.roles.make(asker(), LIFETIME)
    assert account.user.startswith("cs_agent-7_")
    connection = await world.sign_in(account)
    row = await connection.fetchrow("select session_user::text, current_user::text, count(*) from orders")
    assert row is not None
    assert tuple(row)[:2] == (account.user, "app")
    await connection.execute("set role none")
    assert await connection.fetchval("select current_user::text") == account.user
    await connection.execute("reset role")
    assert await connection.fetchval("select current_user::text") == "app"
    await connection.close()
    comment = world.postgres.execute(
        f"select shobj_description(oid, 'pg_authid') from pg_roles where rolname = '{account.user}'"
    )
    assert comment.startswith("countersign: agent-7 on orders, session ")
    await world.roles.end(account)
    assert account.user not in world.names()


async def test_it_comes_in_once(world: World) -> None:
    account = await world.roles.make(asker(), LIFETIME)
    connection = await world.sign_in(account)
    with pytest.raises(asyncpg.PostgresError, match="too many connections for role"):
        await world.sign_in(account)
    await world.roles.used(account, LIFETIME)
    assert await connection.fetchval("select count(*) from orders") > 0
    await connection.close()
    with pytest.raises(
        asyncpg.PostgresError, match=r"password authentication failed|not permitted to log in"
    ):
        await world.sign_in(account)
    await world.roles.end(account)


async def test_who_is_in_no_group_with_a_role_is_refused(world: World) -> None:
    with pytest.raises(TargetError, match="no role at the target is configured for your groups"):
        await world.open(asker(groups=("others",)))
    assert world.names() == []


async def test_it_may_do_what_its_role_may_and_no_more(world: World) -> None:
    opened = await world.open(asker("reader-1", ("readers",)))
    ((name, role),) = [
        row.split("|")
        for row in world.postgres.execute(
            "select one.rolname, parent.rolname from pg_auth_members join pg_roles one on one.oid = member "
            "join pg_roles parent on parent.oid = roleid where one.rolname like 'cs\\_%'"
        ).split("\n")
    ]
    assert (name[:12], role) == ("cs_reader-1_", "reader")
    opened.target.channel.abort()
    opened.leave()
    await eventually(lambda: world.names() == [], what="the role dropped")


async def test_what_it_made_belongs_to_its_role_and_stays(world: World) -> None:
    other = world.postgres.copy_sample()
    account = await world.roles.make(asker(), LIFETIME)
    for database in (world.database, other):
        connection = await world.sign_in(account, database)
        await connection.execute("create table made (id int)")
        await connection.execute("discard all")
        assert await connection.fetchval("select current_user::text") == "app"
        await connection.execute("set role none")  # it acts as itself now, and may do the same
        await connection.execute("create table made_as_itself (id int); grant select on made to reader")
        await connection.close()
    await world.roles.end(account)
    assert world.names() == []
    for database in (world.database, other):
        owners = world.postgres.execute(
            "select tableowner from pg_tables where tablename like 'made%'", database
        )
        assert owners.split() == ["app", "app"]


async def test_who_holds_a_lock_holds_up_nobody_who_signs_in(world: World) -> None:
    account = await world.roles.make(asker(), LIFETIME)
    connection = await world.sign_in(account)
    await connection.execute("set role none")
    await connection.execute("create table locked (id int)")
    await connection.execute("grant all on locked to app")
    holder = await world.sign_in(Account("app", PASSWORD))
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("lock table locked")
    ending = asyncio.create_task(world.roles.end(account))
    other = await world.roles.make(asker(), LIFETIME)
    with pytest.raises(CredentialUnavailable) as caught:
        await ending
    assert "lock timeout" in caught.value.reason
    assert account.user in world.names()
    await transaction.rollback()
    await holder.close()
    for left in (account, other):
        await world.roles.end(left)
    assert world.names() == []


async def test_a_gateway_that_stops_leaves_nothing(world: World) -> None:
    opened = [await world.open(asker()) for _ in range(3)]
    assert len(world.names()) == 3
    await world.accounts.stop()
    assert world.names() == []
    for one in opened:
        assert b"57P01" in await one.target.channel.receive()  # admin_shutdown: it was ended there


async def test_its_end_ends_what_runs_by_it(world: World) -> None:
    account = await world.roles.make(asker(), LIFETIME)
    connection = await world.sign_in(account)
    await world.roles.end(account)
    assert world.names() == []
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("select 1")


async def test_leftovers_are_swept_once_their_time_is_over_and_nothing_else_is(world: World) -> None:
    left, alive = [await world.roles.make(asker(), LIFETIME) for _ in range(2)]
    connection = await world.sign_in(left)
    await world.roles.used(left, 0.0)
    await world.roles.used(alive, LIFETIME)
    world.postgres.execute("create role cs_not_ours valid until '2020-01-01'")
    try:
        await world.roles.sweep()
        assert sorted(world.names()) == sorted(["cs_not_ours", alive.user])
    finally:
        world.postgres.execute("drop role cs_not_ours")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("select 1")
    await world.roles.end(alive)


async def test_what_is_renewed_is_no_leftover(world: World) -> None:
    account = await world.roles.make(asker(), LIFETIME)
    await world.roles.used(account, 0.0)
    await world.roles.renew([account, Account("cs_gone_1", None)], LIFETIME)
    await world.roles.sweep()
    assert world.names() == [account.user]
    await world.roles.end(account)


async def test_a_password_nobody_used_is_good_for_a_moment_only(world: World) -> None:
    account = await world.roles.make(asker(), 0.3)
    expired = f"select rolvaliduntil < now() from pg_roles where rolname = '{account.user}'"
    await eventually(lambda: world.postgres.execute(expired) == "t", what="the time over")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await world.sign_in(account)
    await world.roles.sweep()
    assert world.names() == []


async def test_the_target_never_sees_the_password(world: World) -> None:
    world.postgres.execute("alter system set log_statement = 'all'; select pg_reload_conf()")
    try:
        await eventually(lambda: world.postgres.execute("show log_statement") == "all")
        account = await world.roles.make(asker(), LIFETIME)
        connection = await world.sign_in(account)
        await connection.close()
        await world.roles.end(account)
    finally:
        world.postgres.execute("alter system reset log_statement; select pg_reload_conf()")
    log = world.postgres.log.read_text()
    assert account.user in log
    assert account.password is not None
    assert account.password not in log


async def test_a_target_that_does_not_let_the_maker_in(world: World, tmp_path: Path) -> None:
    (tmp_path / "maker.password").write_text("wrong")
    with pytest.raises(CredentialUnavailable) as caught:
        await world.roles.make(asker(), LIFETIME)
    assert str(caught.value) == "the gateway could not make a role for the session"
    assert "28P01" in caught.value.reason
    assert "wrong" not in caught.value.reason
    assert AGENT.token not in caught.value.reason


def _commands(world: World, who: Asker, account: Account) -> CommandRoles:
    return CommandRoles(world.roles, world.roles._connect, who, account.user, "app", world.database)


async def _needs(world: World) -> Needs:
    """What an UPDATE of one column needs."""
    oid = int(world.postgres.execute("select 'orders'::regclass::oid", world.database))
    privileges = frozenset({Need(oid, "update", "note"), Need(oid, "select", "id")})
    return Needs(frozenset({oid}), privileges, frozenset(), ("public",), goes_on=False)


async def test_a_command_has_a_role_and_its_session_no_other(world: World) -> None:
    who = asker()
    account = await world.roles.make(who, LIFETIME)
    connection = await world.sign_in(account)
    commands = _commands(world, who, account)
    name = await commands.narrow(uuid7(now()), await _needs(world))
    assert isinstance(name, str)
    for denied in ("set role app", "set role reader", "set role maker"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(denied)
    await connection.execute(f'set role "{name}"')
    await connection.execute("update orders set note = 'x' where id = 1")
    for denied in ("select note from orders", "update orders set id = 1 where id = 1", "table customers"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(denied)
    await commands.widen()
    await connection.execute("set role app; select note from orders")
    await eventually(lambda: name not in world.names(), what="the command's role dropped")
    await connection.close()
    await world.roles.end(account)


async def test_a_command_that_was_left_behind_is_swept_with_its_session(world: World) -> None:
    who = asker()
    account = await world.roles.make(who, LIFETIME)
    connection = await world.sign_in(account)
    await connection.execute("set role none; create table made_before (id int)")
    commands = _commands(world, who, account)
    name = await commands.narrow(uuid7(now()), await _needs(world))
    assert isinstance(name, str)
    await world.roles.renew([account], 0.0)
    other = Roles("orders", _ephemeral(world), world.roles._connect)  # of a gateway that lives
    try:
        await other.sweep()
    finally:
        await other.close()
    assert world.names() == []
    owner = "select tableowner from pg_tables where tablename = 'made_before'"
    assert world.postgres.execute(owner, world.database) == "app"


async def test_a_session_that_ends_amid_its_command_takes_its_role_along(world: World) -> None:
    who = asker()
    account = await world.roles.make(who, LIFETIME)
    assert isinstance(await _commands(world, who, account).narrow(uuid7(now()), await _needs(world)), str)
    await world.roles.end(account)
    assert world.names() == []


async def test_many_gateways_make_and_drop_roles_side_by_side(world: World) -> None:
    """They share catalogues of the target, and what one drops another may look at."""
    gateways = [Roles("orders", _ephemeral(world), world.roles._connect) for _ in range(4)]

    async def one(roles: Roles) -> None:
        account = await roles.make(asker(), LIFETIME)
        await roles.used(account, LIFETIME)
        await roles.renew([account], LIFETIME)
        await roles.used(account, 0.0)  # its time is over: whoever sweeps next may be first
        await roles.end(account)

    async def sweep(roles: Roles) -> None:
        for _ in range(10):
            await roles.sweep()

    try:
        await asyncio.gather(*(one(roles) for roles in gateways for _ in range(10)), *map(sweep, gateways))
    finally:
        await asyncio.gather(*(roles.close() for roles in gateways))
    assert world.names() == []


def _ephemeral(world: World) -> Ephemeral:
    assert world.resource.credentials.ephemeral is not None
    return world.resource.credentials.ephemeral
