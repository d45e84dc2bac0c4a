"""Every way to turn a token into its value that tokens.yaml knows: with the value, and with a token of it."""

from collections.abc import Iterator

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.builders import AGENT, DANA
from support.gateway import Gateway
from support.leaks import WHERE
from support.postgres import Postgres
from support.raw_values import RawValues
from support.wait import eventually
from support.wire import Wire
from support.written import all_written

LAST = "select $$the last of the tokens$$"
DOCUMENT = YAML(typ="safe").load(WHERE / "tokens.yaml")
CASES = [
    pytest.param([case] if isinstance(case, str) else case, id=f"{section}: {case}")
    for section, found in DOCUMENT.items()
    for case in found
]


@pytest.fixture(scope="module")
def plain(gateway: Gateway) -> Iterator[Wire]:
    with _wire(gateway, "plain") as wire:
        yield wire


@pytest.fixture(scope="module")
def masked(gateway: Gateway) -> Iterator[Wire]:
    with _wire(gateway, "tokens") as wire:
        yield wire


@pytest.fixture(scope="module")
def pair(plain: Wire, masked: Wire) -> tuple[str, str]:
    """A value, and the token of it."""
    asked = "select card from customers where id = 2"
    raw, token = (wire.simple(asked).rows[0][0] for wire in (plain, masked))
    assert raw is not None
    assert token is not None
    return raw.decode(), token.decode()


def _wire(gateway: Gateway, resource: str) -> Wire:
    return Wire(gateway.listen["postgres"], DANA.name, DANA.token, resource, gateway.ca)


def _shown(wire: Wire, case: list[str], held: str, raw: str) -> set[str]:
    """Whether the value is in what the statements are answered."""
    values, found = RawValues([raw], []), set()
    for statement in case:
        if "$1" in statement and not statement.startswith("prepare"):
            answer = wire.extended(statement, [held])
        else:
            answer = wire.simple(statement.replace("{token}", held))
        found |= values.found_in(answer.received, answer.rows)
    for statement in ("rollback; select 1", "discard all"):
        found |= values.found_in(wire.simple(statement).received)
    return found


def test_there_are_many_ways() -> None:
    assert len(CASES) >= 50


@pytest.mark.parametrize("case", CASES)
def test_the_value_is_shown_and_its_token_is_not_turned_into_it(
    case: list[str], pair: tuple[str, str], plain: Wire, masked: Wire
) -> None:
    raw, token = pair
    assert _shown(plain, case, raw, raw), "with the value itself it shows nothing either"
    assert _shown(masked, case, token, raw) == set()


_SHOWN = """
    id; name; card; '{token}'; upper('{token}'); card = '{token}'; current_query(); '{token}' || name
    coalesce(card, '{token}'); array['{token}', card]; (select '{token}'); max(card) over ()
    reverse('{token}')
"""
_WHERE = """
    card = '{token}'; card <> '{token}'; card in ('{token}'); card = any (array['{token}', 'x']); id < 4
    card like '{token}'; not card = '{token}'; upper(card) = '{token}'; '{token}' = card::text; name::int = 1
    id / (length('{token}') - 16) > 0; name <> '{token}'; '{token}'::date is null
"""
_FROM = st.sampled_from(
    ("customers", "(select * from customers) c", "(select id, name, card, '{token}' as t from customers) c")
)
_FORMS = st.sampled_from(
    (
        "select {} from {} where {}",
        "with q as (select {} as q from {} where {}) select * from q",
        "explain verbose select {} from {} where {}",
        "copy (select {} from {} where {}) to stdout",
        "select string_agg(q::text, ',') from (select {} from {} where {}) q",
    )
)


def _some(parts: str) -> st.SearchStrategy[list[str]]:
    each = [part.strip() for line in parts.strip().splitlines() for part in line.split(";")]
    return st.lists(st.sampled_from(each), min_size=1, max_size=3)


def test_random_statements_show_no_value(pair: tuple[str, str], plain: Wire, masked: Wire) -> None:
    raw, token = pair
    told = 0

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(_FORMS, _some(_SHOWN), _FROM, _some(_WHERE))
    def check(form: str, shown: list[str], source: str, conditions: list[str]) -> None:
        nonlocal told
        statement = form.format(", ".join(shown), source, " or ".join(conditions))
        told += bool(_shown(plain, [statement], raw, raw))
        assert _shown(masked, [statement], token, raw) == set()

    check()
    assert told > 10, "statements that would show nothing anyway prove nothing"


async def test_no_value_of_a_token_is_written_down(gateway: Gateway, postgres: Postgres) -> None:
    """In no topic, no table and no log: of a value that no other test reads."""
    raw = "only-behind-a-token-3141592653"
    with _wire(gateway, "tokens") as wire:
        ((database,),) = wire.simple("select current_database()").rows
        postgres.execute(
            f"create table payments_kept as select 1 as id, '{raw}' as card;"
            "grant all on payments_kept to app",
            (database or b"").decode(),
        )
        wire.simple("create temporary table payments_seen ()")  # after it what was made is known here
        ((token,),) = wire.simple("select card from payments_kept").rows
        assert token is not None
        held = token.decode()
        mark = "select id as kept_by_a_token from payments_kept where card"
        for statement in (f"= '{held}'", f"in ('{held}', '{held}')", f"= any (array['{held}'])"):
            assert wire.simple(f"{mark} {statement}").rows == [[b"1"]]
        assert wire.extended(f"{mark} = $1", [held]).rows == [[b"1"]]
        assert wire.extended(f"{mark} = any ($1)", [f"{{{held}}}"]).rows == [[b"1"]]
        wire.simple("begin")
        wire.simple(f"declare kept cursor for {mark} = '{held}'")
        assert wire.simple("fetch all from kept").rows == [[b"1"]]
        wire.simple("commit; set log_parameter_max_length_on_error = -1")
        assert not wire.extended(f"{mark} = any ($1) and card::int = 1", [f"{{{held}}}"]).rows
        wire.simple(LAST)
    await eventually(lambda: _projected(gateway), seconds=90, what="all commands in the audit log")
    written = await all_written(gateway)
    assert {"countersign.recordings", "commands", "ingress.log"} <= set(written)
    assert written["commands"].count(held.encode()) >= 7, "the tokens themselves are on record"
    assert [place for place, data in written.items() if raw.encode() in data] == []


def _projected(gateway: Gateway) -> bool:
    asked = f"select count() as n from commands where text = '{LAST}' and outcome = 'succeeded'"
    (row,) = gateway.audit(asked)
    return int(row["n"]) == 1


async def test_no_text_of_a_statement_has_the_value(
    gateway: Gateway, postgres: Postgres, pair: tuple[str, str], masked: Wire
) -> None:
    """What the target shows of others' statements, and what is on record of them."""
    raw, token = pair
    mark = "select id as looked_up from customers where card = "
    assert masked.simple(f"{mark}'{token}'").rows == [[b"2"]]
    asked = "select query from pg_stat_activity where query like '%looked_up%' and pid <> pg_backend_pid()"
    seen = postgres.execute(asked, "postgres")
    assert "card =  $1" in seen
    assert raw not in seen
    connection = await asyncpg.connect(gateway.conninfo("tokens", AGENT))
    prepared = await connection.prepare(f"{mark}'{token}' and id = $1", name="held")
    assert await prepared.fetchval(2) == 2
    shown = await connection.fetchval("select statement from pg_prepared_statements where name = 'held'")
    assert raw not in (shown or "")
    await connection.close()
