"""What happened to an approval, as others are told: no text of the command, no parameter, no value. Pure."""

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase

from api.access import how_it_ended
from api.inbox import Change, Kind
from api.plain_words import of_request, undoing_of
from api.visible import visible
from infra.config import Endpoint

TOLD = (Kind.REQUESTED, Kind.SETTLED)


def is_for(endpoint: Endpoint, change: Change) -> bool:
    """Whether this endpoint is told of this."""
    return change.kind.value in endpoint.events and concerns(endpoint.resources, change)


def concerns(resources: Sequence[str] | None, change: Change) -> bool:
    """Whether it is about one of these resources: names and globs, None for all."""
    resource = change.approval.request.envelope.resource
    return resources is None or any(fnmatchcase(resource, glob) for glob in resources)


def link(change: Change, url: str) -> str:
    """To the request. `url`: of the page."""
    return f"{url}/approvals/{change.approval.id}"


def message_id(change: Change) -> str:
    """The same for the same event, whoever sends it and how often (Standard Webhooks, "webhook-id")."""
    settlement = change.approval.settlement
    state = settlement.state.value if change.kind is Kind.SETTLED and settlement is not None else "requested"
    return f"msg_{change.approval.id}.{state}"


def payload(change: Change, url: str) -> str:
    """The body: type, timestamp, data (Standard Webhooks, "Webhook payload"). `url`: of the page."""
    approval = change.approval
    request, settlement = approval.request, approval.settlement
    is_end = change.kind is Kind.SETTLED and settlement is not None
    data = {
        "id": approval.id,
        "link": link(change, url),
        "state": approval.state.value if is_end else "pending",
        "principal": request.principal.name,
        "principal_kind": request.principal.kind.value,
        "acts_for": request.principal.acts_for,
        "resource": request.envelope.resource,
        "protocol": request.protocol,
        "does": [sentence.text for sentence in of_request(request)],
        "undoing": undoing_of(request).text,
        "ticket": request.ticket,
        "rule": request.rule,
        "afterwards": request.afterwards,
        "reviewers": list(request.reviewers),
        "approvals_needed": request.approvals,
        "requested_at": request.envelope.time.isoformat(),
        "expires_at": request.expires_at.isoformat(),
        "settled_at": settlement.time.isoformat() if is_end and settlement is not None else None,
        "decided_by": list(settlement.decided_by) if is_end and settlement is not None else [],
        "ended": how_it_ended(approval) if is_end else None,
    }
    moment = settlement.time if is_end and settlement is not None else request.envelope.time
    return json.dumps({"type": change.kind.value, "timestamp": moment.isoformat(), "data": data})


def plain_message(change: Change, url: str) -> tuple[str, str]:
    """The same for people, as a title and a text without markup."""
    approval = change.approval
    request = approval.request
    principal = request.principal
    who = f"{principal.name} for {principal.acts_for}" if principal.acts_for else principal.name
    end = how_it_ended(approval) if change.kind is Kind.SETTLED else "waits for a decision"
    if request.afterwards and change.kind is Kind.REQUESTED:
        end = "ran at once, by break-glass, and waits for its review"
    lines = [sentence.text for sentence in of_request(request)]
    lines += [f"Can be undone: {undoing_of(request).text}", f'Rule: "{request.rule}"']
    if request.ticket:
        lines.append(f"Ticket: {request.ticket}")
    if change.kind is Kind.REQUESTED:
        lines.append(f"Until: {request.expires_at:%Y-%m-%d %H:%M:%S} UTC")
    title = visible(f"{who} → {request.envelope.resource}: {end}")
    return title, "\n".join([*map(visible, lines), link(change, url)])
