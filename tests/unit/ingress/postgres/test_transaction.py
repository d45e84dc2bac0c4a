"""Statements that run before their review, and the COMMIT that is held for it."""

import pytest
from support.conversations import play, query
from support.playbook import Playbook, complete, ready, row, texts

from ingress.interface import Abandon, AskBeside
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
from schemas.vocabulary import ChangedRows, Lock, Obligations, SampledRow

FIRST = Obligations(at_commit=True)
COUNTED = row(b"public", b"orders", b"0", b"2", b"0")
LOCKED = row(b"public", b"orders", b"RowExclusiveLock")
UPDATE = "update orders set note = 'x' where id = 1"


def answered(*rows: bytes) -> list[bytes]:
    """The target's answer to one question of the gateway's, which it asked by itself."""
    return [make(b"1"), make(b"2"), *rows, complete("SELECT 1"), make(b"3"), make(b"3")]


def begun(*, updates: int = 1, first: Obligations = FIRST) -> Playbook:
    """A session with an open transaction, in which statements ran before their review."""
    book = play(allow=False)
    book.client(query("begin"))
    book.allow(book.commands[-1].id)
    book.target(complete("BEGIN"), ready(b"T"))
    book.status = b"T"
    for _ in range(updates):
        book.client(query(UPDATE))
        book.allow(book.commands[-1].id, first)
        book.target(complete("UPDATE 2"), ready(b"T"))
    book.to_target()
    book.to_client()
    book.own_messages()
    return book


def asked_to_commit(book: Playbook, text: str = "commit") -> None:
    book.client(query(text))
    book.target(*answered(LOCKED), *answered(COUNTED), ready(b"T"))


class TestCommit:
    def test_it_is_asked_about_with_what_ran(self) -> None:
        book = begun(updates=2)
        before = len(book.commands)
        book.client(query("commit"))
        assert len(book.commands) == before, "first the target says what is locked"
        book.target(*answered(LOCKED), *answered(COUNTED), ready(b"T"))
        command = book.commands[-1]
        assert command.transaction is not None
        assert [one.rows for one in command.transaction.statements] == [2, 2]
        assert command.transaction.locks == (Lock("public.orders", "RowExclusiveLock"),)
        assert command.transaction.changed == (ChangedRows("public.orders", 0, 2, 0),)
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
        book.target(*answered(LOCKED), *answered(COUNTED))
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


class TestSample:
    """Rows of the transaction, where the rule asks for them."""

    COLUMN = row(b"42", b"public", b"orders", b"1", b"id", b"23", b"integer", b"t")

    def read_columns(self) -> Playbook:
        book = begun(first=Obligations(at_commit=True, sample=2))
        book.client(query("commit"))
        book.target(*answered(LOCKED), *answered(COUNTED), *answered(self.COLUMN), ready(b"T"))
        return book

    def test_they_are_read_behind_a_savepoint_and_beside_the_connection(self) -> None:
        book = self.read_columns()
        asked = len(book.commands)
        own = [text.split()[0] for text in book.own_statements()[3:]]
        assert own == [b"savepoint", b"select", b"select", b"select", b"rollback", b"release"]
        read = [answered(), answered(row(b"on")), answered(row(b"700")), answered(row(b"1", b"1"))]
        book.target(*(part for answer in read for part in answer), ready(b"T"))
        book.target(make(b"3"), *answered(), *answered(), ready(b"T"))
        (beside,) = book.of(AskBeside)
        assert [question.parameter for question in beside.questions] == ['[["1"]]']
        assert len(book.commands) == asked, "first it is known what was there before"
        book.conversation.answered_beside([[(b"1", b"1")]])
        book.client()
        transaction = book.commands[-1].transaction
        assert transaction is not None
        assert [one.sample for one in transaction.changed] == [(SampledRow(("1",), ("1",)),)]

    def test_what_the_target_refuses_is_taken_back_and_the_commit_held_without_them(self) -> None:
        book = self.read_columns()
        book.target(*answered(), *answered(row(b"on")), make_error("57014", "too long"), ready(b"E"))
        book.target(make(b"3"), *answered(), *answered(), ready(b"T"))
        transaction = book.commands[-1].transaction
        assert transaction is not None
        assert "did not let it be read" in transaction.changed[0].not_sampled
        assert book.of(AskBeside) == []
        assert book.to_client() == []
        book.refuse(book.commands[-1].id)
        assert book.own_statements()[-1] == b"rollback"

    def test_who_leaves_meanwhile_is_not_asked_about(self) -> None:
        book = self.read_columns()
        asked = len(book.commands)
        book.client(make(b"X"))
        book.conversation.answered_beside([[]])
        book.client()
        assert len(book.commands) == asked
