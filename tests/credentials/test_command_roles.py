"""Approved commands through a real gateway: each runs as a role at the target with what its facts need."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from itertools import count
from typing import TypeAlias, TypeVar

import asyncpg
import pytest
from credentials.conftest import World
from support.builders import AGENT, DANA
from support.deciding import decide
from support.http_client import pending_approval
from support.wait import eventually

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
T = TypeVar("T")
_numbers = count(1)

_ATTACKS = {
    "as it is": "",
    "reset role": "reset role;",
    "set role": "set role app;",
    "set role none": "set role none;",
    "set session authorization": "set session authorization app;",
    "set_config": "perform set_config('role', 'app', false);",
    "discard": "execute 'set session authorization default';",
}
_OBJECTS = """
set session authorization app;
create table lines (id serial primary key, note text, amount int, ran_as text, ran_by text);
insert into lines (note, amount) select 'note ' || n, n from generate_series(1, 50) n;
create table secrets (value text);
insert into secrets values ('top');
create view short_lines as select id, note from lines;
create table own_lines (id int, owner text);
insert into own_lines values (1, 'app');
create policy own on own_lines to app using (true);
alter table own_lines enable row level security;
create view my_lines as select * from lines where note = current_user;
create function stamp() returns trigger language plpgsql as
$$ begin new.ran_as := current_user; new.ran_by := session_user; return new; end $$;
create trigger stamp before insert or update on lines for each row execute function stamp();
create table late_lines (id int primary key);
create function peek() returns trigger language plpgsql as
$$ begin perform count(*) from secrets; return null; end $$;
create table held_copies (id int, ran_as text default current_user);
create constraint trigger late after insert on late_lines deferrable initially deferred
    for each row execute function peek();
create schema hidden;
create table hidden.things (id int);
insert into hidden.things values (1);
create function hidden.total() returns bigint language sql as 'select sum(id) from hidden.things';
revoke execute on function hidden.total() from public;
reset session authorization;
create table lent_lines (id int, note text);
insert into lent_lines values (1, 'a');
grant select, update on lent_lines to app;
"""
_ATTACKED = """
set session authorization app;
create table attacked_{number} (id int primary key, note text);
insert into attacked_{number} values (1, 'a');
create function steal_{number}() returns trigger language plpgsql as
$$ begin {attack} new.note := (select value from secrets); return new; end $$;
create trigger steal before update on attacked_{number} for each row execute function steal_{number}();
"""


@pytest.fixture(scope="module")
def database(world: World) -> str:
    """That of both resources, with what these tests are about."""
    attacked = [_ATTACKED.format(number=n, attack=attack) for n, attack in enumerate(_ATTACKS.values())]
    world.postgres.execute("\n".join((_OBJECTS, *attacked)), world.database)
    return world.database


@asynccontextmanager
async def session(world: World, resource: str = "narrowed") -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(world.gateway.conninfo(resource, AGENT))
    try:
        yield connection
    finally:
        connection.terminate()


async def approved(world: World, running: Awaitable[T], text: str) -> T:
    """What a command gives that a reviewer approves; `text`: part of it."""
    task = asyncio.ensure_future(running)
    try:
        await decide(
            world.gateway, DANA, await pending_approval(world.gateway, DANA, text), "approve", "fine"
        )
        return await task
    finally:
        task.cancel()


def mark() -> str:
    """A comment that no other command has, for which it is held."""
    return f"/* held {next(_numbers)} */"


async def run(world: World, connection: Connection, sql: str, *values: object) -> list[asyncpg.Record]:
    marked = mark()
    return await approved(world, connection.fetch(f"{marked} {sql}", *values), marked)


def privileges(world: World, database: str) -> str:
    """Who may do what, as far as it is not by default."""
    return world.postgres.execute(
        "select relname, privilege_type, grantee::regrole from pg_class, "
        "aclexplode(coalesce(relacl, acldefault('r', relowner))) "
        "where relnamespace = 'public'::regnamespace order by 1, 2, grantee::regrole::text; "
        "select attrelid::regclass, attname, attacl from pg_attribute where attacl is not null and attrelid > 16384; "
        "select nspname, nspacl from pg_namespace; select proname, proacl from pg_proc where oid > 16384",
        database,
    )


async def test_it_runs_as_a_role_of_its_own_which_is_gone_afterwards(world: World, database: str) -> None:
    before = privileges(world, database)
    async with session(world) as connection:
        rows = await run(
            world, connection, "update lines set note = 'x' where id = 1 returning ran_as, ran_by, id"
        )
        ((ran_as, ran_by, _),) = rows
        assert ran_as.startswith("cs_agent-7_")
        assert ran_as != ran_by
        who = await connection.fetchrow(
            "select current_user::text, session_user::text, count(*) from secrets"
        )
        assert tuple(who) == ("app", ran_by, 1)  # type: ignore[arg-type]
        await connection.execute("update lines set note = 'y' where id = 2")
        assert await connection.fetchval("select ran_as from lines where id = 2") == "app"
        await eventually(lambda: ran_as not in world.roles(), what="the command's role dropped")
        commands = world.gateway.audit(
            f"select command from commands where endsWith(replaceAll(command, '-', ''), '{ran_as[-12:]}')"
        )
        assert len(commands) == 1
    assert privileges(world, database) == before


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("attack", _ATTACKS.values(), ids=_ATTACKS.keys())
async def test_what_its_reviewers_did_not_see_is_refused_by_the_target(world: World, attack: str) -> None:
    number = list(_ATTACKS.values()).index(attack)
    async with session(world) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(world, connection, f"update attacked_{number} set note = 'b' where id = 1")
        assert await connection.fetchval(f"select note from attacked_{number}") == "a"
        async with connection.transaction():
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await run(world, connection, f"update attacked_{number} set note = 'b' where id = 1")
            assert await connection.fetchval("select current_user::text from secrets") == "app"
        await connection.execute(f"update attacked_{number} set id = 2")  # allowed at once: as app, it may
        assert await connection.fetchval(f"select note from attacked_{number}") == "top"
