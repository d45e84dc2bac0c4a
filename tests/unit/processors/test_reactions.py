from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.commands import AGENT_7, DELETE, READ, bundle, rule
from support.commands import requested as command_requested
from support.grants import FINGERPRINT, grant_issued, grant_revoked
from support.reviews import AUDREY, DANA, NOW, decided, requested, settled
from support.signing import KEYRING, signer
from support.table import MemoryTable

from processors.accounts import Accounts
from processors.desk import Desk
from processors.grantings import Grantings
from processors.policy.bundle import Bundle
from processors.reactions import Reactions
from processors.standings import Standings
from schemas.envelope import envelope
from schemas.events import (
    AccessRequested,
    ApprovalPending,
    ApprovalRequested,
    ApprovalSettled,
    CommandAllowed,
    CommandDenied,
    CommandFinished,
    CommandRequested,
    CommandRevoked,
    GrantIssued,
)
from schemas.vocabulary import Access, Answer, Intent, Outcome, Role, Stage

NODE = "processors@test#1"
RAW = b"x" * 600


def reactions_of(
    rules: Bundle,
    table: Any = None,
    accounts: MemoryTable | None = None,
    forwarded: list[tuple[str, bytes]] | None = None,
    standings: MemoryTable | None = None,
    handed_on: list[ApprovalRequested | ApprovalSettled] | None = None,
    grants: MemoryTable | None = None,
) -> Reactions:
    desk = Desk(table or MemoryTable(), lambda: rules, signer(Role.PROCESSORS), KEYRING, NODE)
    kept = Accounts(accounts or MemoryTable(), signer(Role.PROCESSORS), KEYRING)

    async def forward(principal: str, raw: bytes) -> None:
        assert forwarded is not None
        forwarded.append((principal, raw))

    async def hand_on(event: ApprovalRequested | ApprovalSettled) -> None:
        assert handed_on is not None
        handed_on.append(event)

    stands = Standings(standings or MemoryTable(), signer(Role.PROCESSORS), KEYRING)
    granted = Grantings(grants or MemoryTable(), signer(Role.PROCESSORS), KEYRING)
    return Reactions(lambda: rules, desk, kept, granted, forward, stands, hand_on, NODE)


def finished(request: CommandRequested, rows: int = 1) -> CommandFinished:
    return CommandFinished(
        envelope=request.envelope,
        outcome=Outcome.SUCCEEDED,
        rows=rows,
        bytes=10,
        microseconds=5,
        error_code="",
        error="",
        masked=(),
    )


def test_a_command_is_judged_and_answered_where_it_waits() -> None:
    reaction = reactions_of(bundle()).judge(command_requested(READ, reply_to=11), RAW, NOW)
    assert [type(event) for event in reaction.events] == [CommandAllowed]
    assert (reaction.reply_to, reaction.written) == (11, None)


def test_a_rule_without_an_answer_is_logged_without_the_command() -> None:
    rules = bundle(rule("r", "deny", {"expression": "context.nothing == 'x'"}))
    with capture_logs() as logs:
        reactions_of(rules).judge(command_requested(READ, text="select 'hunter2'"), RAW, NOW)
    (line,) = logs
    assert (line["event"], line["rule"]) == ("expression_failed", "r: no such member in mapping")
    assert "hunter2" not in repr(logs)


async def test_the_whole_way_of_an_approval() -> None:
    reactions = reactions_of(bundle())
    judged = reactions.judge(command_requested(DELETE, reply_to=11), RAW, NOW)
    request, pending = judged.events
    assert isinstance(request, ApprovalRequested)
    assert isinstance(pending, ApprovalPending)
    asked = reactions.review(request, RAW, NOW)
    assert (asked.events, asked.written is not None) == ((), True)
    proposed = reactions.review(decided(request, DANA), RAW, NOW)
    (settlement,) = proposed.events
    assert isinstance(settlement, ApprovalSettled)
    ended = reactions.review(settlement, RAW, NOW)
    assert [type(event) for event in ended.events] == [CommandAllowed]
    assert ended.reply_to == 11
    assert ended.written is not None


async def test_what_does_not_count_is_logged_with_its_reason() -> None:
    reactions = reactions_of(bundle())
    request = requested()
    reactions.review(request, RAW, NOW)
    with capture_logs() as logs:
        ignored = reactions.review(decided(request, AUDREY), RAW, NOW)
    assert (ignored.events, ignored.written) == ((), None)
    assert logs[0]["event"] == "approval_event_ignored"
    assert "groups" in logs[0]["reason"]


