"""A verdict is for one digest, until it expires, once; everything else changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.command import Command, Spoken, make_command
from ingress.gate import TRANSITIONS, Allowed, Gate, NotPermitted, Refusal, Revoked, Signal, State, Waiting
from schemas.envelope import envelope
from schemas.events import ApprovalPending, CommandAllowed, CommandDenied, CommandRevoked
from schemas.vocabulary import Facts, Intent, Obligations, Stage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def a_command(text: str = "delete from orders where id = 7") -> Command:
    spoken = Spoken(text, ())
    return make_command(
        id="c1",
        stage=Stage.EXECUTE,
        principal="agent-7",
        resource="orders",
        said=spoken,
        bound=(),
        shown=spoken,
        context=(),
        facts=Facts(intents=(Intent.WRITE,)),
    )


def allow(digest: str) -> CommandAllowed:
    return CommandAllowed(
        envelope=envelope(NOW, "p", command="c1"),
        digest=digest,
        rule="r",
        policy_version="v",
        expires_at=LATER,
        obligations=Obligations(),
        approval="",
        decided_by=(),
        comment="",
    )


def deny(digest: str) -> CommandDenied:
    return CommandDenied(
        envelope=envelope(NOW, "p", command="c1"),
        digest=digest,
        rule="r",
        policy_version="v",
        message="no",
        hint="",
        approval="",
        state=None,
        decided_by=(),
        comment="",
    )


def pending(digest: str) -> ApprovalPending:
    return ApprovalPending(
        envelope=envelope(NOW, "p", command="c1"),
        approval="a1",
        digest=digest,
        rule="r",
        reviewers=("dba",),
        expires_at=NOW + timedelta(minutes=10),
    )


def a_gate() -> Gate:
    return Gate(a_command(), NOW + timedelta(seconds=15))


def test_an_allowed_command_may_be_sent_once() -> None:
    gate = a_gate()
    assert isinstance(gate.hear(allow(gate.command.digest), NOW), Allowed)
    assert gate.expired(NOW) is None
    gate.signal(Signal.RELEASE)
    with pytest.raises(NotPermitted):
        gate.signal(Signal.RELEASE)
    assert gate.hear(allow(gate.command.digest), NOW) is None


def test_a_verdict_for_another_digest_is_not_heard() -> None:
    gate = a_gate()
    other = a_command("drop table orders").digest
    for verdict in (allow(other), deny(other), pending(other)):
        assert gate.hear(verdict, NOW) is None
    assert gate.state is State.HELD


def test_an_expired_verdict_is_not_heard() -> None:
    gate = a_gate()
    assert gate.hear(allow(gate.command.digest), LATER) is None
    assert gate.state is State.HELD


def test_a_verdict_that_expires_before_the_command_is_sent_refuses_it() -> None:
    gate = a_gate()
    gate.hear(allow(gate.command.digest), NOW)
    assert isinstance(gate.expired(LATER), Refusal)
    assert gate.state is State.REFUSED


def test_review_extends_the_deadline_to_the_approvals_own() -> None:
    gate = a_gate()
    heard = gate.hear(pending(gate.command.digest), NOW)
    assert isinstance(heard, Waiting)
    assert gate.approval == "a1"
    assert gate.deadline > heard.expires_at


def test_what_was_refused_stays_refused() -> None:
    gate = a_gate()
    assert isinstance(gate.hear(deny(gate.command.digest), NOW), Refusal)
    assert gate.hear(allow(gate.command.digest), NOW) is None
    assert gate.state is State.REFUSED


class TestRevocation:
    def revoke(self, gate: Gate, approval: str = "a1", digest: str = "") -> Refusal | Revoked | None:
        heard = gate.hear(
            CommandRevoked(
                envelope=envelope(NOW, "p", command="c1"),
                digest=digest or gate.command.digest,
                approval=approval,
                revoked_by="dana",
                comment="wrong table",
            ),
            NOW,
        )
        assert heard is None or isinstance(heard, Refusal | Revoked)
        return heard

    def approved(self) -> Gate:
        gate = a_gate()
        gate.hear(pending(gate.command.digest), NOW)
        gate.hear(replace(allow(gate.command.digest), approval="a1"), NOW)
        return gate

    def test_what_runs_is_to_be_stopped(self) -> None:
        gate = self.approved()
        gate.signal(Signal.RELEASE)
        revoked = self.revoke(gate)
        assert isinstance(revoked, Revoked)
        assert revoked.words == 'dana revoked approval a1: "wrong table"'

    def test_what_may_run_and_was_not_sent_is_refused_when_its_turn_comes(self) -> None:
        gate = self.approved()
        assert self.revoke(gate) is None
        refusal = gate.expired(NOW)
        assert isinstance(refusal, Refusal)
        assert (refusal.state, refusal.comment) == ("revoked", "wrong table")
        assert gate.state is State.REFUSED

    def test_an_order_that_overtakes_the_verdict_refuses(self) -> None:
        gate = a_gate()
        assert isinstance(self.revoke(gate), Refusal)
        assert gate.hear(replace(allow(gate.command.digest), approval="a1"), NOW) is None

    def test_what_has_ended_and_what_another_approval_let_through_stays(self) -> None:
        gate = self.approved()
        gate.signal(Signal.RELEASE)
        assert self.revoke(gate, approval="a2") is None
        assert self.revoke(gate, digest="0" * 64) is None
        gate.signal(Signal.FINISH)
        assert self.revoke(gate) is None


@given(st.lists(st.sampled_from(list(Signal)), max_size=12))
def test_whatever_is_signalled_a_command_is_released_at_most_once_and_only_when_allowed(
    signals: list[Signal],
) -> None:
    gate = a_gate()
    released = 0
    for signal in signals:
        before = gate.state
        try:
            gate.signal(signal)
        except NotPermitted:
            assert gate.state is before
            continue
        assert gate.state is TRANSITIONS[before, signal]
        if signal is Signal.RELEASE:
            assert before is State.ALLOWED
            released += 1
    assert released <= 1


def test_the_digest_covers_what_the_client_sent_not_what_events_show() -> None:
    shown = make_command(
        id="c1",
        stage=Stage.EXECUTE,
        principal="agent-7",
        resource="orders",
        said=Spoken("select 'secret'", ()),
        bound=(),
        shown=Spoken("select '‹sealed›'", ()),
        context=(),
        facts=Facts(intents=(Intent.READ,)),
    )
    open_text = replace(a_command("select 'secret'"), id="c1")
    assert shown.digest == open_text.digest
    assert shown.original == ("select 'secret'", ())
    assert open_text.original is None
