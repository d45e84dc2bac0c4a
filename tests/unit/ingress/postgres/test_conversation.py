"""The conversation, line by line: what is held, what is sent, what the client gets, in which order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chunking import cut
from support.conversations import play, query
from support.playbook import complete, ready, row

from ingress.errors import ClientError, TargetError
from ingress.gate import Revoked
from ingress.interface import Abandon, CancelTarget, Close, Finish, StopAfter
from ingress.postgres.messages import (
    SYNC,
    TERMINATE,
    make,
    make_bind,
    make_close,
    make_describe,
    make_error,
    make_execute,
    make_parse,
    parse_fields,
)
from schemas.vocabulary import Intent, LimitSource, Obligations, Outcome, Stage

_ORDERS = 16400
LIMITED = Obligations(rows=2, limited_by=(LimitSource("rows", "few"),))


class TestSimpleQuery:
    def test_nothing_reaches_the_target_before_the_verdict(self) -> None:
        book = play(allow=False)
        book.client(query("select id from orders"))
        assert book.kinds_to_target() == ""
        [command] = book.commands
        assert command.facts.intents == (Intent.READ,)
        book.allow(command.id)
        assert book.kinds_to_target() == "Q"

    def test_the_answer_passes_and_is_finished_once(self) -> None:
        book = play()
        book.client(query("select id from orders"))
        book.target(make(b"T", b"\0\0"), row(b"1"), row(b"2"), complete("SELECT 2"), ready())
        assert book.kinds_to_client() == "TDDCZ"
        [finish] = book.of(Finish)
        assert (finish.outcome, finish.rows) == (Outcome.SUCCEEDED, 2)

    def test_a_refusal_keeps_the_transaction_as_it_is(self) -> None:
        book = play(allow=False)
        book.client(query("begin"))
        book.allow(book.commands[0].id)
        book.target(complete("BEGIN"), ready(b"T"))
        book.to_client(), book.to_target()
        book.client(query("drop table orders"))
        book.refuse(book.commands[1].id)
        error, status = book.to_client()
        fields = parse_fields(error.body)
        assert fields["C"] == "42501"
        assert json.loads(fields["D"])["rule"] == "r"
        assert (status.kind, status.body) == (b"Z", b"T")
        assert book.kinds_to_target() == ""

    def test_several_statements_wait_for_all_their_verdicts(self) -> None:
        book = play(allow=False)
        book.client(query("select 1; select 2"))
        first, second = book.commands
        book.allow(first.id)
        assert book.kinds_to_target() == ""
        book.allow(second.id)
        assert book.kinds_to_target() == "Q"
        book.target(complete("SELECT 1"), make_error("22012", "division by zero"), ready())
        outcomes = [finish.outcome for finish in book.of(Finish)]
        assert outcomes == [Outcome.SUCCEEDED, Outcome.FAILED]

    def test_one_refused_statement_refuses_the_message(self) -> None:
        book = play(allow=False)
        book.client(query("select 1; drop table orders"))
        book.allow(book.commands[0].id)
        book.refuse(book.commands[1].id)
        assert book.kinds_to_target() == ""
        assert book.kinds_to_client() == "EZ"
        assert [abandon.command for abandon in book.of(Abandon)] == [book.commands[0].id]

    def test_what_does_not_parse_is_an_error_with_its_place_and_on_record(self) -> None:
        book = play()
        book.client(query("selec 1"))
        error, status = book.to_client()
        assert (parse_fields(error.body)["C"], parse_fields(error.body)["P"]) == ("42601", "1")
        assert status.kind == b"Z"
        assert book.commands[0].facts.intents == (Intent.UNKNOWN,)
        assert book.kinds_to_target() == ""

    def test_an_empty_query_needs_nobody(self) -> None:
        book = play(allow=False)
        book.client(query(" -- nothing\n"))
        assert book.kinds_to_client() == "IZ"
        assert book.commands == []

    def test_the_last_word_is_the_gates(self) -> None:
        book = play(allow=False)
        book.client(query("select 1"))
        book.expired.add(book.commands[0].id)
        book.allow(book.commands[0].id)
        assert book.kinds_to_target() == ""
        assert book.kinds_to_client() == "EZ"


class TestHeld:
    def test_the_client_is_told_where_its_command_waits(self) -> None:
        book = play(allow=False)
        book.client(query("delete from orders"))
        book.wait(book.commands[0].id)
        [notice] = book.to_client()
        assert "approval a1, https://gw/approvals/a1" in parse_fields(notice.body)["M"]
        book.allow(book.commands[0].id, approval="a1")
        [notice] = book.to_client()
        assert parse_fields(notice.body)["M"] == 'approved by dana: "fine"'
        assert book.kinds_to_target() == "Q"

    def test_a_cancel_takes_it_back(self) -> None:
        book = play(allow=False)
        book.client(query("delete from orders"))
        book.conversation.cancel()
        book.client()
        error, _ = book.to_client()
        assert parse_fields(error.body)["C"] == "57014"
        assert [abandon.command for abandon in book.of(Abandon)] == [book.commands[0].id]
        assert book.kinds_to_target() == ""

    def test_a_client_that_leaves_abandons_it(self) -> None:
        book = play(allow=False)
        book.client(query("delete from orders"))
        book.client(TERMINATE)
        assert [abandon.command for abandon in book.of(Abandon)] == [book.commands[0].id]
        assert book.of(Close)
        book.allow(book.commands[0].id)
        assert book.kinds_to_target() == ""

    def test_a_client_that_leaves_while_it_runs_has_an_unknown_outcome(self) -> None:
        book = play()
        book.client(query("delete from orders"))
        book.client(TERMINATE)
        [finish] = book.of(Finish)
        assert finish.outcome is Outcome.UNKNOWN
        assert book.of(CancelTarget)


class TestExtendedQuery:
    def test_parse_and_bind_wait_for_their_execute(self) -> None:
        book = play(allow=False)
        book.client(make_parse(b"", b"select id from orders"), make_bind(b"", b""))
        assert book.commands == []
        book.client(make_execute(b""), SYNC)
        [command] = book.commands
        assert command.stage is Stage.EXECUTE
        assert book.kinds_to_target() == ""
        book.allow(command.id)
        assert book.kinds_to_target() == "PBDES"  # D: the gateway's own, to know the columns

    def test_the_gateways_own_describe_is_not_answered_to_the_client(self) -> None:
        book = play()
        book.client(make_parse(b"", b"select id from orders"), make_bind(b"", b""), make_execute(b""), SYNC)
        book.target(make(b"1"), make(b"2"), make(b"T", b"\0\0"), row(b"1"), complete("SELECT 1"), ready())
        assert book.kinds_to_client() == "12DCZ"

    def test_a_description_asked_for_before_is_a_preparation(self) -> None:
        book = play(allow=False)
        book.client(make_parse(b"s", b"delete from orders"), make_describe(b"S", b"s"), SYNC)
        [command] = book.commands
        assert command.stage is Stage.PREPARE
        book.allow(command.id)
        assert book.kinds_to_target() == "PDS"
        book.target(make(b"1"), make(b"t", b"\0\0"), make(b"n"), ready())
        book.client(make_bind(b"", b"s"), make_execute(b""), SYNC)
        assert book.commands[1].stage is Stage.EXECUTE
        assert book.kinds_to_target() == ""

    def test_a_refused_execute_skips_to_sync(self) -> None:
        book = play(allow=False)
        for text in (b"select 1", b"drop table orders"):
            book.client(make_parse(b"", text), make_bind(b"", b""), make_execute(b""))
        book.client(make_parse(b"", b"select 2"), make_bind(b"", b""), make_execute(b""), SYNC)
        book.refuse(book.commands[1].id)
        book.allow(book.commands[0].id)
        sent = book.to_target()
        assert b"drop table orders" not in b"".join(message.body for message in sent)
        # What ran before in the same series must be undone: the target is made to fail, too.
        kinds = "".join(message.kind.decode() for message in sent)
        assert kinds.startswith("PBDE")
        assert kinds.endswith("ES")
        book.target(make(b"1"), make(b"2"), make(b"n"), row(b"1"), complete("SELECT 1"))
        book.target(make_error("34000", 'portal "countersign" does not exist'), ready())
        messages = book.to_client()
        assert "".join(message.kind.decode() for message in messages) == "12DCEZ"
        assert parse_fields(messages[4].body)["C"] == "42501"

    def test_a_name_the_target_refused_keeps_its_text(self) -> None:
        book = play(allow=False)
        book.client(make_parse(b"s", b"delete from orders"), SYNC)
        book.allow(book.commands[0].id)
        book.target(make(b"1"), ready())
        book.client(make_parse(b"s", b"select 1"), SYNC)
        book.allow(book.commands[1].id)
        book.target(make_error("42P05", 'prepared statement "s" already exists'), ready())
        book.client(make_bind(b"", b"s"), make_execute(b""), SYNC)
        assert book.commands[2].text == "delete from orders"

    def test_what_the_gateway_does_not_know_is_not_executed(self) -> None:
        book = play()
        book.client(make_bind(b"", b"nobody"), make_execute(b""), SYNC)
        assert book.kinds_to_target() == "S"
        book.target(ready())
        assert book.kinds_to_client() == "EZ"

    def test_a_suspended_portal_goes_on_without_another_verdict(self) -> None:
        book = play()
        book.client(make_parse(b"", b"select id from orders"), make_bind(b"p", b""))
        book.client(make(b"E", b"p\0\0\0\0\x01"), make(b"H"))
        book.target(make(b"1"), make(b"2"), make(b"T", b"\0\0"), row(b"1"), make(b"s"))
        book.client(make(b"E", b"p\0\0\0\0\x01"), SYNC)
        book.target(row(b"2"), complete("SELECT 1"), ready())
        assert book.kinds_to_client() == "12DsDCZ"
        assert len(book.commands) == 1
        assert len(book.of(Finish)) == 1

    def test_an_error_of_the_target_ends_the_series(self) -> None:
        book = play()
        book.client(make_parse(b"", b"select 1"), make_bind(b"", b""), make_execute(b""))
        book.client(make_parse(b"", b"select 2"), make_bind(b"", b""), make_execute(b""), SYNC)
        book.target(make(b"1"), make(b"2"), make(b"n"), make_error("22012", "division by zero"), ready())
        assert book.kinds_to_client() == "12EZ"
        assert [finish.outcome for finish in book.of(Finish)] == [Outcome.FAILED, Outcome.FAILED]

    def test_what_follows_a_change_of_names_is_judged_after_it(self) -> None:
        book = play()
        book.client(make_parse(b"", b"create table piped (x int)"), make_bind(b"", b""), make_execute(b""))
        book.client(make_parse(b"", b"select 1"), make_bind(b"", b""), make_execute(b""), SYNC)
        assert len(book.commands) == 1
        assert book.kinds_to_target() == "PBDEH"
        book.target(make(b"1"), make(b"2"), make(b"n"), complete("CREATE TABLE"))
        assert len(book.commands) == 2
        assert book.kinds_to_target() == "PBDES"

    def test_closing_a_statement(self) -> None:
        book = play()
        book.client(make_parse(b"s", b"select 1"), SYNC)
        book.target(make(b"1"), ready())
        book.client(make_close(b"S", b"s"), SYNC)
        book.target(make(b"3"), ready())
        book.client(make_bind(b"", b"s"), SYNC)
        book.target(ready())
        assert book.kinds_to_client() == "1Z3ZEZ"


class TestCopy:
    def test_data_goes_to_the_target_while_it_asks_for_it(self) -> None:
        book = play()
        book.client(query("copy orders from stdin"))
        book.target(make(b"G", b"\0\0\0"))
        book.client(make(b"d", b"1\tx\n"), make(b"c"))
        assert book.kinds_to_target() == "Qdc"
        book.target(complete("COPY 1"), ready())
        assert book.kinds_to_client() == "GCZ"
        [finish] = book.of(Finish)
        assert finish.rows == 1

    def test_data_sent_ahead_waits_until_it_is_asked_for(self) -> None:
        book = play(allow=False)
        book.client(query("copy orders from stdin"), make(b"d", b"1\tx\n"), make(b"c"))
        book.allow(book.commands[0].id)
        assert book.kinds_to_target() == "Q"
        book.target(make(b"G", b"\0\0\0"))
        assert book.kinds_to_target() == "dc"

    def test_data_sent_ahead_of_a_copy_that_is_refused_is_dropped(self) -> None:
        book = play(allow=False)
        book.client(query("copy orders from stdin"), make(b"d", b"1\tx\n"), make(b"c"), query("select 1"))
        book.refuse(book.commands[0].id)
        book.allow(book.commands[1].id)
        assert book.kinds_to_target() == "Q"
        assert book.kinds_to_client() == "EZ"

    def test_data_nobody_asked_for_is_dropped(self) -> None:
        book = play()
        book.client(make(b"d", b"1\tx\n"), make(b"c"), query("select 1"))
        assert book.kinds_to_target() == "Q"

    def test_in_the_extended_protocol_the_first_sync_is_swallowed(self) -> None:
        book = play()
        book.client(make_parse(b"", b"copy orders from stdin"), make_bind(b"", b""), make_execute(b""), SYNC)
        book.target(make(b"1"), make(b"2"), make(b"n"), make(b"G", b"\0\0\0"))
        book.client(make(b"d", b"1\tx\n"), make(b"c"), SYNC)
        book.target(complete("COPY 1"), ready())
        book.client(query("select 1"))
        assert book.kinds_to_target() == "PBDESdcSQ"
        assert book.kinds_to_client() == "12GCZ"


class TestLimits:
    def test_rows_stop_at_the_limit_and_the_target_is_cancelled(self) -> None:
        book = play(obligations=Obligations(rows=2))
        book.client(query("select id from orders"))
        book.target(make(b"T", b"\0\0"), row(b"1"), row(b"2"), row(b"3"))
        book.target(row(b"4"), make_error("57014", "canceling statement"), ready())
        messages = book.to_client()
        assert "".join(message.kind.decode() for message in messages) == "TDDEZ"
        assert parse_fields(messages[3].body)["C"] == "54000"
        assert book.of(CancelTarget)

    def test_the_error_names_rule_and_limit_and_the_event_says_so(self) -> None:
        book = play(obligations=LIMITED)
        book.client(query("select id from orders"))
        book.target(make(b"T", b"\0\0"), row(b"1"), row(b"2"), row(b"3"))
        book.target(make_error("57014", "canceling statement"), ready(b"E"))
        fields = parse_fields(book.to_client()[3].body)
        assert fields["M"] == 'the answer was stopped by rule "few" at its limit of 2 rows'
        detail = {"limit": "rows", "most": 2, "rule": "few", "command": book.commands[0].id}
        assert json.loads(fields["D"]) == detail
        (finish,) = book.of(Finish)
        assert (finish.outcome, finish.rows, finish.error_code) == (Outcome.FAILED, 2, "54000")
        assert (finish.limit, finish.limit_rule) == ("rows", "few")

    def test_bytes_stop_before_the_row_that_is_too_much(self) -> None:
        book = play(obligations=Obligations(bytes=len(row(b"1")) * 2))
        book.client(query("select id from orders"))
        book.target(make(b"T", b"\0\0"), row(b"1") + row(b"2") + row(b"3"))
        book.target(make_error("57014", "canceling statement"), ready())
        assert book.kinds_to_client() == "TDDEZ"
        assert book.of(Finish)[0].limit == "bytes"

    def test_a_portal_read_in_steps_counts_as_one_answer(self) -> None:
        book = play(obligations=Obligations(rows=3))
        book.client(make_parse(b"", b"select id from orders"), make_bind(b"", b""))
        book.client(make(b"E", b"\0\0\0\0\x02"), SYNC)
        book.target(
            make(b"1"), make(b"2"), make(b"T", b"\0\0"), row(b"1"), row(b"2"), make(b"s"), ready(b"T")
        )
        book.client(make(b"E", b"\0\0\0\0\x02"), SYNC)
        book.target(row(b"3"), row(b"4"), make(b"s"))
        book.target(ready(b"T"))
        assert book.kinds_to_client() == "12DDsZDEZ"
        assert book.of(Finish)[0].limit == "rows"

    def test_fetches_of_a_cursor_count_together(self) -> None:
        book = play(obligations=Obligations(rows=3))
        book.client(query("begin"))
        book.target(complete("BEGIN"), ready(b"T"))
        book.status = b"T"
        book.client(query("declare c cursor for select id from orders"))
        book.target(complete("DECLARE CURSOR"), ready(b"T"))
        book.client(query("fetch 2 from c"))
        book.target(make(b"T", b"\0\0"), row(b"1"), row(b"2"), complete("FETCH 2"), ready(b"T"))
        book.to_client()
        book.client(query("fetch 2 from c"))
        book.target(make(b"T", b"\0\0"), row(b"3"), row(b"4"), complete("FETCH 2"), ready(b"T"))
        assert book.kinds_to_client() == "TDEZ"

    def test_what_is_sent_next_waits_until_the_target_was_told_to_stop(self) -> None:
        """A cancel request that comes late would hit the next command."""
        book = play(obligations=Obligations(rows=1))
        book.cancels_arrive = False
        book.client(query("select id from orders"), query("select 2"))
        assert book.kinds_to_target() == "QQ"
        book.target(make(b"T", b"\0\0"), row(b"1"), row(b"2"), complete("SELECT 2"), ready())
        book.client(query("select 3"))
        assert book.kinds_to_target() == ""
        book.conversation.cancel_sent()
        book.client()
        assert book.kinds_to_target() == "Q"

    def test_a_series_that_goes_on_is_made_to_fail_at_the_target_too(self) -> None:
        book = play(obligations=Obligations(rows=1))
        book.client(
            *(make_parse(b"", b"insert into orders (id) values (1)"), make_bind(b"", b""), make_execute(b"")),
            *(make_parse(b"", b"select id from orders"), make_bind(b"", b""), make_execute(b"")),
            *(make_parse(b"", b"insert into orders (id) values (2)"), make_bind(b"", b""), make_execute(b"")),
            SYNC,
        )
        assert book.kinds_to_target() == "PBDEH"
        book.target(make(b"1"), make(b"2"), make(b"n"), complete("INSERT 0 1"))
        assert book.kinds_to_target() == "PBDEH"
        book.target(make(b"1"), make(b"2"), make(b"T", b"\0\0"), row(b"1"), row(b"2"), complete("SELECT 2"))
        assert book.kinds_to_target() == "ES"  # a portal that never is
        book.target(make_error("34000", "portal does not exist"), ready())
        assert book.kinds_to_client() == "12C12DEZ"
        ended = {finish.command: finish.limit for finish in book.of(Finish)}
        assert list(ended.values()) == ["", "rows"]
        assert [abandon.command for abandon in book.of(Abandon)] == [book.commands[2].id]

    def test_a_single_read_and_its_sync_go_together(self) -> None:
        book = play(obligations=Obligations(rows=1))
        book.client(make_parse(b"", b"select id from orders"), make_bind(b"", b""), make_execute(b""), SYNC)
        assert book.kinds_to_target() == "PBDES"
        book.target(make(b"1"), make(b"2"), make(b"T", b"\0\0"), row(b"1"), row(b"2"))
        book.target(complete("SELECT 2"), ready())
        assert book.kinds_to_client() == "12DEZ"

    def test_what_a_simple_query_changed_stands_and_the_client_is_told(self) -> None:
        book = play(obligations=Obligations(rows=1))
        book.client(query("update orders set note = 'x' returning id"))
        book.target(make(b"T", b"\0\0"), row(b"1"), row(b"2"), complete("UPDATE 2"), ready())
        assert "what it changed stands" in parse_fields(book.to_client()[2].body)["H"]
        (finish,) = book.of(Finish)
        assert (finish.outcome, finish.limit) == (Outcome.SUCCEEDED, "rows")

    def test_a_revoked_command_is_cancelled_and_its_client_is_told_by_whom(self) -> None:
        book = play()
        book.client(query("update orders set note = 'x'"))
        book.conversation.revoked(book.commands[0].id, Revoked("a1", "dana", "wrong table"))
        book.target(make_error("57014", "canceling statement"), ready())
        fields = parse_fields(book.to_client()[0].body)
        assert (fields["C"], fields["M"]) == ("57014", 'stopped: dana revoked approval a1: "wrong table"')
        assert book.of(CancelTarget)
        (finish,) = book.of(Finish)
        assert (finish.outcome, finish.limit, finish.limit_rule) == (Outcome.FAILED, "", "")
        assert "dana revoked" in finish.error

    def test_one_that_had_run_stands_and_the_client_is_told(self) -> None:
        book = play()
        book.client(query("update orders set note = 'x'"))
        book.conversation.revoked(book.commands[0].id, Revoked("a1", "dana", ""))
        book.target(complete("UPDATE 2"), ready())
        assert "what it changed stands" in parse_fields(book.to_client()[0].body)["H"]

    def test_one_behind_another_is_stopped_when_its_turn_comes(self) -> None:
        book = play()
        book.client(query("select 1"), query("select 2"))
        book.conversation.revoked(book.commands[1].id, Revoked("a1", "dana", ""))
        assert not book.of(CancelTarget), "what runs now is another"
        book.target(complete("SELECT 1"), ready())
        assert len(book.of(CancelTarget)) == 1
        assert book.of(Finish)[0].outcome is Outcome.SUCCEEDED

    def test_time_is_up(self) -> None:
        book = play(obligations=Obligations(seconds=1))
        book.client(query("select id from orders"))
        (clock,) = book.of(StopAfter)
        book.conversation.time_is_up(clock.command, clock.turn)
        book.target(make_error("57014", "canceling statement"), ready())
        fields = parse_fields(book.to_client()[0].body)
        assert "its limit of 1 seconds" in fields["M"]
        assert fields["C"] == "57014"
        assert book.of(CancelTarget)

    def test_the_clock_starts_when_the_command_does_and_each_step_has_its_own(self) -> None:
        book = play(obligations=Obligations(seconds=1))
        book.client(query("select 1"), query("select 2"))
        assert [clock.command for clock in book.of(StopAfter)] == [book.commands[0].id]
        book.target(complete("SELECT 1"), ready())
        assert [clock.command for clock in book.of(StopAfter)] == [one.id for one in book.commands]
        book.conversation.time_is_up(book.commands[0].id, 1)
        book.conversation.time_is_up(book.commands[1].id, 2)
        assert not book.of(CancelTarget)

    def test_a_copy_that_waits_for_data_is_ended(self) -> None:
        book = play(obligations=Obligations(seconds=1))
        book.client(query("copy orders from stdin"))
        book.target(make(b"G", b"\0\0\0"))
        book.client(make(b"d", b"1\n"))
        (clock,) = book.of(StopAfter)
        book.conversation.time_is_up(clock.command, clock.turn)
        book.client(make(b"d", b"2\n"), make(b"c"))
        assert book.kinds_to_target() == "Qdf"
        book.target(make_error("57014", "COPY from stdin failed"), ready())
        assert book.kinds_to_client() == "GEZ"


class TestUnasked:
    @pytest.mark.parametrize(
        "message",
        [row(b"1"), complete("SELECT 1"), ready(), make(b"1"), make(b"T", b"\0\0"), make(b"W", b"\0\0\0")],
    )
    def test_what_nobody_asked_for_does_not_pass(self, message: bytes) -> None:
        book = play()
        with pytest.raises(TargetError):
            book.target(message)
        assert book.kinds_to_client() == ""

    def test_notices_and_notifications_may_come_at_any_time(self) -> None:
        book = play()
        book.target(make(b"A", b"\0\0\0\x01news\0hello\0"), make(b"S", b"TimeZone\0UTC\0"))
        assert book.kinds_to_client() == "AS"

    def test_an_encoding_that_hides_from_masking_ends_the_session(self) -> None:
        book = play()
        book.target(make(b"S", b"client_encoding\0LATIN1\0"))
        with pytest.raises(TargetError, match="SJIS"):
            book.target(make(b"S", b"client_encoding\0SJIS\0"))

    def test_a_message_without_a_place_ends_the_session(self) -> None:
        book = play()
        with pytest.raises(ClientError):
            book.client(make(b"p", b"again\0"))

    def test_a_fatal_error_ends_the_session(self) -> None:
        book = play()
        book.client(query("select 1"))
        book.target(make_error("57P01", "terminating connection", severity="FATAL"))
        assert book.kinds_to_client() == "E"
        assert book.of(Close)
        assert [finish.outcome for finish in book.of(Finish)] == [Outcome.UNKNOWN]


@given(st.lists(st.integers(1, 400), max_size=20))
def test_the_clients_bytes_may_be_cut_anywhere(places: list[int]) -> None:
    said = b"".join(
        (
            query("select id from orders"),
            make_parse(b"s", b"select 1"),
            make_bind(b"", b"s"),
            make_execute(b""),
            SYNC,
            query("select 2; select 3"),
        )
    )
    whole, pieces = play(), play()
    whole.client(said)
    for piece in cut(said, places):
        pieces.client(piece)
    assert [command.digest for command in pieces.commands] == [command.digest for command in whole.commands]
    assert pieces.to_target() == whole.to_target()
