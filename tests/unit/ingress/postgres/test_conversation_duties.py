"""The conversation, where a verdict obliges the gateway to ask the target something first."""

import json

import pytest
from support.playbook import ENDED, Playbook, complete, ready, row

from ingress.errors import TargetError
from ingress.interface import Abandon
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.messages import (
    SYNC,
    make,
    make_bind,
    make_error,
    make_execute,
    make_parse,
    parse_bind,
    parse_fields,
    parse_parse,
)
from ingress.postgres.sql.views import see_through
from schemas.vocabulary import LimitSource, Obligations

CHEAP = Obligations(cost=100.0, limited_by=(LimitSource("cost", "cheap"),))
LOOKING = Obligations(read_only=True, limited_by=(LimitSource("read_only", "looking"),))
DONE = [make(b"1"), make(b"2"), complete("X"), make(b"3"), make(b"3")]


def play(obligations: Obligations, status: bytes = b"I") -> Playbook:
    catalogue = Catalogue(
        version="1",
        server=15,
        database="orders",
        schemas=("pg_catalog", "public"),
        relations=(),
        functions=(),
        types=(),
        operators=(),
        see_through=see_through,
    )
    book = Playbook(catalogue, obligations=obligations)
    if status == b"T":
        book.client(query("begin"))
        book.target(complete("BEGIN"), ready(b"T"))
        book.status = b"T"
        book.to_target()
        book.to_client()
    return book


def query(text: str) -> bytes:
    return make(b"Q", text.encode() + b"\0")


def answered(*rows: bytes) -> list[bytes]:
    """The target's answer to one question of the gateway's."""
    return [make(b"1"), make(b"2"), *rows, complete("SELECT 1"), make(b"3"), make(b"3")]


def plan(cost: float) -> bytes:
    return row(json.dumps([{"Plan": {"Total Cost": cost}}]).encode())


def asked(book: Playbook) -> list[str]:
    """The gateway's own statements among what the target was sent since the last time."""
    return [text.decode() for text in book.own_statements()]


class TestCost:
    def test_it_is_asked_in_a_transaction_of_its_own_that_only_reads(self) -> None:
        book = play(CHEAP)
        book.client(query("select 1"))
        texts = asked(book)
        assert texts[0] == "begin read only"
        assert texts[2:] == ["explain (format json) select 1", "rollback"]
        assert book.kinds_to_target() == ""
        book.target(*DONE, *answered(), *answered(plan(99.5)), ready(b"T"), *DONE, ready())
        assert (book.kinds_to_target(), book.kinds_to_client()) == ("Q", "")

    def test_above_the_limit_it_does_not_run(self) -> None:
        book = play(CHEAP)
        book.client(query("select 1"))
        book.target(*DONE, *answered(), *answered(plan(100.5)), ready(b"T"), *DONE, ready())
        error, end = book.to_client()
        fields = parse_fields(error.body)
        assert fields["C"] == "54001"
        assert fields["M"] == 'refused by rule "cheap": its planned cost of 100 is above the limit of 100'
        assert json.loads(fields["D"])["limit"] == "cost"
        assert end.kind == b"Z"
        assert book.kinds_to_target() == ""
        (abandon,) = book.of(Abandon)
        assert "its planned cost of 100" in abandon.reason

    def test_with_the_bound_values_and_their_types(self) -> None:
        book = play(CHEAP)
        head = b"\0select $1\0\0\x01\0\0\0\x17"
        book.client(make(b"P", head), make(b"B", b"\0\0\0\0\0\x01\0\0\0\x017\0\0"), make_execute(b""), SYNC)
        own = [message for message in book.own_messages() if message.kind in b"PB"]
        explain = next(number for number, one in enumerate(own) if b"explain" in one.body)
        assert parse_parse(own[explain].body).types == (23,)
        assert parse_bind(own[explain + 1].body).parameters == (b"7",)

    def test_the_targets_error_has_its_place_in_the_clients_text(self) -> None:
        book = play(CHEAP)
        book.client(query("select x"))
        error = make_error("42703", 'column "x" does not exist', position=len("explain (format json) ") + 8)
        book.target(*DONE, *answered(), error, ready(b"E"), *DONE, ready())
        fields = parse_fields(book.to_client()[0].body)
        assert (fields["C"], fields["P"]) == ("42703", "8")

    def test_in_a_transaction_its_error_is_the_transactions(self) -> None:
        book = play(CHEAP, b"T")
        book.client(query("select x"))
        assert not any("begin" in text for text in asked(book))
        book.target(*answered(), make_error("42703", "no such column"), ready(b"E"))
        error, end = book.to_client()
        assert (error.kind, end.body) == (b"E", b"E")

    def test_what_the_session_set_is_not_believed(self) -> None:
        book = play(CHEAP)
        book.client(query("select 1"))
        setting = row(b"cpu_tuple_cost", b"0", b"0.01")
        book.target(*DONE, *answered(setting), *answered(plan(1)), ready(b"T"), *DONE, ready())
        assert "this session set cpu_tuple_cost" in parse_fields(book.to_client()[0].body)["M"]

    def test_a_second_command_of_a_series_is_asked_within_it(self) -> None:
        book = play(CHEAP)
        first = (make_parse(b"", b"select 1"), make_bind(b"", b""), make_execute(b""))
        book.client(*first, *first, SYNC)
        book.target(*DONE, *answered(), *answered(plan(1)), ready(b"T"), *DONE, ready())
        assert book.kinds_to_target() == "PBDEH"
        book.target(make(b"1"), make(b"2"), make(b"n"), complete("SELECT 1"))
        assert not any("begin" in text for text in asked(book)[3:])
        book.target(*answered(), make_error("22012", "division by zero"))
        assert book.kinds_to_client() == "12CE"
        book.target(ready())
        assert book.kinds_to_client() == "Z"


