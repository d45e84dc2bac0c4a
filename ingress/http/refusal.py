"""What an HTTP client is told: refusals and waiting, as problem details (RFC 9457)."""

import json
from collections.abc import Mapping
from typing import Any

from ingress.gate import Refusal, Waiting
from ingress.web.fields import Field
from ingress.web.sinks import Said

_FIELDS: tuple[Field, ...] = (
    (b"content-type", b"application/problem+json"),
    (b"cache-control", b"no-store"),
)
_HOW_TO_SAY = (
    "Nothing was executed. Say it in the header fields X-Countersign-Reason and X-Countersign-Ticket."
)


def make_problem(status: int, title: str, **more: Any) -> bytes:
    """A problem's body; members without a value are left out."""
    members = {"type": "about:blank", "title": title, "status": status, **more}
    return json.dumps({name: value for name, value in members.items() if value}, ensure_ascii=False).encode()


class Problems:
    """The words of HTTP APIs."""

    def refused(self, command: str, refusal: Refusal) -> Said:
        retry: tuple[Field, ...] = ()
        if refusal.retry_at is not None:
            retry = ((b"retry-after", refusal.retry_at.strftime("%a, %d %b %Y %H:%M:%S GMT").encode()),)
        return Said(403, (*_FIELDS, *retry), _refusal_body(command, refusal))

    def failed(self, status: int, title: str, detail: str, hint: str = "") -> Said:
        return Said(status, _FIELDS, make_problem(status, title, detail=detail, hint=hint))


def _refusal_body(command: str, refusal: Refusal) -> bytes:
    return make_problem(
        403,
        f'refused by rule "{refusal.rule}"' if refusal.rule else "refused",
        detail=refusal.message,
        verdict="deny",
        rule=refusal.rule,
        approval=refusal.approval,
        state=refusal.state,
        comment=refusal.comment,
        missing=list(refusal.missing),
        retry_at=refusal.retry_at.isoformat() if refusal.retry_at is not None else "",
        hint=_HOW_TO_SAY if refusal.missing else refusal.hint,
        command=command,
    )


def waiting_body(waiting: Waiting, link: str, place: str) -> bytes:
    """The body of 202: who has to decide, and where the answer will be."""
    members: Mapping[str, Any] = {
        "verdict": "review",
        "rule": waiting.rule,
        "approval": waiting.approval,
        "link": link,
        "reviewers": list(waiting.reviewers),
        "expires_at": waiting.expires_at.isoformat(),
        "location": place,
        "hint": "Ask for the location until it answers otherwise than with 202; it answers once.",
    }
    return json.dumps({name: value for name, value in members.items() if value}, ensure_ascii=False).encode()
