"""The stages of a review, one after the other, and who decides in which. Pure; the API asks it, too."""

from collections.abc import Collection, Sequence

from processors.approvals.quorum import has_quorum
from schemas.events import ApprovalRequested
from schemas.vocabulary import ReviewStage


def stages_of(request: ApprovalRequested) -> tuple[ReviewStage, ...]:
    """All stages, the first first."""
    return (ReviewStage(request.reviewers, request.approvals, request.all_of), *request.then)


def stage_after(request: ApprovalRequested, persons: Sequence[tuple[str, Collection[str]]]) -> int | None:
    """The number of the stage that waits after these persons (name, groups) approved, in this order; None
    where all have approved. Who approves in one stage counts for no other."""
    stages = stages_of(request)
    number = 0
    present: dict[str, Collection[str]] = {}
    for name, groups in persons:
        if number == len(stages):
            break
        present[name] = groups
        if has_quorum(stages[number].approvals, stages[number].all_of, present):
            number, present = number + 1, {}
    return number if number < len(stages) else None


def deciders(request: ApprovalRequested, number: int | None, *, escalated: bool) -> tuple[str, ...]:
    """The groups that decide in this stage; where none waits, those of all stages."""
    stages = stages_of(request) if number is None else (stages_of(request)[number],)
    groups = [group for stage in stages for group in stage.reviewers]
    return tuple(dict.fromkeys((*groups, *(request.escalates_to if escalated else ()))))


def everyone(request: ApprovalRequested) -> tuple[str, ...]:
    """The groups of all stages, and those it may be escalated to."""
    return deciders(request, None, escalated=True)
