"""Why a requester wants a command, in their own words: variables of the client, or a comment at its end.

    ssh -o SetEnv=COUNTERSIGN_REASON="restart after OPS-12" agent-7:web-1@gateway 'systemctl restart nginx'
    ssh agent-7:web-1@gateway 'systemctl restart nginx # reason: it hangs, ticket: OPS-12'

The variables are for the gateway and do not reach the host; the comment goes along, and is one there too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

REASON = "COUNTERSIGN_REASON"
TICKET = "COUNTERSIGN_TICKET"
LONGEST = 1000  # characters kept

_KEY = re.compile(r"(?:^|[,;])\s*(reason|ticket)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Why:
    """A reason, and the ticket that has more of it; empty where none was given."""

    reason: str = ""
    ticket: str = ""


def why(environment: Mapping[str, str], comment: str = "") -> Why:
    """`comment`: the command's last, without its `#`; what it says comes before the variables."""
    found: dict[str, str] = {}
    keys = list(_KEY.finditer(comment))
    for number, key in enumerate(keys, start=1):
        end = keys[number].start() if number < len(keys) else len(comment)
        found.setdefault(key[1].lower(), _clean(comment[key.end() : end]))
    return Why(
        found.get("reason") or _clean(environment.get(REASON, "")),
        found.get("ticket") or _clean(environment.get(TICKET, "")),
    )


def _clean(words: str) -> str:
    """Words on one line, without what a terminal would obey, and not too many."""
    shown = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(shown.split())[:LONGEST]
