import pytest
from support.catalogues import sample_catalogue
from support.facts import CONTEXT

from ingress.postgres.facts import analyse
from schemas.vocabulary import Facts, Intent

CATALOGUE = sample_catalogue()


def facts(sql: str) -> Facts:
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, ())
    return statement.facts


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("create function vault.f() returns int language sql as 'select 1'", {"vault.f"}),
        ("create function f() returns int language sql as 'delete from vault.secrets'", {"vault.secrets"}),
        ("create function f() returns int begin atomic delete from vault.secrets; end", {"vault.secrets"}),
        ("create operator vault.@@@ (rightarg = int, function = int4um)", {"vault.@@@"}),
        ("create type vault.t as enum ('x')", {"vault.t"}),
        ("alter type vault.t add value 'y'", {"vault.t"}),
        ("drop type vault.t", {"vault.t"}),
        ("drop function forget(integer)", {"public.forget"}),
        ("alter function forget(integer) immutable", {"public.forget"}),
        ("alter table orders rename to o", {"public.orders", "public.o"}),
        ("alter table orders set schema vault", {"public.orders", "vault.orders"}),
        ("create schema s", {"s.*"}),
        ("alter schema vault rename to v", {"vault.*", "vault.secrets", "v.*"}),
        ("drop schema vault cascade", {"vault.*", "vault.secrets"}),
        ("grant select on all tables in schema vault to public", {"vault.secrets"}),
        ("create publication p for tables in schema vault", {"vault.secrets"}),
        ("create publication p for all tables", {"vault.secrets", "public.orders"}),
        ("reindex schema vault", {"vault.secrets"}),
        ("reassign owned by app to dba", {"vault.secrets"}),
        ("create rule r as on insert to orders do also delete from vault.secrets", {"vault.secrets"}),
        ("drop table payments", {"public.payments", "public.payments_2025"}),
    ],
)
def test_what_it_is_about_is_named(sql: str, tables: set[str]) -> None:
    assert tables <= set(facts(sql).tables)


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("drop schema vault cascade", {"drop_schema", "drop_table"}),
        ("drop schema vault", {"drop_schema"}),
        ("drop owned by app", {"drop_table", "drop_view"}),
        ("drop extension x", {"drop_table"}),
        ("drop server far cascade", {"drop_foreign_table"}),
        ("alter index orders rename to o", {"alter_index", "alter_table"}),
        ("alter table contacts rename to c", {"alter_table", "alter_view"}),
        ("do $$ begin drop table orders; truncate orders; end $$", {"drop_table", "truncate"}),
    ],
)
def test_it_is_called_by_all_that_it_does(sql: str, statements: set[str]) -> None:
    assert statements <= set(facts(sql).statements)


@pytest.mark.parametrize(
    "sql",
    [
        "drop extension x",
        "drop cast (text as int)",
        "create cast (text as int) with inout",
        "drop event trigger e",
        "drop publication p",
        "alter table orders owner to dba",
        "alter table orders disable trigger all",
        "alter function forget(integer) owner to dba",
        "create function f() returns int language sql security definer as 'select 1'",
    ],
)
def test_rights_and_what_is_the_whole_databases_is_administration(sql: str) -> None:
    assert Intent.ADMIN in facts(sql).intents
