"""Between a verdict and its release another session's DDL makes a command something else."""

import struct

import pytest
from support import conversations
from support.catalogues import CatalogueBuilder, sample_builder, sample_catalogue
from support.conversations import query
from support.playbook import Playbook

from ingress.interface import Abandon
from ingress.postgres.messages import SYNC, make, make_bind, make_execute, make_parse, parse_fields
from ingress.postgres.refusal import CHANGED_MEANWHILE
from schemas.vocabulary import Intent, Stage

INSERT = "insert into orders (id) values (1)"


def play() -> Playbook:
    return Playbook(sample_catalogue(), allow=False)


def calls(function: str) -> CatalogueBuilder:
    """The sample where an INSERT into orders calls this function by a trigger."""
    return sample_builder().calls("public.orders", "insert", function)


def alter(book: Playbook, function: str, version: str = "other") -> None:
    book.conversation.catalogue_news(calls(function).build(version=version))


def told(book: Playbook) -> list[str]:
    """The errors that its client was sent."""
    return [parse_fields(one.body)["M"] for one in book.to_client() if one.kind == b"E"]


def test_what_a_rule_allowed_is_asked_about_as_what_it_is_now() -> None:
    book = play()
    book.client(query(INSERT))
    alter(book, "public.forget")
    book.allow("c1")
    assert [one.command for one in book.of(Abandon)] == ["c1"]
    before, now = book.commands
    assert before.digest != now.digest
    assert Intent.UNKNOWN in now.facts.intents
    assert book.kinds_to_target() == "", "the verdict was for something else"
    book.allow(now.id)
    assert (book.kinds_to_target(), told(book)) == ("Q", [])


def test_what_it_is_now_may_be_denied() -> None:
    book = play()
    book.client(query(INSERT))
    alter(book, "public.forget")
    book.allow("c1")
    book.refuse("c2", "not that")
    assert (book.kinds_to_target(), told(book)) == ("", ['refused by rule "r": not that'])


def test_what_a_reviewer_approved_is_what_runs() -> None:
    book = play()
    book.client(query(INSERT))
    alter(book, "public.forget")
    book.allow("c1", approval="a1")
    assert (book.kinds_to_target(), told(book)) == ("", [CHANGED_MEANWHILE.message])
    assert [one.command for one in book.of(Abandon)] == ["c1"], "it is on record that it did not run"
    assert len(book.commands) == 1


def test_who_alters_it_all_the_time_keeps_nobody_waiting() -> None:
    book = play()
    book.client(query(INSERT))
    for number in range(1, 5):
        alter(book, ("public.forget", "pg_catalog.now")[number % 2], str(number))
        book.allow(f"c{number}")
    assert told(book) == [CHANGED_MEANWHILE.message]
    book.client(query("select 1"))
    book.allow("c5")
    assert book.kinds_to_target() == "Q", "the session goes on"


def test_what_was_judged_behind_it_must_not_stand_behind_what_changes_names() -> None:
    book = play()
    book.client(query(INSERT), query("select id from orders"))
    assert len(book.commands) == 2
    alter(book, "public.forget")
    book.allow("c1")
    assert told(book) == [CHANGED_MEANWHILE.message]


@pytest.mark.parametrize("parses_first", [True, False])
def test_a_statement_is_parsed_by_what_names_mean_when_it_is_sent(parses_first: bool) -> None:
    book = play()
    parse, rest = make_parse(b"p", INSERT.encode()), (make_bind(b"", b"p"), make_execute(b""), SYNC)
    if parses_first:
        book.client(parse, SYNC)
        book.allow("c1")
        book.target(make(b"1"), make(b"Z", b"I"))
        book.to_target()
        book.client(*rest)
    else:
        book.client(parse, *rest)
    command = book.commands[-1]
    alter(book, "public.forget")
    book.allow(command.id)
    now = book.commands[-1]
    assert (now.stage, now.id != command.id) == (Stage.EXECUTE, True)
    assert "public.forget" in now.facts.functions
    book.allow(now.id)
    assert book.kinds_to_target() == ("BDES" if parses_first else "PBDES")


def test_a_preparation_that_would_run_something_by_now_is_an_execution() -> None:
    book = play()
    book.client(make_parse(b"", INSERT.encode()), make_bind(b"", b""), SYNC)
    alter(book, "public.forget")
    book.allow("c1")
    assert [one.stage for one in book.commands] == [Stage.PREPARE, Stage.EXECUTE]


def test_a_function_called_by_its_oid_is_not_judged_by_the_name_it_had() -> None:
    book = conversations.play(allow=False)
    book.client(make(b"F", struct.pack("!IHhHI3sh", 715, 1, 0, 1, 3, b"123", 0)))
    another = sample_builder().function("pg_catalog.lo_create", 1)
    book.conversation.catalogue_news(another.build(version="other"))
    book.allow("c1")
    assert told(book) == [CHANGED_MEANWHILE.message]
