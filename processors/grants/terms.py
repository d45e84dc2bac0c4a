"""What reviewers may grant, and what several of them granted together. Pure; the API asks it, too."""

from collections.abc import Sequence

from schemas.events import ApprovalRequested
from schemas.vocabulary import GrantKind, GrantLimits, GrantTerms, Intent

READS = frozenset((Intent.READ, Intent.SESSION))
"""What a session under a grant may do."""


def strictest(limits: Sequence[GrantLimits | None]) -> GrantLimits | None:
    """What all of these permit; None where one of them permits nothing."""
    given = [limit for limit in limits if limit is not None]
    if not given or len(given) < len(limits):
        return None
    kinds = tuple(kind for kind in given[0].kinds if all(kind in limit.kinds for limit in given))
    uses = [limit.uses for limit in given if limit.uses is not None]
    return (
        GrantLimits(kinds, min(limit.seconds for limit in given), min(uses, default=None)) if kinds else None
    )


def agreed(offers: Sequence[GrantTerms | None]) -> GrantTerms | None:
    """What all who approved grant: nothing, where one of them grants nothing or something of another kind."""
    given = [offer for offer in offers if offer is not None]
    if not given or len(given) < len(offers) or len({offer.kind for offer in given}) > 1:
        return None
    uses = [offer.uses for offer in given if offer.uses is not None]
    return GrantTerms(given[0].kind, min(offer.seconds for offer in given), min(uses, default=None))


def why_not(request: ApprovalRequested, terms: GrantTerms) -> str:
    """Why this cannot be granted along with an approval; empty where it can."""
    limits = request.grants
    if limits is None:
        return "the rule permits no grants"
    if request.access is not None or terms.kind is GrantKind.WINDOW:
        return "a window of time is granted only where one was asked for"
    if terms.kind not in limits.kinds:
        return f"the rule permits no grants of kind {terms.kind.value}"
    if not 0 < terms.seconds <= limits.seconds:
        return f"the rule permits grants of at most {limits.seconds:g} seconds"
    if terms.uses is not None and terms.uses < 1:
        return "a grant has at least one use"
    if limits.uses is not None and (terms.uses is None or terms.uses > limits.uses):
        return f"the rule permits grants of at most {limits.uses} uses"
    if terms.kind is GrantKind.PATTERN and not request.fingerprint:
        return "this command has no pattern: what it does depends on all of its text"
    if terms.kind is GrantKind.SESSION and not READS.issuperset(request.facts.intents):
        return "a session is granted only from a command that does nothing but read"
    return ""
