from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.commands import DELETE, READ, bundle, rule
from support.commands import requested as command_requested
from support.reviews import AUDREY, DANA, NOW, decided, requested
from support.signing import KEYRING, signer
from support.table import MemoryTable

from processors.desk import Desk
from processors.policy.bundle import Bundle
from processors.reactions import Reactions
from schemas.events import (
    ApprovalPending,
    ApprovalRequested,
    ApprovalSettled,
    CommandAllowed,
    CommandDenied,
)
from schemas.vocabulary import Role

NODE = "processors@test#1"


def reactions_of(rules: Bundle, table: Any = None) -> Reactions:
    desk = Desk(table or MemoryTable(), rules, signer(Role.PROCESSORS), KEYRING, NODE)
    return Reactions(rules, desk, NODE)


def test_a_command_is_judged_and_answered_where_it_waits() -> None:
    reaction = reactions_of(bundle()).judge(command_requested(READ, reply_to=11), 600, NOW)
    assert [type(event) for event in reaction.events] == [CommandAllowed]
    assert (reaction.reply_to, reaction.written) == (11, None)


def test_a_rule_without_an_answer_is_logged_without_the_command() -> None:
    rules = bundle(rule("r", "deny", {"expression": "context.nothing == 'x'"}))
    with capture_logs() as logs:
        reactions_of(rules).judge(command_requested(READ, text="select 'hunter2'"), 600, NOW)
    (line,) = logs
    assert (line["event"], line["rule"]) == ("expression_failed", "r: no such member in mapping")
    assert "hunter2" not in repr(logs)


async def test_the_whole_way_of_an_approval() -> None:
    reactions = reactions_of(bundle())
    judged = reactions.judge(command_requested(DELETE, reply_to=11), 600, NOW)
    request, pending = judged.events
    assert isinstance(request, ApprovalRequested)
    assert isinstance(pending, ApprovalPending)
    asked = reactions.review(request, 600, NOW)
    assert (asked.events, asked.written is not None) == ((), True)
    proposed = reactions.review(decided(request, DANA), 600, NOW)
    (settlement,) = proposed.events
    assert isinstance(settlement, ApprovalSettled)
    ended = reactions.review(settlement, 600, NOW)
    assert [type(event) for event in ended.events] == [CommandAllowed]
    assert ended.reply_to == 11
    assert ended.written is not None


async def test_what_does_not_count_is_logged_with_its_reason() -> None:
    reactions = reactions_of(bundle())
    request = requested()
    reactions.review(request, 600, NOW)
    with capture_logs() as logs:
        ignored = reactions.review(decided(request, AUDREY), 600, NOW)
    assert (ignored.events, ignored.written) == ((), None)
    assert logs[0]["event"] == "approval_event_ignored"
    assert "groups" in logs[0]["reason"]


async def test_deadlines_come_once() -> None:
    reactions = reactions_of(bundle())
    request = requested(reply_to=5)
    reactions.review(request, 600, NOW)
    late = request.expires_at + timedelta(seconds=1)
    (reaction,) = reactions.expire_due(late)
    assert [type(event) for event in reaction.events] == [ApprovalSettled]
    assert list(reactions.expire_due(late)) == []


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
            reaction = broken.judge(request, 600, NOW)
        (denied,) = reaction.events
        assert isinstance(denied, CommandDenied)
        assert (denied.digest, reaction.reply_to) == (request.digest, 3)
        assert (logs[0]["event"], logs[0]["error"]) == ("command_not_judged", "RuntimeError")
        assert "hunter2" not in repr(logs)
        assert "hunter2" not in denied.message + denied.hint

    async def test_leaves_an_approval_as_it_was(self) -> None:
        class Full(MemoryTable):
            secret = "hunter2"

            def send_changelog(self, *_: Any, **__: Any) -> Any:
                raise RuntimeError(self.secret)

        reactions = reactions_of(bundle(), Full())
        with capture_logs() as logs:
            reaction = reactions.review(requested(), 600, NOW)
        assert (reaction.events, reaction.written) == ((), None)
        assert logs[0]["event"] == "approval_not_changed"
        assert "hunter2" not in repr(logs)
