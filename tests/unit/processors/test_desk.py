from datetime import timedelta

import pytest
from support.commands import bundle
from support.reviews import DANA, NOW, decided, requested, settled
from support.signing import KEYRING, signer
from support.table import MemoryTable

from infra.kafka.bus import partition_of
from processors.approvals.record import KEPT_FOR, Approval
from processors.desk import APPROVAL_RECORD, Desk
from schemas.events import ApprovalRequested, ApprovalSettled
from schemas.topics import APPROVALS
from schemas.vocabulary import ApprovalState, Role

NODE = "processors@test#1"
RULES = bundle()
ALL = range(APPROVALS.partitions)


def desk_over(table: MemoryTable) -> Desk:
    return Desk(table, lambda: RULES, signer(Role.PROCESSORS), KEYRING, NODE)


def asked(at: object = NOW) -> ApprovalRequested:
    return requested(NOW, policy_version=RULES.version)


def put(desk: Desk, *events: object) -> Approval | None:
    for event in events:
        step = desk.apply(event, NOW)  # type: ignore[arg-type]  # events of the approvals topic
        desk.save(event.approval, step.approval)  # type: ignore[attr-defined]
    return desk.find(events[0].approval)  # type: ignore[attr-defined]


async def test_what_is_saved_is_found_and_written_to_its_partition() -> None:
    table = MemoryTable()
    request = asked()
    approval = put(desk_over(table), request, decided(request, DANA))
    assert approval is not None
    assert [vote.reviewer for vote in approval.votes] == [DANA]
    ((partition, key, _), _) = table.changelog
    assert key == request.approval.encode()
    assert partition == partition_of(request.approval, APPROVALS.partitions)


async def test_the_writing_can_be_waited_for_and_nothing_is_written_twice() -> None:
    table = MemoryTable()
    desk = desk_over(table)
    request = asked()
    step = desk.apply(request, NOW)
    written = desk.save(request.approval, step.approval)
    assert written is table.writes[0]
    assert desk.save(request.approval, desk.apply(request, NOW).approval) is None
    assert desk.save("never heard of", None) is None
    assert len(table.changelog) == 1


async def test_a_restart_brings_approvals_and_deadlines_back() -> None:
    table = MemoryTable()
    request, other = asked(), asked()
    put(desk_over(table), request, decided(request, DANA, comment="before the restart"))
    put(desk_over(table), other, settled(other, ApprovalState.REJECTED))
    desk = desk_over(table.restored())
    desk.recover(ALL)
    assert desk.remembered == 2
    approval = desk.find(request.approval)
    assert approval is not None
    assert approval.votes[0].comment == "before the restart"
    assert desk.due(request.expires_at - timedelta(seconds=1)) == []
    assert desk.due(request.expires_at) == [request.approval]
    assert desk.due(other.expires_at + KEPT_FOR) == [other.approval]


async def test_deadlines_of_other_workers_partitions_are_theirs() -> None:
    table = MemoryTable()
    request = asked()
    put(desk_over(table), request)
    mine = partition_of(request.approval, APPROVALS.partitions)
    desk = desk_over(table.restored())
    desk.recover(set(ALL) - {mine})
    assert desk.due(request.expires_at) == []
    desk.recover({mine})
    assert desk.due(request.expires_at) == [request.approval]


async def test_a_deadline_proposes_the_end_and_later_forgets() -> None:
    table = MemoryTable()
    desk = desk_over(table)
    request = asked()
    put(desk, request)
    assert desk.due(request.expires_at) == [request.approval]
    (proposal,) = desk.expire(request.approval, request.expires_at).events
    assert isinstance(proposal, ApprovalSettled)
    assert proposal.state is ApprovalState.TIMED_OUT
    put(desk, proposal)
    late = request.expires_at + KEPT_FOR
    assert desk.due(late) == [request.approval]
    step = desk.expire(request.approval, late)
    desk.save(request.approval, step.approval)
    assert desk.find(request.approval) is None
    assert table.changelog[-1][2] is None
    assert table.restored().data == {}


async def test_one_that_is_gone_when_it_is_due() -> None:
    step = desk_over(MemoryTable()).expire("gone", NOW)
    assert (step.approval, step.events) == (None, ())


@pytest.mark.parametrize("role", [Role.INGRESS, Role.API, Role.PROJECTIONS])
async def test_a_record_somebody_else_wrote_is_no_approval(role: Role) -> None:
    """Whoever can write to Kafka can write to the changelog, too."""
    request = asked()
    forged = APPROVAL_RECORD.encode(Approval(request), signer(role))
    desk = desk_over(MemoryTable({request.approval.encode(): forged}))
    desk.recover(ALL)
    assert desk.find(request.approval) is None
    assert desk.remembered == 0
    assert desk.apply(decided(request, DANA), NOW).events == ()
