import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.postgres.cost import NotPlannable, plan_cost, plan_question

EXPLAIN = "explain (format json) "


@pytest.mark.parametrize(
    ("text", "asked", "shift"),
    [
        ("select 1", "select 1", len(EXPLAIN)),
        ("/* why */ select 1 -- end", "/* why */ select 1 -- end", len(EXPLAIN)),
        ("with gone as (delete from t returning *) select * from gone", None, len(EXPLAIN)),
        ("declare c cursor for select 1", None, len(EXPLAIN)),
        ("create table x as select 1", None, len(EXPLAIN)),
        ("execute p", None, len(EXPLAIN)),
        ("execute p(1, 'x'::text, null)", None, len(EXPLAIN)),
        ("explain analyze select 1", "select 1", None),
        ("explain analyze verbose (select 1)", "(select 1)", None),
        ("explain (analyze, format json) select 1", "select 1", None),
        ("EXPLAIN /* ( */ (ANALYZE) (select 1)", "(select 1)", None),
        ("explain analyze execute p", "execute p", None),
        ("copy (select ')' from t) to stdout", "(select ')' from t)", None),
        ("copy s.t to stdout", 'select * from only "s"."t"', None),
        ('copy "s""x".t (a, "B") to stdout', 'select "a", "B" from only "s""x"."t"', None),
    ],
)
def test_what_runs_is_what_is_planned(text: str, asked: str | None, shift: int | None) -> None:
    question = plan_question(text)
    assert question is not None
    assert (question.text, question.shift) == (EXPLAIN + (asked or text), shift)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "begin",
        "set work_mem = 1",
        "explain select 1",
        "copy t from stdin",
        "fetch 5 from c",
        "prepare p as select 1",
        "vacuum t",
    ],
)
def test_what_runs_nothing_that_is_planned_has_no_cost(text: str) -> None:
    assert plan_question(text) is None


@pytest.mark.parametrize(
    "text", ["execute p(f(1))", "execute p((select 1))", "explain analyze execute p(now())"]
)
def test_what_would_have_to_run_to_be_planned(text: str) -> None:
    with pytest.raises(NotPlannable, match="not constants"):
        plan_question(text)


def test_the_cost_is_that_of_all_plans() -> None:
    plans = b'[{"Plan": {"Total Cost": 10.5}}, {"Plan": {"Total Cost": 2}}]'
    assert plan_cost([(plans,)]) == 12.5
    assert plan_cost([(line,) for line in plans.replace(b", ", b",\n").split(b"\n")]) == 12.5


@given(st.lists(st.tuples(st.one_of(st.none(), st.binary())), max_size=3))
def test_a_plan_that_cannot_be_read_has_no_known_cost(rows: list[tuple[bytes | None, ...]]) -> None:
    assert plan_cost(rows) in (None, 0)