async def test_deadlines_come_once() -> None:
    reactions = reactions_of(bundle())
    request = requested(reply_to=5)
    reactions.review(request, RAW, NOW)
    late = request.expires_at + timedelta(seconds=1)
    (reaction,) = reactions.expire_due(late)
    assert [type(event) for event in reaction.events] == [ApprovalSettled]
    assert list(reactions.expire_due(late)) == []


class TestBudgets:
    TWO = bundle(
        rule(
            "reads",
            "allow",
            {"intents": ["read"]},
            budgets=[{"measure": "commands", "amount": 2, "window": 60}],
        )
    )

    async def test_a_command_with_a_budget_is_handed_on_as_it_was(self) -> None:
        forwarded: list[tuple[str, bytes]] = []
        reactions = reactions_of(self.TWO, forwarded=forwarded)
        reaction = reactions.judge(command_requested(READ), RAW, NOW)
        assert (reaction.events, reaction.written is not None) == ((), True)
        assert reaction.written is not None
        await reaction.written
        ended = reactions.judge(finished(command_requested(READ)), RAW, NOW)
        assert ended.written is not None
        await ended.written
        assert forwarded == [("agent-7", RAW), ("agent-7", RAW)]

    async def test_the_account_is_durable_before_the_verdict(self) -> None:
        reactions = reactions_of(self.TWO)
        for _ in range(2):
            allowed = reactions.charge(command_requested(READ, reply_to=7), RAW, NOW)
            assert [type(event) for event in allowed.events] == [CommandAllowed]
            assert (allowed.before is not None, allowed.reply_to) == (True, 7)
        (denied,) = reactions.charge(command_requested(READ), RAW, NOW).events
        assert isinstance(denied, CommandDenied)
        assert "its budget of 2 commands in 1 minute is used up: 2 used" in denied.message
        assert denied.retry_at is not None
        assert denied.retry_at >= NOW + timedelta(seconds=60)

    async def test_over_it_a_review_can_be_asked_for(self) -> None:
        review = {"reviewers": ["dba"], "approvals": 1, "timeout": 9, "on_timeout": "deny", "valid_for": 5}
        budgets = [{"measure": "rows", "amount": 10, "window": 60}]
        rules = bundle(rule("reads", "allow", {}, budgets=budgets, over="review", review=review))
        reactions = reactions_of(rules)
        first = command_requested(READ)
        (allowed,) = reactions.charge(first, RAW, NOW).events
        assert isinstance(allowed, CommandAllowed)
        assert (allowed.obligations.rows, allowed.obligations.limited_by[0].rule) == (10, "reads")
        asked, _ = reactions.charge(command_requested(READ), RAW, NOW).events
        assert isinstance(asked, ApprovalRequested)
        assert (asked.rule, asked.reviewers, asked.obligations.rows) == ("reads", ("dba",), None)
        reactions.charge(finished(first, rows=3), RAW, NOW)
        (allowed,) = reactions.charge(command_requested(READ), RAW, NOW).events
        assert isinstance(allowed, CommandAllowed)
        assert allowed.obligations.rows == 7

    async def test_a_preparation_draws_on_nothing(self) -> None:
        prepare = command_requested(READ, stage=Stage.PREPARE)
        reaction = reactions_of(self.TWO).judge(prepare, RAW, NOW)
        assert [type(event) for event in reaction.events] == [CommandAllowed]

    async def test_a_forged_account_gives_nobody_room(self) -> None:
        accounts = MemoryTable()
        accounts.data[b"agent-7"] = b"x" * 100
        with capture_logs() as logs:
            reaction = reactions_of(self.TWO, accounts=accounts).charge(command_requested(READ), RAW, NOW)
        assert [type(event) for event in reaction.events] == [CommandDenied]
        assert logs[0]["event"] == "account_not_kept"


