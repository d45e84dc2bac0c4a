import pytest
from support.catalogues import PATH, sample_builder

from ingress.postgres.catalogue_items import Function
from ingress.postgres.sql.findings import Findings, sensitivity
from ingress.postgres.sql.triggers import is_confined

CATALOGUE = sample_builder().function("public.Now", 0).build()


def confined(body: str) -> bool:
    function = Function("public", "f", False, "v", "plpgsql", text=body)
    return is_confined(function, Findings(CATALOGUE, PATH, sensitivity(())))


@pytest.mark.parametrize(
    "body",
    [
        "begin return new; end",
        "begin new.changed_at := now(); return new; end",
        "begin new.note = lower(new.note) || ' ' || tg_op; return new; end;",
        "begin if tg_op = 'INSERT' then new.id := 1; else new.id := old.id; end if; return new; end",
        "begin if new.a is distinct from old.a then raise exception 'no %', new.a; end if; return null; end",
        "-- why\nbegin /* select */ new.n := coalesce(new.n, 0) + 1; return new; end",
        "begin new.at := 'x'::text; new.b := pg_catalog.lower(new.c); return new; end",
    ],
)
def test_what_computes_values_of_its_row_is_confined(body: str) -> None:
    assert confined(body)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "begin delete from orders; return new; end",
        "begin perform forget(1); return new; end",
        "begin execute 'drop table ' || tg_argv[0]; return new; end",
        "begin new.id := (select 1); return new; end",
        "begin new.id := (table orders); return new; end",
        "begin new.id := forget(1); return new; end",
        "begin new.id := public.forget(1); return new; end",
        'begin new.id := "Now"(); return new; end',
        "begin new.id := pg_terminate_backend(1); return new; end",
        "begin new.id := set_config('role', 'dba', false); return new; end",
        "begin new.id := nothing_like_it(1); return new; end",
        "begin new.id := 1::even; return new; end",
        "begin new.note := new.note ~~~ 'x'; return new; end",
        "begin if true then notify jobs; end if; return new; end",
        "begin if true then update orders set id = 1; end if; return new; end",
        "begin call ship(1); return new; end",
        "declare x text := forget(1); begin return new; end",
        "begin begin return new; exception when others then return old; end; end",
        "begin for i in 1..2 loop new.id := i; end loop; return new; end",
        "begin new.id := 'not closed; return new; end",
        'begin U&"new".id := 1; return new; end',
        "begin return new; end " + "-" * 5000 + "\n" + "; " * 3000,
    ],
    ids=lambda body: body[:40],
)
def test_whatever_else_is_not(body: str) -> None:
    assert not confined(body)


def test_a_built_in_one_is_what_the_table_says() -> None:
    findings = Findings(CATALOGUE, PATH, sensitivity(()))
    known = Function("pg_catalog", "suppress_redundant_updates_trigger", True, "v", "internal")
    assert is_confined(known, findings)
    assert not is_confined(Function("pg_catalog", "never_heard_of", True, "v", "internal"), findings)
