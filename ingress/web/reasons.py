"""Why a requester wants a request, in their own words: in two header fields.

X-Countersign-Reason: count what is open
X-Countersign-Ticket: OPS-12
"""

from ingress.web.fields import REASON, TICKET
from ingress.web.strict import Head

LONGEST = 1000  # characters kept


def reason_and_ticket(head: Head) -> tuple[str, str]:
    """Both as they were said; empty where they were not."""
    words = (head.field(name) or b"" for name in (REASON, TICKET))
    reason, ticket = (clean(said.decode("utf-8", "replace")) for said in words)
    return reason, ticket


def clean(text: str) -> str:
    """Words on one line, without what a terminal would obey, and not too many."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:LONGEST]
