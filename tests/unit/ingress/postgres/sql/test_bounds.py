import pytest

from ingress.postgres.sql.bounds import bounds, is_bounded
from ingress.postgres.sql.tree import parse


def condition(text: str) -> bool:
    (source,) = parse(f"delete from t where {text}")
    return bounds(source.node["whereClause"])


@pytest.mark.parametrize(
    "text",
    [
        "id = 1",
        "id > 0",
        "a and true",
        "not a",
        "id in (1)",
        "a = 1 or b = 2",
        "current of c",
        "f(a)",
        "a is null",
        "a = b",
        "exists (select 1) and a",
        "a = (select max(a) from t)",
        "a like 'x%'",
        "row(a, b) = (1, 2)",
    ],
)
def test_bounded(text: str) -> None:
    assert condition(text)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "1 = 1",
        "not false",
        "'a' = 'a'",
        "a = a",
        "a >= a and true",
        "id is not null",
        "a = 1 or true",
        "f(1)",
        "$1",
        "a is null or a is not null",
        "exists (select 1)",
        "(select true)",
        "a like '%'",
        "a ilike '%'",
    ],
)
def test_true_of_every_row_by_its_form(text: str) -> None:
    assert not condition(text)


def test_no_where_has_no_bounds() -> None:
    assert not bounds(None)


@pytest.mark.parametrize(
    ("text", "bounded"),
    [
        ("select 1", True),
        ("values (1)", True),
        ("select * from t", False),
        ("select * from t limit 5", True),
        ("select * from t limit all", False),
        ("select * from t where id = 1", True),
        ("select * from t where true", False),
        ("select * from (select * from t limit 1) x", True),
        ("select * from (select * from t) x", False),
        ("select * from t union select 1", False),
        ("select 1 union select 2", True),
        ("select * from unnest($1) x", True),
        ("select * from generate_series(1, 5) x", False),
        ("select * from (values (1)) a join t on true", False),
    ],
)
def test_what_a_query_gives(text: str, bounded: bool) -> None:
    (source,) = parse(text)
    assert is_bounded(source.node) == bounded
