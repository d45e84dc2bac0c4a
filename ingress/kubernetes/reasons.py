"""Why a requester wants a request, in their own words: in two header fields, or at the end of the token.

kubectl sends no header fields of its user's, but it asks our credential plugin for the token, which adds what
the environment says:

    COUNTERSIGN_REASON="it hangs" COUNTERSIGN_TICKET=OPS-12 kubectl delete pod web
"""

import base64
import binascii
import re
from dataclasses import replace

from ingress.web.fields import REASON, TICKET
from ingress.web.reasons import reason_and_ticket
from ingress.web.strict import Head

_SAID = re.compile(rb",countersign-(reason|ticket)=([A-Za-z0-9_-]{1,4000})\Z")
_FIELDS = {b"reason": REASON, b"ticket": TICKET}


def with_words(head: Head) -> tuple[Head, tuple[str, str]]:
    """The head with the token alone in Authorization; the reason and the ticket, empty where not said."""
    value = head.field(b"authorization") or b""
    said: list[tuple[bytes, bytes]] = []
    while (found := _SAID.search(value)) is not None:
        value = value[: found.start()]
        said.append((_FIELDS[found[1]], _decoded(found[2])))
    fields = tuple((name, value if name == b"authorization" else one) for name, one in head.fields)
    head = replace(head, fields=fields)
    return head, reason_and_ticket(replace(head, fields=(*fields, *said)))


def _decoded(text: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""
