from support.reviews import decided, requested, settled

from api.past import approvals_of
from schemas.vocabulary import ApprovalState


def test_an_approval_is_made_again_from_its_events() -> None:
    one, other = requested(), requested(text="delete from orders where id = 8")
    found = approvals_of([one, other, decided(one), settled(one), settled(one, ApprovalState.REVOKED)])
    assert found[one.approval].state is ApprovalState.REVOKED
    assert [decision.reviewer for decision in found[one.approval].decisions] == ["dana"]
    assert found[other.approval].state is ApprovalState.PENDING
