"""Ways to read masked values that only the newest PostgreSQL has (newest.yaml), and old ways on it."""

from collections.abc import Iterator

import asyncpg
import pytest
from support.leaks import ANYONE, Case, Run, World, cases, run_of, running_world
from support.postgres import Postgres, running_newest_postgres

CASES = cases("newest.yaml")


@pytest.fixture(scope="module")
def newest() -> Iterator[Postgres]:
    with running_newest_postgres() as postgres:
        yield postgres


@pytest.fixture(scope="module")
def world(newest: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(newest, tmp_path_factory.mktemp("newest")) as world:
        yield world


@pytest.fixture(scope="module")
def run(world: World) -> Run:
    return run_of(world, CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_way_leaks_directly_and_not_through_the_gateway(case: Case, run: Run) -> None:
    run.holds(case)


async def test_a_simple_query_has_committed_when_it_is_answered(newest: Postgres, world: World) -> None:
    """What the gateway asks before it makes it a part of a series, which no Sync commits."""
    connection = await asyncpg.connect(world.gateway.conninfo("orders", ANYONE))
    assert await connection.execute("update customers set name = 'Ida' where id = 2") == "UPDATE 1"
    assert newest.execute("select name from customers where id = 2", world.database) == "Ida"
    assert not connection.is_in_transaction()
    await connection.execute("create table t_due (id int unique deferrable initially deferred, of text)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("insert into t_due select 1, name from customers where id < 3")
    assert not connection.is_in_transaction()
    await connection.execute("begin; insert into t_due select 1, name from customers where id = 1")
    assert connection.is_in_transaction()
    await connection.execute("rollback")
    assert newest.execute("select count(*) from t_due", world.database) == "0"
    open_ones = "select count(*) from pg_stat_activity where state = 'idle in transaction'"
    assert newest.execute(open_ones, world.database) == "0"
    await connection.execute("drop table t_due")
    await connection.close()
