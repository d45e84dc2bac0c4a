"""Which commands get a role of their own: what the real server does then is in tests/credentials."""

from dataclasses import replace

import pytest
from support.catalogues import sample_catalogue
from support.facts import CONTEXT

from ingress.gate import Allowed
from ingress.interface import Narrow
from ingress.postgres.beforehand import Refuse, Standing, Wait
from ingress.postgres.execution import Execution, Expected, Group, Kind
from ingress.postgres.judge import FactsCache, Judge, Subject
from ingress.postgres.narrowing import Narrowing, Needs, NotNarrowed
from schemas.vocabulary import Obligations

IDLE = Standing(b"I", ran=False, sent=False, expected=(), in_block=False, is_full=False)


def judge(*path: str) -> Judge:
    made = Judge(
        Subject("agent-7", "orders", "orders", (), ()), FactsCache(), lambda: "c1", sample_catalogue()
    )
    made.context = replace(CONTEXT, search_path=path or CONTEXT.search_path)
    return made


def group(executions: list[Execution], approval: str = "a1") -> Group:
    for execution in executions:
        execution.allowed = Allowed(Obligations(), approval, ("dana",), "")
    return Group([b""], [Expected(Kind.QUERY, executions)], executions, simple=True)


def step(sql: str, privileges: str = "facts", *, approval: str = "a1") -> object:
    asked = judge()
    return Narrowing(privileges, "app").before([group(asked.query(sql), approval)], IDLE, asked)


def test_an_approved_command_gets_what_it_needs() -> None:
    asked = step("update orders set note = 'x' where id = 1")
    assert isinstance(asked, Narrow)
    assert isinstance(asked.needs, Needs)
    assert sorted((need.privilege, need.column) for need in asked.needs.privileges) == [
        ("select", "id"),
        ("update", "note"),
    ]
    assert asked.needs.schemas == ("public",)
    assert not asked.needs.goes_on


@pytest.mark.parametrize("privileges", ["facts", "facts_or_role"])
def test_what_nobody_was_asked_about_runs_as_before(privileges: str) -> None:
    assert step("delete from orders where id = 1", privileges, approval="") is None
    assert step("delete from orders where id = 1", "role") is None


@pytest.mark.parametrize(
    "sql", ["create table made (id int)", "drop table orders", "commit", "set role none"]
)
def test_what_needs_an_owner_acts_as_the_configured_role(sql: str) -> None:
    assert step(sql) is None


@pytest.mark.parametrize(
    "sql",
    [
        "delete from nowhere",
        "delete from orders where id = 1; delete from orders where id = 2",
        "create table made (id int); delete from orders where id = 2",
        "do $$ begin drop table orders; end $$",
        "select current_user",
        "select user, note from orders",
        "select pg_has_role('app', 'member')",
    ],
)
def test_what_facts_cannot_say_is_refused_or_acts_as_the_role(sql: str) -> None:
    assert isinstance(step(sql), Refuse)
    assert step(sql, "facts_or_role") is None


def test_a_schema_of_the_role_itself_on_the_path_is_refused() -> None:
    asked = judge("pg_catalog", "app", "public")
    refused = Narrowing("facts", "app").before([group(asked.query("delete from orders"))], IDLE, asked)
    assert isinstance(refused, Refuse)
    assert "$user" in refused.reason


def test_it_waits_until_it_is_told_and_is_refused_with_the_reason() -> None:
    narrowing, asked = Narrowing("facts", "app"), judge()
    groups = [group(asked.query("delete from orders where id = 1"))]
    assert isinstance(narrowing.before(groups, IDLE, asked), Narrow)
    assert narrowing.before(groups, IDLE, asked) == Wait()
    narrowing.told(NotNarrowed("the maker may not", "grant it"))
    refused = narrowing.before(groups, IDLE, asked)
    assert isinstance(refused, Refuse)
    assert refused.reason == "the maker may not"
    assert not narrowing.holds_back


def test_it_is_given_back_where_the_command_is_not_sent_after_all() -> None:
    narrowing, asked = Narrowing("facts", "app"), judge()
    groups = [group(asked.query("delete from orders where id = 1"))]
    narrowing.before(groups, IDLE, asked)
    narrowing.told("cs_agent-7_1")
    assert narrowing.before(groups, IDLE, asked) is None
    assert narrowing.leave((), IDLE, failed=False) == Narrow("c1", None)
    assert narrowing.holds_back
    narrowing.told(None)
    assert narrowing.leave((), IDLE, failed=False) is None
    assert not narrowing.holds_back


def test_a_transaction_that_goes_on_acts_as_before() -> None:
    narrowing, asked = Narrowing("facts", "app"), judge()
    groups = [group(asked.query("delete from orders where id = 1"))]
    in_block = replace(IDLE, status=b"T", in_block=True)
    step = narrowing.before(groups, in_block, asked)
    assert isinstance(step, Narrow)
    assert isinstance(step.needs, Needs)
    assert step.needs.goes_on
    narrowing.told("cs_agent-7_1")
    entered = narrowing.enter(groups[0])
    answer = entered.expected[0].answer
    assert answer is not None
    answer.rows.append((b"app", b"cs_agent-7_1"))
    assert narrowing.leave((), replace(in_block, expected=entered.expected), failed=False) is None
    assert narrowing.leave((), in_block, failed=False) == Narrow("c1", None)
    narrowing.told(None)
    back = narrowing.leave((), in_block, failed=False)
    assert back is not None
    assert not isinstance(back, Narrow)
    assert any(b"app" in message for message in back.messages)
