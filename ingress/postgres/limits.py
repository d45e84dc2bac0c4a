"""The limits of a command's answer: where it stops, and what the client is told."""

import json
from dataclasses import dataclass

from ingress.gate import Revoked
from ingress.postgres.messages import make_error
from schemas.vocabulary import ApprovalState, Obligations

# PostgreSQL documentation, appendix A: class 54, program limit exceeded; 57014, query canceled, as
# statement_timeout says it.
PROGRAM_LIMIT_EXCEEDED = "54000"
STATEMENT_TOO_COMPLEX = "54001"
QUERY_CANCELED = "57014"

_HINTS = {
    "rows": "Ask for less, as with LIMIT.",
    "bytes": "Ask for less, as with LIMIT or fewer columns.",
    "time": "Ask for less, or for what the target finds faster.",
    "row": "Ask for less of it at once, as with substring() or fewer columns.",
}
_RAN = "The command itself had run to its end at the target: what it changed stands."


@dataclass(frozen=True, slots=True)
class Stop:
    """A limit that an answer reached, and the rule that set it, where the verdict says so; or, without a
    limit, that its approval was revoked."""

    limit: str  # "rows", "bytes", "time"; "row" is the gateway's own, in bytes; "" for a revocation
    most: float = 0
    rule: str = ""
    revoked: Revoked | None = None

    @property
    def code(self) -> str:
        """Its SQLSTATE."""
        return QUERY_CANCELED if self.limit in ("time", "") else PROGRAM_LIMIT_EXCEEDED

    @property
    def reason(self) -> str:
        """For the audit log."""
        if self.revoked is not None:
            return f"stopped: {self.revoked.words}"
        return f"the answer was stopped at {self.words}"

    @property
    def words(self) -> str:
        """As in "its limit of 10 rows"."""
        match self.limit:
            case "time":
                return f"its limit of {self.most:g} seconds"
            case "row":
                return f"the gateway's limit of {self.most} bytes for one row"
            case _:
                return f"its limit of {self.most} {self.limit}"


@dataclass(slots=True)
class Used:
    """What of its limits an answer, or all that is fetched from a cursor, has used."""

    rows: int = 0
    bytes: int = 0


def stop_at(limit: str, most: float, obligations: Obligations) -> Stop:
    """The stop at this limit of the verdict's."""
    return Stop(limit, most, obligations.rule_of(limit))


def make_stopped(command: str, stop: Stop, *, ran: bool) -> bytes:
    """The ErrorResponse in the place of the rest of an answer. `ran`: the target had finished the command."""
    if stop.revoked is not None:
        return _make_revoked(command, stop.revoked, ran=ran)
    by = f' by rule "{stop.rule}"' if stop.rule else ""
    detail = {"limit": stop.limit, "most": stop.most, "rule": stop.rule, "command": command}
    hint = _HINTS[stop.limit]
    return make_error(
        stop.code,
        f"the answer was stopped{by} at {stop.words}",
        detail=json.dumps(detail, ensure_ascii=False),
        hint=f"{_RAN} {hint}" if ran else hint,
    )


def _make_revoked(command: str, revoked: Revoked, *, ran: bool) -> bytes:
    detail = {
        "verdict": "deny",
        "approval": revoked.approval,
        "grant": revoked.grant,
        "state": ApprovalState.REVOKED,
        "comment": revoked.comment,
        "command": command,
    }
    return make_error(
        QUERY_CANCELED,
        f"stopped: {revoked.words}",
        detail=json.dumps({key: value for key, value in detail.items() if value}, ensure_ascii=False),
        hint=_RAN if ran else "The target was told to cancel it.",
    )


def first_messages(block: bytes, *, count: int | None = None, size: int | None = None) -> tuple[bytes, int]:
    """The first whole messages of a block, at most so many and so many bytes; and how many they are."""
    position = taken = 0
    while position < len(block) and (count is None or taken < count):
        end = position + 1 + int.from_bytes(block[position + 1 : position + 5], "big")
        if size is not None and end > size:
            break
        position, taken = end, taken + 1
    return block[:position], taken
