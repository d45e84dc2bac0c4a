"""What a PostgreSQL client is told: refusals, waiting, decisions."""

import json
from datetime import datetime

from ingress.gate import Allowed, Refusal, Waiting
from ingress.postgres.messages import make_error, make_notice
from schemas.vocabulary import ApprovalState

INSUFFICIENT_PRIVILEGE = "42501"
QUERY_CANCELED = "57014"

_HOW_TO_SAY = (
    "Nothing was executed. Say it in a comment of the statement, /* reason: …, ticket: … */, or for the "
    "session: SET countersign.reason = '…'; SET countersign.ticket = '…'."
)


CHANGED_MEANWHILE = Refusal(
    message="refused: what the command names is no longer what it was when this was decided",
    hint="Nothing was executed. The database was changed in the meantime; send the command again.",
)


def make_refusal(command: str, refusal: Refusal, link: str = "") -> bytes:
    """An ErrorResponse that a person can read and an agent can parse (DETAIL is JSON). `link`: the page of
    its approval, where it has one."""
    if refusal.cancelled:
        return make_error(QUERY_CANCELED, refusal.message, hint=refusal.hint)
    detail = {
        "verdict": "review" if refusal.state == ApprovalState.PENDING else "deny",
        "rule": refusal.rule,
        "approval": refusal.approval,
        "link": link,
        "state": refusal.state,
        "comment": refusal.comment,
        "missing": list(refusal.missing),
        "retry_at": refusal.retry_at.isoformat() if refusal.retry_at is not None else "",
        "command": command,
    }
    message = f'refused by rule "{refusal.rule}": {refusal.message}' if refusal.rule else refusal.message
    if refusal.state == ApprovalState.PENDING:
        where = f", {link}" if link else ""
        message = (
            f'not run yet by rule "{refusal.rule}": {refusal.message}: approval {refusal.approval}{where}'
        )
    elif refusal.comment:
        message = f'{message}: "{refusal.comment}"'
    return make_error(
        INSUFFICIENT_PRIVILEGE,
        message,
        detail=json.dumps({key: value for key, value in detail.items() if value}, ensure_ascii=False),
        hint=_HOW_TO_SAY if refusal.missing else refusal.hint,
    )


def make_waiting(waiting: Waiting, link: str, now: datetime) -> bytes:
    """The notice while a command waits for its reviewer. `link`: the page of this approval."""
    where = f", {link}" if link else ""
    return make_notice(
        f'held for review by rule "{waiting.rule}": approval {waiting.approval}{where}, '
        f"up to {_in_words((waiting.expires_at - now).total_seconds())}",
        detail=json.dumps(_detail(waiting), ensure_ascii=False),
    )


def make_still_waiting(waiting: Waiting, link: str, now: datetime) -> bytes:
    """The notice at intervals while it goes on waiting: who can decide, and the time that is left."""
    where = f", {link}" if link else ""
    return make_notice(
        f"still held for review: approval {waiting.approval}{where}, "
        f"{_in_words((waiting.expires_at - now).total_seconds())} left; "
        f"a member of {', '.join(waiting.reviewers)} can decide",
        detail=json.dumps(_detail(waiting), ensure_ascii=False),
    )


def make_decided(allowed: Allowed) -> bytes:
    """The notice that reviewers approved."""
    comment = f': "{allowed.comment}"' if allowed.comment else ""
    return make_notice(f"approved by {allowed.approved_by}{comment}")


def _detail(waiting: Waiting) -> dict[str, object]:
    return {
        "verdict": "review",
        "rule": waiting.rule,
        "approval": waiting.approval,
        "reviewers": list(waiting.reviewers),
        "expires_at": waiting.expires_at.isoformat(),
    }


def _in_words(seconds: float) -> str:
    if seconds >= 120:
        return f"{round(seconds / 60)} minutes"
    return f"{max(0, round(seconds))} seconds"
