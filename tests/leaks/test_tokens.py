"""Every way to turn a token into its value that tokens.yaml knows: with the value, and with a token of it."""

from collections.abc import Iterator

import asyncpg
import pytest
from ruamel.yaml import YAML
from support.builders import AGENT, DANA
from support.gateway import Gateway
from support.leaks import WHERE
from support.postgres import Postgres
from support.raw_values import RawValues
from support.wire import Wire

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
    values, found = RawValues([raw], [raw]), set()
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
