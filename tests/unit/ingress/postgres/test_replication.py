"""Replication commands, held and streamed; byte by byte where that could matter."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.catalogues import sample_catalogue

from ingress.command import Command
from ingress.errors import ClientError
from ingress.gate import Allowed, Refusal, Revoked
from ingress.interface import Abandon, CancelTarget, Close, Finish, Request, Submit
from ingress.postgres.judge import FactsCache, Judge, Subject
from ingress.postgres.messages import make, make_error
from ingress.postgres.replication import REPLICATION, ReplicationConversation
from schemas.vocabulary import Intent, MaskingPlan, Obligations, Outcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
READY = make(b"Z", b"I")
STREAM = make(b"Q", b"START_REPLICATION SLOT s LOGICAL 0/0 (proto_version '1')\0")


class Play:
    """One session without masks; `release` has the last word."""

    def __init__(self) -> None:
        numbers = iter(range(1, 100))
        judge = Judge(
            Subject("agent-7", "plain", "plain", (), ()),
            FactsCache(),
            lambda: f"c{next(numbers)}",
            sample_catalogue(),
        )
        self.last_word: Refusal | None = None
        self.conversation = ReplicationConversation(judge, self.release, lambda approval: "", lambda: NOW)
        self.requests: list[Request] = []

    def release(self, commands: Sequence[str]) -> tuple[str, Refusal] | None:
        return (commands[0], self.last_word) if self.last_word else None

    def asked(self) -> list[Command]:
        self.requests += self.conversation.requests()
        return [request.command for request in self.requests if isinstance(request, Submit)]

    def says(self, text: str) -> Command:
        self.conversation.client_data(make(b"Q", text.encode() + b"\0"))
        return self.asked()[-1]

    def allow(self, command: Command, obligations: Obligations | None = None) -> None:
        self.conversation.allowed(command.id, Allowed(obligations or Obligations(), "", (), ""))
        self.asked()

    def of(self, kind: type[Request]) -> list[Request]:
        self.asked()
        return [request for request in self.requests if isinstance(request, kind)]

    @property
    def to_target(self) -> bytes:
        return b"".join(self.conversation.data_for_target())

    @property
    def to_client(self) -> bytes:
        return b"".join(self.conversation.data_for_client())


@given(st.lists(st.integers(0, 200), max_size=6))
def test_nothing_goes_on_before_the_verdict_and_then_all_of_it_does(places: list[int]) -> None:
    play = Play()
    feedback, done = make(b"d", b"r feedback"), make(b"c", b"")
    data = STREAM + feedback + done
    cuts = sorted({0, len(data), *(place for place in places if place < len(data))})
    for start, end in pairwise(cuts):
        play.conversation.client_data(data[start:end])
    assert play.to_target == b""
    [command] = play.asked()
    assert command.facts.statements == (REPLICATION,)
    assert command.facts.intents == (Intent.ADMIN, Intent.EXPORT)
    play.allow(command)
    assert play.to_target == data
    play.conversation.target_data(make(b"W", b"\0\0\0") + make(b"d", b"w changes") + READY)
    assert play.to_client == make(b"W", b"\0\0\0") + make(b"d", b"w changes") + READY
    assert play.of(Finish) == [Finish(command.id, Outcome.SUCCEEDED, 0, 14, "", "", ())]


@pytest.mark.parametrize("text", ["select 1", "/**/ IDENTIFY_SYSTEM", "begin", "drop table customers"])
def test_what_is_no_replication_command_is_not_named_one(text: str) -> None:
    play = Play()
    play.conversation.client_data(make(b"Q", text.encode() + b"\0"))
    assert all(REPLICATION not in command.facts.statements for command in play.asked())
    assert play.to_target == b""


@pytest.mark.parametrize(
    "text", ["SHOW x; drop table customers", "select 1; select 2", "\xff", "", "IDENTIFY_SYSTEM; ;select 1"]
)
def test_what_cannot_be_held_alone_is_not_even_asked_about(text: str) -> None:
    play = Play()
    play.conversation.client_data(make(b"Q", text.encode("latin-1") + b"\0"))
    assert play.asked() == []
    assert play.to_client.endswith(READY)
    assert play.to_target == b""


@pytest.mark.parametrize(
    "obligations",
    [
        Obligations(rows=1),
        Obligations(seconds=1.0),
        Obligations(read_only=True),
        Obligations(masking=MaskingPlan(detectors=("email",))),
    ],
)
def test_a_verdict_that_cannot_be_kept_refuses(obligations: Obligations) -> None:
    play = Play()
    command = play.says("IDENTIFY_SYSTEM")
    play.allow(command, obligations)
    assert play.to_target == b""
    assert b"cannot keep" in play.to_client
    assert play.of(Abandon) == [Abandon(command.id, "its verdict has obligations")]


def test_the_last_word_can_refuse() -> None:
    play = Play()
    play.last_word = Refusal("too late", "")
    play.allow(play.says("IDENTIFY_SYSTEM"))
    assert play.to_target == b""
    assert b"too late" in play.to_client


def test_after_an_error_the_next_command_has_its_turn_and_what_was_under_way_is_dropped() -> None:
    play = Play()
    play.allow(play.says("START_REPLICATION SLOT none LOGICAL 0/0"))
    play.conversation.target_data(make_error("42704", "no such slot") + READY)
    [finish] = play.of(Finish)
    assert isinstance(finish, Finish)
    assert (finish.outcome, finish.error_code) == (Outcome.FAILED, "42704")
    assert play.to_target
    play.conversation.client_data(make(b"d", b"late feedback"))
    assert play.to_target == b""
    assert play.says("IDENTIFY_SYSTEM").text == "IDENTIFY_SYSTEM"


@pytest.mark.parametrize("message", [make(b"P", b"\0select 1\0\0\0"), make(b"B", b"\0\0\0\0\0\0\0\0")])
def test_the_extended_protocol_has_no_place_here(message: bytes) -> None:
    with pytest.raises(ClientError, match="no place"):
        Play().conversation.client_data(message)


def test_a_second_query_while_one_streams_ends_the_session() -> None:
    play = Play()
    play.allow(play.says("START_REPLICATION SLOT s LOGICAL 0/0"))
    with pytest.raises(ClientError, match="no place"):
        play.conversation.client_data(make(b"Q", b"drop table customers\0"))


def test_who_leaves_while_it_is_held_or_streams_leaves_nothing_behind() -> None:
    play = Play()
    command = play.says("IDENTIFY_SYSTEM")
    play.conversation.client_left("the client left")
    assert play.of(Abandon) == [Abandon(command.id, "the client left")]
    play = Play()
    play.allow(play.says("START_REPLICATION SLOT s LOGICAL 0/0"))
    play.conversation.client_left("the client left")
    assert play.of(CancelTarget)
    assert [finish.outcome for finish in play.of(Finish) if isinstance(finish, Finish)] == [Outcome.UNKNOWN]
    assert play.of(Close) == [Close("the client left")]


def test_cancelling_withdraws_what_is_held() -> None:
    play = Play()
    command = play.says("IDENTIFY_SYSTEM")
    play.conversation.cancel()
    assert play.of(Abandon) == [Abandon(command.id, "the client cancelled it")]
    assert b"57014" in play.to_client


def test_a_revoked_command_is_cancelled_with_its_session() -> None:
    play = Play()
    command = play.says("START_REPLICATION SLOT s LOGICAL 0/0")
    play.allow(command)
    play.conversation.revoked("another", Revoked("a1", "dana", ""))
    assert play.of(Close) == []
    play.conversation.revoked(command.id, Revoked("a1", "dana", "wrong slot"))
    assert len(play.of(CancelTarget)) == len(play.of(Close)) == 1
    (finish,) = play.of(Finish)
    assert isinstance(finish, Finish)
    assert finish.outcome is Outcome.UNKNOWN
    assert b'dana revoked approval a1: "wrong slot"' in play.to_client
