"""What a client of a cluster is told: Status objects, as the API server's own, which every client shows.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

import json
from dataclasses import dataclass
from datetime import datetime

from ingress.gate import Allowed, Refusal, Waiting
from ingress.web.fields import Field
from ingress.web.sinks import Said

_FIELDS: tuple[Field, ...] = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_PLAIN_FIELDS: tuple[Field, ...] = ((b"content-type", b"text/plain; charset=utf-8"), _FIELDS[1])
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_HOW_TO_SAY = (
    "Nothing was executed. Say it to kubectl by COUNTERSIGN_REASON=… COUNTERSIGN_TICKET=… (the kubeconfig of "
    "`countersign connect` passes them on), to others in the header fields X-Countersign-Reason and "
    "X-Countersign-Ticket."
)


@dataclass(frozen=True, slots=True)
class Statuses:
    """The words of clusters. `plain`: as text where the gateway itself fails, for clients that show no Status
    of what is no resource."""

    plain: bool = False

    def refused(self, command: str, refusal: Refusal) -> Said:
        return Said(403, _FIELDS, refusal_status(command, refusal))

    def failed(self, status: int, title: str, detail: str, hint: str = "") -> Said:
        said = f"countersign: {title}: {detail}" + (f". {hint}" if hint else "")
        if self.plain and status >= 500:
            return Said(status, _PLAIN_FIELDS, said.encode())
        return Said(status, _FIELDS, make_status(status, said))


def make_status(code: int, message: str, causes: tuple[tuple[str, str], ...] = ()) -> bytes:
    """A Status that says what failed. `causes`: more of it, by name, for programs."""
    details = {"causes": [{"reason": name, "message": value} for name, value in causes if value]}
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(code, "InternalError"),
        **({"details": details} if details["causes"] else {}),
        "code": code,
    }
    return json.dumps(status, ensure_ascii=False).encode()


def refusal_status(command: str, refusal: Refusal) -> bytes:
    """The Status of a refused request."""
    causes = (
        ("verdict", "deny"),
        ("rule", refusal.rule),
        ("approval", refusal.approval),
        ("state", refusal.state),
        ("comment", refusal.comment),
        ("missing", ", ".join(refusal.missing)),
        ("retry_at", refusal.retry_at.isoformat() if refusal.retry_at is not None else ""),
        ("hint", _HOW_TO_SAY if refusal.missing else refusal.hint),
        ("command", command),
    )
    return make_status(403, refusal_text(refusal), causes)


def refusal_text(refusal: Refusal) -> str:
    """For a person: kubectl shows the message alone."""
    rule = f' by rule "{refusal.rule}"' if refusal.rule else ""
    said = refusal.message.removeprefix("refused: ")
    comment = f' "{refusal.comment}"' if refusal.comment else ""
    hint = _HOW_TO_SAY if refusal.missing else refusal.hint
    return f"countersign: refused{rule}: {said}{comment}. {hint}".strip()


def warning(text: str) -> Field:
    """A Warning that kubectl shows (RFC 7234, section 5.5; KEP-1693)."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    shown = "".join(
        character if character.isascii() and character.isprintable() else "?" for character in quoted
    )
    return b"warning", f'299 countersign "{shown}"'.encode()


def decided_text(allowed: Allowed) -> str:
    """That reviewers approved."""
    comment = f": {allowed.comment}" if allowed.comment else ""
    return f"countersign: held for review, and approved by {allowed.approved_by}{comment}"


def waiting_text(waiting: Waiting, link: str, now: datetime) -> str:
    """While a stream waits for its reviewer. `link`: the page of this approval."""
    where = f", {link}" if link else ""
    left = max(0, round((waiting.expires_at - now).total_seconds()))
    return (
        f'countersign: held for review by rule "{waiting.rule}": approval {waiting.approval}{where}, '
        f"up to {left} seconds"
    )
