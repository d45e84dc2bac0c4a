"""Approved commands through a real gateway: each runs as a role at the target with what its facts need."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from itertools import count
from typing import TypeAlias, TypeVar

import asyncpg
import psycopg
import pytest
from credentials.conftest import LIFETIME, World
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
    "set_config": "perform set_config('role', 'app', false);",
    "discard": "execute 'set session authorization default';",
}
_OBJECTS = """
set session authorization app;
create table lines (id serial primary key, note text, amount int, ran_as text, ran_by text);
insert into lines (note, amount) select 'note ' || n, n from generate_series(1, 50) n;
create table secrets (value text);
insert into secrets values ('top');
create table plain_lines (id int primary key, note text);
insert into plain_lines select n, 'note ' || n from generate_series(1, 9) n;
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
        "select attrelid::regclass, attname, attacl from pg_attribute "
        "where attacl is not null and attrelid > 16384; "
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


@pytest.mark.usefixtures("database")
async def test_within_a_transaction(world: World) -> None:
    async with session(world) as connection:
        async with connection.transaction():
            await connection.execute("update plain_lines set note = 'first' where id = 1")
            await run(world, connection, "update plain_lines set note = 'second' where id = 2")
            assert await connection.fetchval("select current_user::text from secrets") == "app"
            with pytest.raises(asyncpg.NotNullViolationError):
                async with connection.transaction():
                    await run(world, connection, "update plain_lines set id = null where id = 3")
            assert await connection.fetchval("select current_user::text from secrets") == "app"
            await run(world, connection, "delete from plain_lines where id = 4")
            ((ran_as,),) = await run(
                world, connection, "update lines set note = 'x' where id = 10 returning ran_as"
            )
            assert await connection.fetchval("select current_user::text from secrets") == "app"
        rows = await connection.fetch("select note from plain_lines where id < 6 order by id")
        assert [row["note"] for row in rows] == ["first", "second", "note 3", "note 5"]
        assert ran_as.startswith("cs_agent-7_")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("insert into lines (note) values ('new') returning note", ["new"]),
        ("select note from short_lines where id = 20", ["note 20"]),
        ("update short_lines set note = 'seen' where id = 20 returning note", ["seen"]),
        ("select count(*) from lines where id = 21", [1]),
        ("select id from lines where id = 21 for update", [21]),
        (
            "with gone as (delete from lines where id = 22 returning amount) "
            "update lines set amount = lines.amount + gone.amount from gone where id = 23 "
            "returning lines.amount",
            [45],
        ),
        ("select hidden.total()", None),
        ("select id from hidden.things", [1]),
    ],
)
async def test_what_statements_need(world: World, sql: str, expected: list[object] | None) -> None:
    async with session(world) as connection:
        if expected is None:  # what the function reads is not in the facts
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema hidden"):
                await run(world, connection, sql)
        else:
            assert [row[0] for row in await run(world, connection, sql)] == expected
        assert await connection.fetchval("select current_user::text") == "app"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select * from own_lines", "public.own_lines has row security"),
        ("select * from my_lines", "public.my_lines is a view that shows each role something else"),
        ("select * from lines where note = current_user", "it asks who it runs as"),
        ("select has_table_privilege('secrets', 'select')", "answers about the role that asks"),
        ("do $$ begin perform 1; end $$", "what it needs is not proven"),
        ("declare c cursor with hold for select id from lines", "what it needs is not known .declare."),
    ],
)
async def test_what_facts_cannot_say_is_refused(world: World, sql: str, reason: str) -> None:
    async with session(world) as connection:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match=reason):
            await run(world, connection, sql)
        assert await connection.fetchval("select 1") == 1


@pytest.mark.usefixtures("database")
async def test_what_facts_cannot_say_runs_as_the_role_where_the_owner_says_so(world: World) -> None:
    async with session(world, "where-proven") as connection:
        assert len(await run(world, connection, "select * from own_lines")) == 1
        ((who,),) = await run(world, connection, "update lines set amount = 0 where id = 30 returning ran_as")
        assert who.startswith("cs_agent-7_")


@pytest.mark.usefixtures("database")
async def test_what_would_run_later_is_refused_where_the_transaction_goes_on(world: World) -> None:
    async with session(world) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="secrets"):
            await run(world, connection, "insert into late_lines values (1)")
        async with connection.transaction():
            with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="deferrable trigger"):
                async with connection.transaction():
                    await run(world, connection, "insert into late_lines values (2)")