class TestStanding:
    AT_ONCE = bundle(
        rule("at once", "review", {}, review=rule("r", "review", {})["review"] | {"hold": False})
    )

    async def test_what_is_not_held_is_handed_on_and_so_is_its_end(self) -> None:
        handed_on: list[ApprovalRequested | ApprovalSettled] = []
        reactions = reactions_of(self.AT_ONCE, handed_on=handed_on)
        judged = reactions.judge(command_requested(DELETE, reply_to=3), RAW, NOW)
        assert judged.events == ()
        assert judged.written is not None
        await judged.written
        (request,) = handed_on
        assert isinstance(request, ApprovalRequested)
        asked = reactions.stand(request, RAW, NOW)
        assert [type(event) for event in asked.events] == [ApprovalRequested, CommandDenied]
        assert (asked.reply_to, asked.before is not None) == (3, True), "what stands is durable first"
        reactions.review(request, RAW, NOW)
        (settlement,) = reactions.review(decided(request, DANA), RAW, NOW).events
        ended = reactions.review(settlement, RAW, NOW)  # type: ignore[arg-type]
        assert ended.events == (), "nobody waits for a verdict"
        assert ended.written is not None
        await ended.written
        assert handed_on[1:] == [settlement]
        assert reactions.stand(handed_on[1], RAW, NOW).written is not None
        assert reactions.stand(handed_on[1], RAW, NOW).written is None, "a repeat"

    async def test_of_several_who_ask_again_one_is_let_through(self) -> None:
        handed_on: list[ApprovalRequested | ApprovalSettled] = []
        reactions = reactions_of(self.AT_ONCE, handed_on=handed_on)

        async def ask(at: datetime) -> CommandAllowed | CommandDenied:
            judged = reactions.judge(command_requested(DELETE, at=at, digest="d" * 64), RAW, at)
            assert judged.written is not None
            await judged.written
            told = reactions.stand(handed_on[-1], RAW, at).events[-1]
            assert isinstance(told, CommandAllowed | CommandDenied)
            return told

        first = await ask(NOW)
        reactions.stand(settled(handed_on[0], digest="d" * 64), RAW, NOW)  # type: ignore[arg-type]
        told = [await ask(NOW + timedelta(seconds=30)) for _ in range(3)]
        assert [type(one) for one in told] == [CommandAllowed, CommandDenied, CommandDenied]
        assert told[0].approval == first.approval
        assert told[1].approval == told[2].approval != first.approval

    def test_a_forged_record_lets_nobody_through(self) -> None:
        standings = MemoryTable()
        standings.data[b"d" * 64] = b"x" * 100
        reactions = reactions_of(self.AT_ONCE, standings=standings)
        with capture_logs() as logs:
            reaction = reactions.stand(requested(digest="d" * 64, hold=False), RAW, NOW)
        assert reaction.events == ()
        assert logs[0]["event"] == "standing_not_told"


class TestAFaultOfOurs:
    SECRET = "select 'hunter2'"

    @pytest.fixture
    def broken(self) -> Reactions:
        """A bundle whose matcher fails as no matcher should, quoting the command."""
        rules = bundle(rule("r", "allow", {}))

        def fails(command: Any, now: Any) -> bool:
            raise RuntimeError(command.text)

        (compiled,) = rules.rules
        object.__setattr__(compiled, "matchers", (fails,))
        return reactions_of(rules)

    def test_refuses_the_command(self, broken: Reactions) -> None:
        request = command_requested(READ, text=self.SECRET, reply_to=3)
        with capture_logs() as logs:
            reaction = broken.judge(request, RAW, NOW)
        (denied,) = reaction.events
        assert isinstance(denied, CommandDenied)
        assert (denied.digest, reaction.reply_to) == (request.digest, 3)
        assert (logs[0]["event"], logs[0]["error"]) == ("command_not_judged", "RuntimeError")
        assert "hunter2" not in repr(logs)
        assert "hunter2" not in denied.message + denied.hint

    async def test_leaves_an_approval_as_it_was(self) -> None:
        class Full(MemoryTable):
            secret = "hunter2"

            def log(self, *_: Any, **__: Any) -> Any:
                raise RuntimeError(self.secret)

        reactions = reactions_of(bundle(), Full())
        with capture_logs() as logs:
            reaction = reactions.review(requested(), RAW, NOW)
        assert (reaction.events, reaction.written) == ((), None)
        assert logs[0]["event"] == "approval_not_changed"
        assert "hunter2" not in repr(logs)


class TestFatigue:
    async def test_a_rejection_is_told_to_the_principals_account_and_pauses_it(self) -> None:
        budget = {"measure": "rejections", "amount": 1, "window": 3600}
        rules = bundle(rule("writes", "review", {"intents": ["write"]}, budgets=[budget]))
        forwarded: list[tuple[str, bytes]] = []
        table = MemoryTable()
        reactions = reactions_of(rules, table, accounts=MemoryTable(), forwarded=forwarded)
        command = command_requested(DELETE)
        (asked, _) = reactions.charge(command, RAW, NOW).events
        assert isinstance(asked, ApprovalRequested)
        reactions.review(asked, RAW, NOW)
        (settlement,) = reactions.review(decided(asked, DANA, Answer.REJECT), RAW, NOW).events
        assert isinstance(settlement, ApprovalSettled)
        ended = reactions.review(settlement, b"settlement", NOW)
        assert [type(event) for event in ended.events] == [CommandDenied]
        assert ended.written is not None
        table.writes[-1].set_result(None)
        await ended.written
        assert forwarded == [("agent-7", b"settlement")]
        reactions.charge(settlement, RAW, NOW)
        (denied,) = reactions.charge(command_requested(DELETE), RAW, NOW).events
        assert isinstance(denied, CommandDenied)
        assert denied.message.startswith("paused: reviewers rejected 1 of its commands")
        assert denied.retry_at is not None


