import inspect
import re

from projections import queries


def functions() -> set[str]:
    return {
        name
        for name, value in vars(queries).items()
        if inspect.iscoroutinefunction(value) and not name.startswith("_")
    }


def test_every_query_has_a_function_and_a_sentence() -> None:
    found = queries.all_queries()
    assert set(found) == functions()
    for query in found.values():
        assert re.fullmatch(r"[A-Z].+\.", query.sentence)
        assert query.sql.startswith("SELECT")
        assert ";" not in query.sql


def test_nothing_is_put_into_a_query_but_by_parameters() -> None:
    for query in queries.all_queries().values():
        assert "%" not in query.sql
        assert re.findall(r"\{(?!\w+:\w+(?:\(\w+\))?\})", query.sql) == []
