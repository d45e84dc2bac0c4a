import traceback
from datetime import UTC, datetime

import pytest
from support.commands import NOW, READ, command

from processors.policy.command import Resource
from processors.policy.expression import ExpressionFailed, check_expression, compile_expression
from schemas.vocabulary import Facts, Intent


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "principal.name == 'agent-7' && principal.kind == 'agent'",
        "'agents' in principal.groups",
        "resource.name == 'orders' && resource.labels.env == 'prod'",
        "command.text.startsWith('select') && command.text.matches('^sel.*orders$')",
        "command.intents == ['read'] && 'select' in command.statements",
        "command.tables.all(table, table.startsWith('public.'))",
        "size(command.columns) == 1 && size(command.functions) == 0 && size(command.programs) == 0",
        "context.role == 'app'",
        "has(context.role) && !has(context.nothing)",
        "client.address.startsWith('10.1.')",
        "now.getHours('Europe/Berlin') == 10 && now.getDayOfWeek() == 1",
        "now > timestamp('2026-03-01T00:00:00Z')",
    ],
)
def test_every_variable_is_there(text: str) -> None:
    assert compile_expression(text)(command(context={"role": "app"}), NOW) is True
    assert check_expression(text) is None


def test_the_answer_is_that_of_the_command() -> None:
    holds = compile_expression("size(command.tables) > 1")
    assert not holds(command(READ), NOW)
    assert holds(command(Facts((Intent.READ,), tables=("public.a", "public.b"))), NOW)


@pytest.mark.parametrize("text", ["", "(", "principal.name ==", "a b", "when user is dana"])
def test_what_is_not_cel_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a CEL expression"):
        compile_expression(text)
    assert check_expression(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("principal", "true or false"),
        ("command.text", "true or false"),
        ("1", "true or false"),
        ("user == 'dana'", "user: no such variable or function"),
        ("lookup(command.text)", "lookup: no such variable or function"),
        ("true || user == 'dana'", "user: no such variable or function"),
        ("command.tables.all(t, t.lower() == x)", "lower, x: no such variable or function"),
    ],
)
def test_what_can_never_be_answered_is_found_by_a_check(text: str, wrong: str) -> None:
    found = check_expression(text)
    assert found is not None
    assert wrong in found


@pytest.mark.parametrize("text", ["resource.labels.tier == 'gold'", "context.role == 'app'"])
def test_what_depends_on_the_command_is_no_mistake(text: str) -> None:
    assert check_expression(text) is None
    with pytest.raises(ExpressionFailed):
        compile_expression(text)(command(resource=Resource("orders", {})), NOW)


def test_a_failure_tells_nothing_of_the_command() -> None:
    secret = "select 'hunter2'"
    for text in ("context.nothing == 'x'", "command.text + 1 == 2", "command.text", "int(command.text) > 1"):
        with pytest.raises(ExpressionFailed) as failure:
            compile_expression(text)(command(text=secret), datetime(2026, 1, 1, tzinfo=UTC))
        assert "hunter2" not in str(failure.value)
        shown = "".join(traceback.format_exception(failure.value))
        assert "hunter2" not in shown
