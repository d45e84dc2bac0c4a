"""What an SSH client is told on stderr: refusals (one line of JSON), waiting, decisions."""

import json
from datetime import datetime

from ingress.gate import Allowed, Refusal, Waiting
from ingress.ssh.judge import LONGEST
from ingress.terminal.guard import Blocked
from schemas.vocabulary import Obligations

NOT_EXECUTED = 126
"""The exit status of a refused command: found, but not executable (POSIX, Shell Command Language, 2.8.2)."""

_HOW_TO_SAY = (
    "Nothing was executed. Say it in a comment at the end of the command, # reason: …, ticket: …, or with "
    "ssh -o SetEnv='COUNTERSIGN_REASON=… COUNTERSIGN_TICKET=…'."
)

CANCELLED = Refusal(
    message="the client took the command back",
    hint="Nothing was executed.",
    cancelled=True,
)


TOO_LONG = Refusal(
    message=f"the command line is longer than {LONGEST} characters",
    hint="Nothing was executed. Send it as a file with sftp, and run that.",
)


_TAKE_OUT = "Take it out; where it has to pass, ask whoever keeps the gateway's rules."
_SEND_WHOLE = "Send it as a whole, in order, under a name of its own."


def blocked(obligations: Obligations, why: Blocked, stays: str) -> Refusal:
    """That it holds what a rule blocks. `stays`: what became of what came before, in words."""
    return Refusal(
        f"it holds what must not pass: {why}", f"{stays} {_TAKE_OUT}", obligations.rule_of(why.limit)
    )


def uninspected(obligations: Obligations, why: str, stays: str = "Nothing was executed.") -> Refusal:
    """That it comes in a way in which a rule that blocks could not be kept."""
    return Refusal(why, f"{stays} {_SEND_WHOLE}", obligations.rule_of(f"block:{obligations.block[0]}"))


def refusal_line(command: str, refusal: Refusal) -> str:
    """For an agent to parse and a person to read: what happened, and what to do."""
    detail = {
        "verdict": "deny",
        "rule": refusal.rule,
        "message": refusal.message,
        "hint": _HOW_TO_SAY if refusal.missing else refusal.hint,
        "approval": refusal.approval,
        "state": refusal.state,
        "comment": refusal.comment,
        "missing": list(refusal.missing),
        "retry_at": refusal.retry_at.isoformat() if refusal.retry_at is not None else "",
        "command": command,
    }
    return json.dumps({key: value for key, value in detail.items() if value}, ensure_ascii=False)


def refusal_text(refusal: Refusal) -> str:
    """For a person at a terminal."""
    rule = f' by rule "{refusal.rule}"' if refusal.rule else ""
    hint = _HOW_TO_SAY if refusal.missing else refusal.hint
    comment = f' "{refusal.comment}"' if refusal.comment else ""
    return f"countersign: refused{rule}: {refusal.message}{comment}\ncountersign: {hint}"


def refusal_words(command: str, refusal: Refusal, *, at_terminal: bool) -> str:
    """As whoever reads it can use it."""
    return refusal_text(refusal) if at_terminal else refusal_line(command, refusal)


def waiting_text(waiting: Waiting, link: str, now: datetime) -> str:
    """While a command waits for its reviewer. `link`: the page of this approval."""
    where = f", {link}" if link else ""
    left = _in_words((waiting.expires_at - now).total_seconds())
    return (
        f'countersign: held for review by rule "{waiting.rule}": approval {waiting.approval}'
        f"{where}, up to {left}"
    )


def still_waiting_text(waiting: Waiting, link: str, now: datetime) -> str:
    """At intervals while it goes on waiting: who can decide, and the time that is left."""
    where = f", {link}" if link else ""
    left = _in_words((waiting.expires_at - now).total_seconds())
    return (
        f"countersign: still held for review: approval {waiting.approval}{where}, {left} left; "
        f"a member of {', '.join(waiting.reviewers)} can decide"
    )


def decided_text(allowed: Allowed) -> str:
    """That reviewers approved."""
    comment = f': "{allowed.comment}"' if allowed.comment else ""
    return f"countersign: approved by {allowed.approved_by}{comment}"


def stopped_text(limit: str, rule: str) -> str:
    """That a command was stopped while it ran."""
    if limit.startswith("block:"):
        what = limit.removeprefix("block:")
        return f'countersign: stopped by rule "{rule}": it holds what must not pass: {what}. {_TAKE_OUT}'
    return f'countersign: stopped at its limit of {limit} by rule "{rule}"'


def _in_words(seconds: float) -> str:
    if seconds >= 120:
        return f"{round(seconds / 60)} minutes"
    return f"{max(0, round(seconds))} seconds"
