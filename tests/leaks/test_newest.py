"""Ways to read masked values that only the newest PostgreSQL has (newest.yaml), and old ways on it."""

from collections.abc import Iterator

import pytest
from support.leaks import Case, Run, cases, run_of, running_world
from support.postgres import running_newest_postgres

CASES = cases("newest.yaml")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with (
        running_newest_postgres() as postgres,
        running_world(postgres, tmp_path_factory.mktemp("newest")) as world,
    ):
        yield run_of(world, CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_way_leaks_directly_and_not_through_the_gateway(case: Case, run: Run) -> None:
    run.holds(case)
