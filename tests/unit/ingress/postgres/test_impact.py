import json

import pytest
from support.conversations import play, query
from support.playbook import ENDED, GUARD, complete, ready, row

from ingress.interface import Estimated
from ingress.postgres.messages import SYNC, make, make_bind, make_error, make_execute, make_parse

DONE = [make(b"1"), make(b"2"), complete("X"), make(b"3"), make(b"3")]
UPDATE = {
    "Plan": {
        "Node Type": "ModifyTable",
        "Plan Rows": 0,
        "Total Cost": 8.5,
        "Plans": [{"Node Type": "Index Scan", "Plan Rows": 3, "Total Cost": 8.5}],
    }
}
SELECT = {"Plan": {"Node Type": "Limit", "Plan Rows": 7, "Total Cost": 1.5}}
RETURNED = {"Plan": {"Node Type": "CTE Scan", "Plan Rows": 9, "Total Cost": 2.0, "Plans": [UPDATE["Plan"]]}}


def answered(plan: object) -> list[bytes]:
    said = row(json.dumps([plan]).encode())
    return [make(b"1"), make(b"2"), said, complete("EXPLAIN"), make(b"3"), make(b"3")]


@pytest.mark.parametrize(("plan", "rows", "cost"), [(UPDATE, 3, 8.5), (SELECT, 7, 1.5), (RETURNED, 3, 2.0)])
def test_what_waits_is_estimated_without_running_it(plan: object, rows: int, cost: float) -> None:
    book = play(allow=False)
    book.client(query("update orders set note = 'x' where id = 1"))
    assert book.own_statements() == []
    book.wait(book.commands[0].id)
    assert book.own_statements() == [
        b"begin read only",
        b"explain (format json) update orders set note = 'x' where id = 1",
        b"rollback",
    ]
    book.target(*DONE, *answered(plan), ready(b"T"), *DONE, ready())
    assert book.of(Estimated) == [Estimated(book.commands[0].id, rows, cost)]
    assert (book.kinds_to_target(), book.kinds_to_client()) == ("", "N")
    book.allow(book.commands[0].id, approval="a1")
    assert book.kinds_to_target() == "Q"


def test_with_its_bound_values() -> None:
    book = play(allow=False)
    parse = make_parse(b"", b"delete from orders where id = $1")
    book.client(parse, make_bind(b"", b"", (), (b"7",)), make_execute(b""), SYNC)
    book.wait(book.commands[-1].id)
    own = [message for message in book.own_messages() if message.kind == b"B"]
    assert any(b"7" in message.body for message in own)


def test_where_the_planner_errs_nobody_is_told_and_it_waits_on() -> None:
    book = play(allow=False)
    book.client(query("update orders set note = 'x' where id = 1"))
    book.wait(book.commands[0].id)
    book.target(*DONE, make_error("42703", "no such column"), ready(b"E"), *DONE, ready())
    assert book.of(Estimated) == []
    assert book.kinds_to_client() == "N"
    book.allow(book.commands[0].id, approval="a1")
    assert book.kinds_to_target() == "Q"


def test_an_answer_that_comes_after_the_decision_is_not_in_its_way() -> None:
    book = play(allow=False)
    book.client(query("update orders set note = 'x' where id = 1"))
    book.wait(book.commands[0].id)
    book.allow(book.commands[0].id, approval="a1")
    assert book.kinds_to_target() == "Q"
    book.target(*DONE, *answered(UPDATE), ready(b"T"), *DONE, ready())
    book.target(*GUARD, complete("UPDATE 1"), ready(b"T"), *ENDED)
    assert book.kinds_to_client() == "NNCZ"


@pytest.mark.parametrize(
    "text",
    ["select nobody_knows(id) from orders", "lock table orders", "update orders set note = nobody_knows()"],
)
def test_what_planning_might_run_is_not_asked_about(text: str) -> None:
    book = play(allow=False)
    book.client(query(text))
    book.wait(book.commands[0].id)
    assert book.own_statements() == []


def test_in_the_clients_transaction_it_is_not_asked_about() -> None:
    book = play(allow=False)
    book.client(query("begin"))
    book.allow(book.commands[0].id)
    book.target(complete("BEGIN"), ready(b"T"))
    book.status = b"T"
    book.client(query("update orders set note = 'x' where id = 1"))
    book.wait(book.commands[-1].id)
    assert book.own_statements() == []


def test_while_it_is_asked_no_transaction_of_the_clients_is_open() -> None:
    book = play(allow=False)
    book.client(query("update orders set note = 'x' where id = 1"))
    book.wait(book.commands[0].id)
    book.target(*DONE, *answered(UPDATE), ready(b"T"))
    book.client(query("update orders set note = 'y' where id = 2"))
    assert not book.commands[-1].holds_commit
    assert {item.name: item.value for item in book.commands[-1].context}["transaction"] == "none"
