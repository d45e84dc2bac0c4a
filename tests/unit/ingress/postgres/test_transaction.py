"""Statements that run before their review, and the COMMIT that is held for it."""

import pytest
from support.conversations import play, query
from support.playbook import Playbook, complete, ready, row, texts

from ingress.interface import Abandon
from ingress.postgres.messages import (
    SYNC,
    make,
    make_bind,
    make_error,
    make_execute,
    make_parse,
    parse_fields,
)
from ingress.postgres.transaction import MOST
from schemas.digest import commit_digest
from schemas.vocabulary import Lock, Obligations

FIRST = Obligations(at_commit=True)
SECOND_ROW = row(b"public", b"orders", b"RowExclusiveLock")
UPDATE = "update orders set note = 'x' where id = 1"


def answered(*rows: bytes) -> list[bytes]:
    """The target's answer to one question of the gateway's, which it asked by itself."""
    return [make(b"1"), make(b"2"), *rows, complete("SELECT 1"), make(b"3"), make(b"3")]


def begun(*, updates: int = 1) -> Playbook:
    """A session with an open transaction, in which statements ran before their review."""
    book = play(allow=False)
    book.client(query("begin"))
    book.allow(book.commands[-1].id)
    book.target(complete("BEGIN"), ready(b"T"))
    book.status = b"T"
    for _ in range(updates):
        book.client(query(UPDATE))
        book.allow(book.commands[-1].id, FIRST)
        book.target(complete("UPDATE 2"), ready(b"T"))
    book.to_target()
    book.to_client()
    book.own_messages()
    return book


def asked_to_commit(book: Playbook, text: str = "commit") -> None:
    book.client(query(text))
    book.target(*answered(SECOND_ROW), ready(b"T"))


class TestCommit:
    def test_it_is_asked_about_with_what_ran(self) -> None:
        book = begun(updates=2)
        before = len(book.commands)
        book.client(query("commit"))
        assert len(book.commands) == before, "first the target says what is locked"
        book.target(*answered(SECOND_ROW), ready(b"T"))
        command = book.commands[-1]
        assert command.transaction is not None
        assert [one.rows for one in command.transaction.statements] == [2, 2]
        assert command.transaction.locks == (Lock("public.orders", "RowExclusiveLock"),)
        assert book.kinds_to_target() == ""

    def test_its_digest_covers_the_statements_in_their_order(self) -> None:
        book = begun(updates=2)
        plain = play(allow=False)
        plain.status = b"T"
        asked_to_commit(book)
        one, two = book.commands[1], book.commands[2]
        found = book.commands[-1].digest
        assert found != commit_digest("", [one.digest, two.digest])
        assert commit_digest("a", ["b", "c"]) != commit_digest("a", ["c", "b"])
        assert commit_digest("a", ["b"]) != commit_digest("a", ["b", "b"])

    def test_approved_it_goes_to_the_target(self) -> None:
        book = begun()
        asked_to_commit(book)
        book.allow(book.commands[-1].id, approval="a1")
        assert texts(book.to_target()) == ["commit"]
        book.target(complete("COMMIT"), ready())
        assert book.kinds_to_client() == "NCZ"
        book.client(query("commit"))
        assert book.commands[-1].transaction is None, "the transaction is over"

    def test_refused_it_is_rolled_back_before_the_client_is_told(self) -> None:
        book = begun()
        asked_to_commit(book)
        book.own_statements()
        book.refuse(book.commands[-1].id)
        assert book.own_statements() == [b"rollback"]
        assert (book.kinds_to_target(), book.kinds_to_client()) == ("", "")
        book.target(*answered(), ready())
        error, end = book.to_client()
        assert parse_fields(error.body)["H"] == "The transaction was rolled back: nothing of it lasts."
        assert (end.kind, end.body) == (b"Z", b"I")

    def test_when_the_permission_has_expired_it_is_rolled_back(self) -> None:
        book = begun()
        asked_to_commit(book)
        book.own_statements()
        book.expired.add(book.commands[-1].id)
        book.allow(book.commands[-1].id)
        assert book.own_statements() == [b"rollback"]
        assert book.kinds_to_target() == ""

    def test_of_a_failed_transaction_it_is_asked_about_as_any_command(self) -> None:
        book = begun()
        book.client(query("select 1"))
        book.allow(book.commands[-1].id)
        book.target(make_error("22012", "division by zero"), ready(b"E"))
        book.client(query("commit"))
        assert book.commands[-1].text == "commit"
        assert book.commands[-1].transaction is None

    def test_in_a_series_it_waits_for_the_answers_before_it(self) -> None:
        book = play(allow=False)
        book.client(*execute("begin"), *execute(UPDATE), *execute("commit"), SYNC)
        assert [one.text for one in book.commands] == ["begin", UPDATE], (
            "the COMMIT is asked about in its turn"
        )
        book.allow(book.commands[0].id)
        book.allow(book.commands[1].id, FIRST)
        assert book.kinds_to_target() == "PBDEH"
        book.target(make(b"1"), make(b"2"), make(b"n"), complete("BEGIN"))
        assert book.kinds_to_target() == "PBDEH"
        book.target(make(b"1"), make(b"2"), make(b"n"), complete("UPDATE 1"))
        book.target(*answered(SECOND_ROW))
        command = book.commands[-1]
        assert command.transaction is not None
        assert [one.text for one in command.transaction.statements] == [UPDATE]
        book.own_statements()
        book.refuse(command.id)
        assert book.own_statements() == [b"rollback"]
        book.to_client()
        book.target(*answered(), ready())
        assert book.kinds_to_client() == "EZ"


