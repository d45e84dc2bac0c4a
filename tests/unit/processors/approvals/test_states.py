from processors.approvals.states import FOLLOWERS, may_follow
from schemas.vocabulary import ApprovalState


def test_every_state_is_in_the_table() -> None:
    assert set(FOLLOWERS) == set(ApprovalState)


REVOCATION = (ApprovalState.APPROVED, ApprovalState.REVOKED)


def test_only_pending_goes_on_and_what_was_approved_is_revoked() -> None:
    for state in ApprovalState:
        for following in ApprovalState:
            if may_follow(state, following):
                assert state is ApprovalState.PENDING or (state, following) == REVOCATION
                assert following is not ApprovalState.PENDING


def test_every_end_can_be_reached_but_revoked() -> None:
    """That is for what was approved."""
    ends = set(ApprovalState) - {ApprovalState.PENDING, ApprovalState.REVOKED}
    assert FOLLOWERS[ApprovalState.PENDING] == ends
