from typing import Any

import pytest
from support.conversations import play, query
from support.playbook import ENDED, GUARD, Playbook, complete, ready, row

from ingress.interface import Abandon, Finish
from ingress.postgres.messages import (
    SYNC,
    make,
    make_bind,
    make_error,
    make_execute,
    make_parse,
    parse_fields,
)
from schemas.vocabulary import MaskingPlan, Obligations, Outcome, SensitiveColumn

HIDING = Obligations(masking=MaskingPlan(columns=(SensitiveColumn("public.customers.card", "card"),)))
READ = "select note || '!' from orders"
PARSED = [make(b"3"), make(b"1"), make(b"3")]
COMPARED = [*PARSED, make(b"1"), make(b"2")]
DIFFERS = make_error("22012", "division by zero")


def session(status: bytes = b"I") -> Playbook:
    book = play(obligations=HIDING)
    if status == b"T":
        book.client(query("begin"))
        book.target(complete("BEGIN"), ready(b"T"))
        book.status = b"T"
        book.to_target()
        book.to_client()
    return book


def said(book: Playbook) -> list[tuple[str, str]]:
    """To the client: kinds of messages, and the SQLSTATE of errors."""
    return [
        (message.kind.decode(), parse_fields(message.body)["C"] if message.kind == b"E" else "")
        for message in book.to_client()
    ]


def ended(book: Playbook) -> list[Any]:
    return [(one.outcome, one.error_code) for one in book.of(Finish)]


def test_what_a_command_names_is_locked_and_compared_before_it_runs() -> None:
    book = session()
    book.client(query(READ))
    naming, comparison = book.own_statements()
    assert naming == b'select from "public"."orders"'
    assert b"pg_identify_object(1259, 16400, 0)" in comparison
    assert b"pg_identify_object(1259, 16400, 2)" in comparison  # note; id is not touched
    assert b"16400, 1)" not in comparison
    assert b"public".hex().encode() in comparison
    assert book.kinds_to_target() == "Q"
    book.target(*GUARD, complete("SELECT 0"), ready(b"T"), *ENDED)
    assert said(book) == [("C", ""), ("Z", "")]


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "select count(*) from pg_class",
        "begin",
        "vacuum orders",
        "select nobody(note) from orders",
    ],
)
def test_what_depends_on_no_name_of_a_users_or_is_masked_whatever_it_means_is_not_asked_about(
    text: str,
) -> None:
    book = session()
    book.client(query(text))
    assert book.own_statements() == []


def test_without_sensitive_columns_nothing_is_asked_unless_somebody_approved_it() -> None:
    book = play(allow=False)
    book.client(query(READ))
    book.allow(book.commands[0].id)
    assert book.own_statements() == []
    book.target(complete("SELECT 0"), ready())
    book.client(query(READ))
    book.allow(book.commands[1].id, approval="a1")
    assert len(book.own_statements()) == 2


@pytest.mark.parametrize(
    "answers",
    [
        [make(b"3"), make_error("42P01", 'relation "public.orders" does not exist')],
        [*COMPARED, DIFFERS],
    ],
    ids=["gone", "another"],
)
def test_where_they_mean_something_else_a_simple_query_fails(answers: list[bytes]) -> None:
    book = session()
    book.client(query(READ), query("select 1"))
    assert book.kinds_to_target() == "Q"  # what follows waits
    book.target(*answers)
    assert book.kinds_to_target() == "SQ"
    book.target(ready())
    assert said(book) == [("E", "40001"), ("Z", "")]
    assert ended(book) == [(Outcome.FAILED, "40001")]
    book.target(complete("SELECT 1"), ready())
    assert said(book) == [("C", ""), ("Z", "")]


def test_of_several_statements_none_runs() -> None:
    book = session()
    book.client(query(f"select 1; {READ}; select 2"))
    book.target(*COMPARED, DIFFERS)
    book.target(ready())
    assert said(book) == [("E", "40001"), ("Z", "")]
    assert sorted(ended(book)) == sorted(
        [(Outcome.FAILED, "40001"), (Outcome.FAILED, ""), (Outcome.FAILED, "")]
    )


def test_a_series_fails_at_it_and_its_sync_ends_it() -> None:
    book = session(b"T")
    book.client(make_parse(b"", READ.encode(), ()), make_bind(b"", b""), make_execute(b""), SYNC)
    book.target(*COMPARED, DIFFERS, ready(b"E"))
    assert [kind for kind, _ in said(book)][-2:] == ["E", "Z"]
    assert ended(book)[-1] == (Outcome.FAILED, "40001")
    assert "S" in book.kinds_to_target()
    assert book.of(Abandon) == []


def test_who_is_cancelled_while_it_waits_for_the_locks_is_told_so() -> None:
    book = session()
    book.client(query(READ))
    book.target(make(b"3"), make_error("57014", "canceling statement due to user request"))
    book.target(ready())
    assert said(book) == [("E", "57014"), ("Z", "")]


def test_rows_pass_after_it() -> None:
    book = session()
    book.client(query("select note from orders"))
    book.target(*GUARD, row(b"x"), complete("SELECT 1"), ready(), *ENDED)
    assert [kind for kind, _ in said(book)] == ["D", "C", "Z"]


def test_what_cannot_be_committed_is_said_before_the_target_is_ready() -> None:
    book = session()
    book.client(query("update orders set note = note"))
    book.target(*GUARD, complete("UPDATE 1"), ready(b"T"))
    assert [kind for kind, _ in said(book)] == ["C"]
    book.target(*map(make, (b"3", b"1", b"2")), make_error("23505", "it is there already"), ready())
    assert said(book) == [("E", "23505"), ("Z", "")]
    book.client(query("select 1"))
    assert book.kinds_to_target() == "Q"


def test_a_text_that_begins_a_transaction_itself_is_not_ended() -> None:
    book = session()
    book.client(query("begin; select note from orders"))
    assert book.own_statements() == []
    book.target(complete("BEGIN"), row(b"x"), complete("SELECT 1"), ready(b"T"))
    assert [kind for kind, _ in said(book)] == ["C", "D", "C", "Z"]
