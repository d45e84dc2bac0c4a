"""The states of an approval, and which may follow which."""

from collections.abc import Mapping

from schemas.vocabulary import ApprovalState

FOLLOWERS: Mapping[ApprovalState, frozenset[ApprovalState]] = {
    ApprovalState.PENDING: frozenset(
        {
            ApprovalState.APPROVED,
            ApprovalState.REJECTED,
            ApprovalState.TIMED_OUT,
            ApprovalState.WITHDRAWN,
        }
    ),
    ApprovalState.APPROVED: frozenset({ApprovalState.REVOKED}),
    ApprovalState.REJECTED: frozenset(),
    ApprovalState.TIMED_OUT: frozenset(),
    ApprovalState.WITHDRAWN: frozenset(),
    ApprovalState.REVOKED: frozenset(),
}


def may_follow(state: ApprovalState, next_state: ApprovalState) -> bool:
    """Whether an approval may go from one state to the next."""
    return next_state in FOLLOWERS[state]
