"""Break-glass: who may run at once, in an emergency, what a rule has reviewed. Pure."""

from datetime import timedelta

from processors.policy.rule import Review
from schemas.events import CommandRequested
from schemas.vocabulary import PrincipalKind

PREFIX = "break-glass:"
"""What a reason begins with that asks for it: the same words in every protocol."""

REVIEWED_WITHIN = timedelta(days=7)
"""How long it waits for its review; after that it is on record as never reviewed."""


def breaks_glass(request: CommandRequested, review: Review) -> bool:
    """Whether this command runs at once: a person of the rule's groups asks for it, and says why. It shows
    nothing unmasked."""
    said = request.reason.strip()
    return (
        said.lower().startswith(PREFIX)
        and bool(said[len(PREFIX) :].strip())
        and request.principal.kind is PrincipalKind.PERSON
        and not set(request.principal.groups).isdisjoint(review.break_glass)
        and not request.unmask
    )