class TestGrants:
    TERMS = rule("w", "review", {})["review"] | {
        "grants": {"kinds": ["pattern", "window"], "seconds": 600.0, "uses": None}
    }
    RULES = bundle(rule("writes", "review", {"intents": ["write"]}, review=TERMS))

    def issued(self, **more: Any) -> GrantIssued:
        return grant_issued(rules=(self.RULES.rules[0].digest,), **more)

    def asked(self) -> CommandRequested:
        return command_requested(DELETE, fingerprint=FINGERPRINT, reply_to=3)

    async def test_what_gives_and_takes_grants_goes_to_the_principals_account(self) -> None:
        forwarded: list[tuple[str, bytes]] = []
        reactions = reactions_of(self.RULES, forwarded=forwarded)
        for event in (self.issued(), grant_revoked()):
            written = reactions.hand_over(event, RAW, NOW).written
            assert written is not None
            await written
        assert forwarded == [("agent-7", RAW)] * 2

    async def test_a_use_is_durable_before_the_verdict_and_counted_once(self) -> None:
        table = MemoryTable()
        reactions = reactions_of(self.RULES, grants=table)
        assert reactions.charge(self.issued(uses=1), RAW, NOW).before is not None
        assert reactions.charge(self.issued(uses=1), RAW, NOW).before is None, "a repeat"
        request = self.asked()
        first = reactions.charge(request, RAW, NOW)
        assert [type(event) for event in first.events] == [CommandAllowed]
        assert first.before is not None
        later = NOW + timedelta(seconds=5)
        again = reactions_of(self.RULES, grants=table.restored()).charge(request, RAW, later)
        assert again.events == first.events
        other = reactions.charge(self.asked(), RAW, NOW)
        assert isinstance(other.events[0], ApprovalRequested)

    async def test_what_runs_is_stopped_where_its_ingress_listens(self) -> None:
        reactions = reactions_of(self.RULES)
        reactions.charge(self.issued(), RAW, NOW)
        running, over = self.asked(), self.asked()
        reactions.charge(running, RAW, NOW)
        reactions.charge(over, RAW, NOW)
        assert reactions.charge(finished(over), RAW, NOW).before is not None
        revoked = reactions.charge(grant_revoked(), RAW, NOW)
        ((order, partition),) = revoked.orders
        assert (order.envelope.command, partition) == (running.envelope.command, 3)
        assert revoked.before is not None, "first it lets nothing more through"
        assert isinstance(reactions.charge(self.asked(), RAW, NOW).events[0], ApprovalRequested)

    async def test_the_end_of_its_time_is_seen_also_after_a_restart(self) -> None:
        table = MemoryTable()
        before = reactions_of(self.RULES, grants=table)
        before.charge(self.issued(), RAW, NOW)
        before.charge(self.asked(), RAW, NOW)
        restored = table.restored()
        kept = Grantings(restored, signer(Role.PROCESSORS), KEYRING)
        kept.recover(range(8))
        end = NOW + timedelta(minutes=10)
        assert kept.due(end) == ["agent-7"]
        (reaction,) = before.expire_grants(end)
        assert [type(order) for order, _ in reaction.orders] == [CommandRevoked]
        assert list(before.expire_grants(end)) == []

    async def test_a_forged_record_grants_nothing_and_refuses(self) -> None:
        table = MemoryTable({b"agent-7": b"forged"})
        reactions = reactions_of(self.RULES, grants=table)
        with capture_logs():
            (denied,) = reactions.charge(self.asked(), RAW, NOW).events
        assert isinstance(denied, CommandDenied)

    async def test_access_that_is_asked_for_waits_for_reviewers(self) -> None:
        event = AccessRequested(
            envelope=envelope(NOW, "api@test#1", command="c", principal="agent-7", resource="orders"),
            approval="approval-1",
            principal=AGENT_7,
            intents=(Intent.WRITE,),
            access=Access(600),
            reason="",
            ticket="",
            client_address="",
        )
        (asked,) = reactions_of(self.RULES).review(event, RAW, NOW).events
        assert isinstance(asked, ApprovalRequested)
        assert asked.access == event.access