@pytest.mark.usefixtures("database")
async def test_definitions_run_as_their_owner(world: World) -> None:
    async with session(world) as connection:
        await run(world, connection, "create table defined (id int)")
        owner = "select tableowner::text from pg_tables where tablename = 'defined'"
        assert await connection.fetchval(owner) == "app"


@pytest.fixture
async def lent(world: World, database: str) -> AsyncIterator[str]:
    """The database, with a table that app may write and the maker may not pass on, as the doctor says too."""
    world.postgres.execute("grant select, update on lent_lines to app", database)
    yield database
    commands_roles = (
        "select count(*) from pg_class, aclexplode(relacl) where relname = 'lent_lines' "
        "and grantee::regrole::text not in ('postgres', 'app', 'maker')"
    )
    # Two that change one table's privileges at once collide.
    await eventually(
        lambda: world.postgres.execute(commands_roles, database) == "0", what="the command's role dropped"
    )
    world.postgres.execute("revoke all on lent_lines from app", database)


async def test_what_the_maker_may_not_pass_on_is_told(world: World, lent: str) -> None:
    async with session(world) as connection:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="may not pass on") as caught:
            await run(world, connection, "update lent_lines set note = 'b' where id = 1")
        for _ in range(2):  # one privilege at a time
            advice = (caught.value.hint or "").partition("Its owner has to: ")[2]
            assert advice.endswith("to maker with grant option")
            world.postgres.execute(advice, lent)
            if "update" in advice:
                break
            with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError) as caught:
                await run(world, connection, "update lent_lines set note = 'b' where id = 1")
        await run(world, connection, "update lent_lines set note = 'b' where id = 1")


def _psycopg(world: World, mark: str) -> list[object]:
    """A COPY, then a pipeline in which others come after an approved command before the Sync."""
    with psycopg.connect(world.gateway.conninfo("narrowed", AGENT), autocommit=True) as connection:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"copy held_copies (id) from stdin /* {mark} */") as copy,
        ):
            copy.write_row((1,))
        with connection.pipeline():
            first = connection.execute("select current_user::text")
            second = connection.execute(
                f"update lines set note = %s where id = 40 returning ran_as -- held {mark}", ("p",)
            )
            third = connection.execute("select current_user::text, count(*) from secrets")
        return [*first.fetchone(), *second.fetchone(), *third.fetchone()]  # type: ignore[misc]


async def test_copies_and_pipelines(world: World, database: str) -> None:
    marked = f"mark {next(_numbers)}"

    async def reviewed() -> None:
        for text in ("copy held_copies", f"held {marked}"):
            approval = await pending_approval(world.gateway, DANA, text)
            await decide(world.gateway, DANA, approval, "approve", "fine")

    (first, second, third, secrets), _ = await asyncio.gather(
        asyncio.to_thread(_psycopg, world, marked), reviewed()
    )
    assert (first, str(second)[:11], third, secrets) == ("app", "cs_agent-7_", "app", 1)
    assert world.postgres.execute("select ran_as from held_copies", database).startswith("cs_agent-7_")


@pytest.mark.usefixtures("database")
async def test_sessions_side_by_side_on_one_table(world: World) -> None:
    async def one(number: int) -> None:
        async with session(world) as connection:
            await run(world, connection, f"update lines set note = 'n' where id = {number}")

    await asyncio.gather(*(one(number) for number in range(41, 45)))


async def test_a_killed_gateway_leaves_no_role_of_a_command(world: World, database: str) -> None:
    async with session(world) as connection:
        marked = mark()
        running = asyncio.ensure_future(
            approved(world, connection.fetch(f"{marked} select pg_sleep(300), id from lines"), marked)
        )
        acts_as = (  # what the session that sleeps may act as
            "select rolname from pg_stat_activity join pg_auth_members on member = usesysid "
            "join pg_roles on pg_roles.oid = roleid "
            "where wait_event = 'PgSleep' and query like '%pg_sleep(300), id%'"
        )
        await eventually(lambda: world.postgres.execute(acts_as), what="a command that runs")
        (name,) = world.postgres.execute(acts_as).split()
        assert name.startswith("cs_agent-7_")
        os.kill(world.ingress, signal.SIGKILL)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await running
    await eventually(lambda: name not in world.roles(), seconds=LIFETIME + 60, what="it swept")
    assert name not in world.postgres.execute("select relacl from pg_class where relname = 'lines'", database)