def test_what_cannot_be_kept_of_a_statement_refuses_it() -> None:
    """The configuration's check says so before; a rule that is in force all the same must not be ignored."""
    book = play(
        Obligations(block=("card_number",), limited_by=(LimitSource("block:card_number", "no cards"),))
    )
    book.client(query("select 1"))
    assert book.kinds_to_target() == ""
    (refusal, _) = book.to_client()
    assert refusal.kind == b"E"
    assert b"C0A000\0" in refusal.body
    assert b'"no cards"' in refusal.body


class TestReadOnly:
    def test_a_simple_query_runs_in_a_transaction_that_only_reads(self) -> None:
        book = play(LOOKING)
        book.client(query("select 1"))
        assert asked(book) == ["select pg_catalog.set_config('transaction_read_only', 'on', true)"]
        assert book.kinds_to_target() == "Q"
        book.target(*answered(row(b"on")), complete("SELECT 1"), ready(b"T"))
        assert book.kinds_to_client() == "C"
        book.target(*ENDED)
        assert book.kinds_to_client() == "Z"

    def test_in_the_clients_transaction_a_savepoint_ends_it(self) -> None:
        book = play(LOOKING, b"T")
        book.client(query("select 1"))
        assert [text.split()[0] for text in asked(book)] == ["savepoint", "select", "release"]
        book.target(*DONE, *answered(row(b"on")), complete("SELECT 1"), ready(b"T"), *DONE, ready(b"T"))
        assert book.kinds_to_client() == "CZ"

    def test_after_a_failure_there_is_nothing_to_release(self) -> None:
        book = play(LOOKING, b"T")
        book.client(query("select 1"))
        book.target(*DONE, *answered(row(b"on")), make_error("25006", "read-only"), ready(b"E"))
        book.target(make_error("25P02", "aborted"), ready(b"E"))
        assert book.kinds_to_client() == "EZ"

    @pytest.mark.parametrize(
        "text", ["commit; select 1", "select 1; rollback", "begin; select 1", "call p()", "do 'begin end'"]
    )
    def test_what_could_leave_it_is_refused(self, text: str) -> None:
        book = play(LOOKING)
        book.client(query(text))
        assert parse_fields(book.to_client()[0].body)["C"] == "25006"
        assert book.kinds_to_target() == ""

    def test_what_only_sets_up_a_session_is_as_before(self) -> None:
        book = play(LOOKING)
        book.client(query("begin"), query("set work_mem = '1MB'"))
        assert asked(book) == []

    def test_a_target_that_refuses_it_ends_the_session(self) -> None:
        book = play(LOOKING)
        book.client(query("select 1"))
        with pytest.raises(TargetError):
            book.target(make_error("42501", "permission denied for function set_config"))
