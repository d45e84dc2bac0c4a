from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.reviews import AGENT_7, DANA, ERIN, NODE, NOW

from processors.policy.publishing import OPEN_FOR, Publications, digest_of, settle
from schemas.envelope import envelope
from schemas.events import Event, PolicyProposed, PolicyReviewed, PolicySettled
from schemas.vocabulary import Answer, Principal, PrincipalKind, ProposalState

PUBLISHERS = ("reviewers",)
LATER = NOW + timedelta(minutes=5)
LEO = Principal("leo", PrincipalKind.PERSON, ("reviewers",))
ROBOT = Principal("robot", PrincipalKind.AGENT, ("reviewers",), acts_for="erin")


def proposed(id: str = "one", base: str = "", author: Principal = DANA, text: str = "a: b") -> PolicyProposed:
    return PolicyProposed(
        envelope=envelope(NOW, "api@test#1"),
        bundle="main",
        proposal=id,
        author=author,
        text=text,
        digest=digest_of(text),
        base=base,
        diff="",
        comment="",
    )


def reviewed(
    asked: PolicyProposed, by: Principal = ERIN, answer: Answer = Answer.APPROVE, **more: Any
) -> PolicyReviewed:
    fields: dict[str, Any] = {
        "digest": asked.digest,
        "comment": "",
        "envelope": envelope(LATER, "api@test#1"),
    }
    return PolicyReviewed(
        bundle="main", proposal=asked.proposal, reviewer=by, answer=answer, **(fields | more)
    )


def after(*events: Event) -> Publications:
    found = Publications()
    for event in events:
        found.apply(event)
    return found


def settled(publications: Publications, event: PolicyReviewed, *problems: str) -> PolicySettled:
    found = settle(publications, event, PUBLISHERS, problems, NODE)
    assert isinstance(found, PolicySettled), found
    return found


def in_force(publications: Publications) -> str:
    return publications.in_force.id if publications.in_force is not None else ""


def test_another_persons_approval_puts_rules_in_force() -> None:
    asked = proposed()
    found = after(asked)
    assert in_force(found) == ""
    end = settled(found, reviewed(asked))
    assert (end.state, end.decided_by, end.digest) == (ProposalState.PUBLISHED, ("erin",), asked.digest)
    found.apply(end)
    assert in_force(found) == "one"


def test_every_worker_says_the_same_end() -> None:
    asked = proposed()
    answer = reviewed(asked)
    one, other = (settle(after(asked), answer, PUBLISHERS, (), node) for node in ("p@a#1", "p@b#2"))
    assert isinstance(one, PolicySettled)
    assert isinstance(other, PolicySettled)
    assert replace(other, envelope=replace(other.envelope, node="p@a#1")) == one


@pytest.mark.parametrize(
    ("author", "by", "more", "why"),
    [
        (DANA, DANA, {}, "nobody approves their own"),
        (DANA, replace(DANA, name="Dana"), {}, "nobody approves their own"),
        (DANA, AGENT_7, {}, "only a person"),
        (DANA, ROBOT, {}, "only a person"),
        (DANA, replace(ERIN, groups=("dba",)), {}, "only members of reviewers"),
        (DANA, ERIN, {"digest": digest_of("other")}, "not the rules that were shown"),
        (DANA, ERIN, {"answer": Answer.REVOKE}, "not revoked"),
        (DANA, ERIN, {"envelope": envelope(NOW + OPEN_FOR, "api@test#1")}, "open until"),
        (AGENT_7, ERIN, {}, "its author may not"),
        (replace(DANA, groups=()), ERIN, {}, "its author may not"),
    ],
)
def test_what_does_not_count(author: Principal, by: Principal, more: dict[str, Any], why: str) -> None:
    asked = proposed(author=author)
    said = settle(after(asked), reviewed(asked, by, **more), PUBLISHERS, (), NODE)
    assert isinstance(said, str)
    assert why in said


def test_a_text_that_is_not_what_its_digest_says_is_never_published() -> None:
    asked = replace(proposed(), text="something else")
    said = settle(after(asked), reviewed(asked), PUBLISHERS, (), NODE)
    assert said == "these are not the rules that were shown"


def test_without_publishers_nobody_publishes() -> None:
    asked = proposed()
    said = settle(after(asked), reviewed(asked), (), (), NODE)
    assert isinstance(said, str)
    assert "configuration file alone" in said


def test_rules_that_cannot_be_used_are_rejected_with_the_reason() -> None:
    asked = proposed()
    end = settled(after(asked), reviewed(asked), "draft:1: not YAML")
    assert (end.state, end.comment) == (ProposalState.REJECTED, "it cannot be used: draft:1: not YAML")


@pytest.mark.parametrize(("by", "state"), [(ERIN, ProposalState.REJECTED), (DANA, ProposalState.WITHDRAWN)])
def test_a_rejection_ends_it(by: Principal, state: ProposalState) -> None:
    asked = proposed()
    found = after(asked)
    found.apply(settled(found, reviewed(asked, by, Answer.REJECT)))
    (proposal,) = found
    assert proposal.state is state
    assert in_force(found) == ""
    assert settle(found, reviewed(asked, LEO), PUBLISHERS, (), NODE) == f"it is {state.value}"


def test_of_two_that_come_at_once_the_first_read_counts() -> None:
    """Each end was proposed by a worker that had not read the other."""
    first, second = proposed("one"), proposed("two", text="c: d")
    both = after(first, second)
    ends = settled(both, reviewed(first)), settled(both, reviewed(second))
    for order in (ends, ends[::-1]):
        found = after(first, second, *order)
        assert in_force(found) == order[0].proposal
        assert {p.id: p.state for p in found}[order[1].proposal] is ProposalState.OUTDATED


def test_what_was_written_for_other_rules_is_outdated() -> None:
    first, old, new = proposed("one"), proposed("old", text="c: d"), proposed("new", "one", text="e: f")
    found = after(first)
    found.apply(settled(found, reviewed(first)))
    found.apply(old)
    found.apply(new)
    states = {proposal.id: proposal.state for proposal in found}
    assert states == {
        "one": ProposalState.PUBLISHED,
        "old": ProposalState.OUTDATED,
        "new": ProposalState.PENDING,
    }


def test_reading_the_log_again_changes_nothing() -> None:
    first, second = proposed("one"), proposed("two", "one", text="c: d")
    found = after(first)
    log: list[Event] = [first, settled(found, reviewed(first)), second]
    for event in log:
        found.apply(event)
    log.append(settled(found, reviewed(second)))
    for event in (*log, *log, *log):
        found.apply(event)
    assert in_force(found) == "two"
    assert [proposal.id for proposal in found] == ["two", "one"]
