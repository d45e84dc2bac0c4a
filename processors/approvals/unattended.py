"""What becomes of a held command when no reviewer can be reached. Pure.

Its rule said so beforehand (`on_unavailable`); whether reviewers can be reached is for `presence.py` to say,
and that they could not is part of the settlement (docs/decisions/0033-when-nobody-can-be-reached.md).
"""

from datetime import datetime

from processors.policy.bundle import Bundle
from processors.policy.command import command_of
from processors.policy.decision import decide
from processors.policy.rules import Decision, evaluate
from schemas.events import ApprovalRequested
from schemas.vocabulary import OnUnavailable, Verdict

UNREACHABLE = (
    "no reviewer can be reached: the gateway's API does not answer",
    "Nothing was executed. Run it again when it is back.",
)
_DENIED = Decision(Verdict.DENY, "", *UNREACHABLE)


def gives_up(request: ApprovalRequested) -> bool:
    """Whether the request does not wait for reviewers who cannot be reached, though its client waits."""
    waits = request.hold and not request.afterwards and request.access is None
    return waits and request.on_unavailable is not OnUnavailable.HOLD


def decide_unattended(request: ApprovalRequested, bundle: Bundle, now: datetime) -> Decision:
    """Allow or deny: by the reserve rule, where the request names one that is still there, unless the policy
    in force denies the command anyway."""
    resource = bundle.resources.get(request.envelope.resource)
    reserve = bundle.reserves.get(request.reserve)
    if request.on_unavailable is not OnUnavailable.RULE or resource is None or reserve is None:
        return _DENIED
    command = command_of(request, resource)
    ordinary = decide(command, bundle.rules, now)
    if ordinary.verdict is Verdict.DENY:
        return ordinary
    found = evaluate(command, [reserve], now)
    return found if found.rule else _DENIED
