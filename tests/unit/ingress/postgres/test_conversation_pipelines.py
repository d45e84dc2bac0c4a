"""Long messages, long series, calls without SQL: what a client may send, and what is held of it."""

import struct

from support.conversations import play, query
from support.playbook import complete, ready, row

from ingress.interface import Finish
from ingress.postgres.messages import (
    SYNC,
    make,
    make_bind,
    make_error,
    make_execute,
    make_parameter_status,
    make_parse,
    parse_fields,
)
from schemas.vocabulary import Intent, Outcome


def test_a_client_is_read_on_until_its_long_message_is_whole() -> None:
    book = play(allow=False)
    message = query("select '" + "x" * 1_000_000 + "'")
    book.client(message[:900_000])
    assert book.conversation.wants_client_data
    book.client(message[900_000:])
    assert len(book.commands) == 1


def test_a_client_that_waits_for_a_verdict_is_not_read_on_for_ever() -> None:
    book = play(allow=False)
    book.client(query("set search_path = x"))
    book.client(query("select 1") * 40_000)
    assert not book.conversation.wants_client_data


def test_a_text_longer_than_an_event_is_refused_and_its_start_on_record() -> None:
    book = play()
    book.client(query("select '" + "x" * 1_200_000 + "'"))
    error, status = book.to_client()
    assert (parse_fields(error.body)["C"], status.kind) == ("54000", b"Z")
    book.client(make_parse(b"", b"select 1" + b" " * 1_200_000), SYNC)
    assert book.kinds_to_client() == "E"
    assert [len(command.text) < 2000 for command in book.commands] == [True, True]


def test_its_client_hears_of_its_own_application_name() -> None:
    """At the target the principal and the session stand before it."""
    book = play()
    book.client(query("set application_name = 'other'"), query("reset application_name"))
    book.target(make_parameter_status("application_name", "other"), complete("SET"), ready())
    ours = make_parameter_status("application_name", "agent-7/session psql")
    book.target(ours, complete("RESET"), ready())
    told = [one.body for one in book.to_client() if one.kind == b"S"]
    assert told == [b"application_name\0other\0", b"application_name\0psql\0"]


def test_a_fast_path_call_is_the_command_that_calls_the_function() -> None:
    book = play(allow=False)
    call = make(b"F", struct.pack("!IHhHI3sh", 715, 1, 0, 1, 3, b"123", 0))
    book.client(call)
    [command] = book.commands
    assert command.text == 'select "pg_catalog"."lo_create"($1)'
    assert command.parameters == ("123",)
    assert Intent.WRITE in command.facts.intents
    assert book.kinds_to_target() == ""
    book.allow(command.id)
    assert book.kinds_to_target() == "F"
    book.target(make(b"V", b"\0\0\0\x03123"), ready())
    assert book.kinds_to_client() == "VZ"
    [finish] = book.of(Finish)
    assert finish.outcome is Outcome.SUCCEEDED


def test_an_error_of_a_fast_path_call_passes() -> None:
    book = play()
    book.client(make(b"F", struct.pack("!IHHh", 715, 0, 0, 0)))
    book.target(make_error("22023", "no"), ready())
    assert book.kinds_to_client() == "EZ"
    assert [finish.outcome for finish in book.of(Finish)] == [Outcome.FAILED]


def test_a_fast_path_call_of_a_function_nobody_knows_is_refused_and_on_record() -> None:
    book = play()
    book.client(make(b"F", b"\0\0\0\x01" + b"\0" * 6))
    assert book.kinds_to_client() == "EZ"
    assert book.commands[0].facts.intents == (Intent.UNKNOWN,)
    assert book.kinds_to_target() == ""


def test_an_error_the_target_would_have_made_fails_the_transaction_too() -> None:
    book = play()
    book.client(query("begin"), query("selec 1"))
    assert book.kinds_to_client() == ""
    book.target(complete("BEGIN"), ready(b"T"))
    assert book.kinds_to_target() == "QES"
    book.target(make_error("34000", 'portal "countersign" does not exist'), ready(b"E"))
    messages = book.to_client()
    assert "".join(message.kind.decode() for message in messages) == "CZEZ"
    assert parse_fields(messages[2].body)["C"] == "42601"
    assert messages[3].body == b"E"


def test_what_follows_a_suspended_portal_that_may_change_names_is_judged_after_it() -> None:
    book = play()
    book.status = b"T"
    book.client(make_parse(b"", b"select nobody_knows()"), make_bind(b"p", b""))
    book.client(make(b"E", b"p\0\0\0\0\x01"), SYNC, query("select 1"))
    assert len(book.commands) == 1
    book.target(make(b"1"), make(b"2"), make(b"T", b"\0\0"), row(b"1"), make(b"s"), ready(b"T"))
    assert len(book.commands) == 2, "it waits for an end that may never come"
    book.target(complete("SELECT 1"), ready(b"T"))
    book.client(make(b"E", b"p\0\0\0\0\x01"), SYNC, query("select 2"))
    assert len(book.commands) == 2, "the portal goes on, and may change what the next one means"
    book.target(complete("SELECT 0"), ready(b"T"))
    assert len(book.commands) == 3


def test_a_pipeline_without_end_is_answered_on_the_way_and_held_back() -> None:
    book = play()
    book.client(make_parse(b"s", b"select id from orders"), SYNC)
    book.target(make(b"1"), ready())
    book.to_target()
    book.client(*[make_bind(b"", b"s") + make_execute(b"")] * 40_000)
    assert book.kinds_to_target().endswith("H"), "the target must be asked for what it owes"
    assert not book.conversation.wants_client_data
    assert len(book.commands) < 400


def test_a_series_that_never_executes_is_not_collected_for_ever() -> None:
    book = play()
    for _ in range(1000):
        book.client(make_parse(b"", b"select 1"))
    assert book.kinds_to_target().startswith("PPP")


def test_a_refusal_in_a_transaction_is_told_where_all_answers_come_at_once() -> None:
    book = play(allow=False)
    book.client(query("begin"))
    book.allow(book.commands[-1].id)
    book.target(complete("BEGIN"), ready(b"T"))
    book.status = b"T"
    for text in (b"select 1", b"select 2"):
        book.client(make_parse(b"", text), make_bind(b"", b""), make_execute(b""))
    book.client(SYNC)
    book.allow(book.commands[1].id)
    book.refuse(book.commands[2].id)
    book.to_client()
    book.target(make(b"1"), make(b"2"), make(b"n"), complete("SELECT 1"), ready(b"T"))
    assert book.kinds_to_client() == "12CEZ"
