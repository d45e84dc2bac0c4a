"""Writes that are refused whatever the rules say: what was masked must not be taken for the value. Pure."""

from ingress.kubernetes.requested import Requested
from ingress.kubernetes.sensitivity import MASKED, selectors_of
from ingress.web.call import Call
from schemas.vocabulary import SensitiveColumn

_WHY = (
    "it would write [masked] where the gateway masked a value: an object that was read through it is not the "
    "object as it is. Leave the masked fields out, or give them real values"
)


def refused_write(call: Call, requested: Requested, sensitive: tuple[SensitiveColumn, ...]) -> str | None:
    """Why this write is refused; None where it is not."""
    if requested.verb not in ("create", "update", "patch") or not call.body:
        return None
    is_sensitive = bool(selectors_of(requested.kind, sensitive))
    return _WHY if is_sensitive and any(mark in call.body for mark in MASKED) else None