class TestStatements:
    def test_one_whose_transaction_is_not_open_is_not_sent(self) -> None:
        book = play(allow=False)
        book.client(query("begin"), query(UPDATE))
        begin, update = book.commands
        assert update.holds_commit, "it will be open"
        book.allow(update.id, FIRST)
        book.refuse(begin.id)
        assert book.kinds_to_target() == ""
        assert [parse_fields(one.body)["C"] for one in book.to_client() if one.kind == b"E"] == [
            "42501",
            "55000",
        ]
        assert "is not open" in book.of(Abandon)[-1].reason

    @pytest.mark.parametrize(
        ("text", "holds"),
        [
            (UPDATE, True),
            (f"{UPDATE}; {UPDATE}", True),
            (f"{UPDATE}; commit", False),
            (f"{UPDATE}; commit; begin", False),
            (f"rollback; begin; {UPDATE}", False),
            ("commit", False),
            ("rollback", False),
            ("prepare transaction 'p'", False),
            ("savepoint s", True),
        ],
    )
    def test_what_can_be_held_back_later(self, text: str, holds: bool) -> None:
        book = begun(updates=0)
        before = len(book.commands)
        book.client(query(text))
        assert {one.holds_commit for one in book.commands[before:]} == {holds}

    def test_outside_a_transaction_nothing_can(self) -> None:
        book = play(allow=False)
        book.client(query(UPDATE), query("begin"), query("rollback"))
        assert [one.holds_commit for one in book.commands] == [False] * 3

    def test_more_than_anybody_reads_are_refused(self) -> None:
        book = begun(updates=MOST - 1)
        book.client(query(UPDATE))
        book.allow(book.commands[-1].id, FIRST)
        assert "too many for a reviewer to read" in book.of(Abandon)[-1].reason

    def test_the_client_is_told_once_that_the_commit_will_be_held(self) -> None:
        book = begun(updates=0)
        for kinds in ("NCZ", "CZ"):
            book.client(query(UPDATE))
            book.allow(book.commands[-1].id, FIRST)
            book.target(complete("UPDATE 1"), ready(b"T"))
            assert book.kinds_to_client() == kinds


def execute(text: str) -> list[bytes]:
    return [make_parse(b"", text.encode()), make_bind(b"", b""), make_execute(b"")]
