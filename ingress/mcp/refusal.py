"""What an MCP client is told: refusals and waiting, as results of tools that failed, which a model reads, and
as JSON-RPC errors elsewhere."""

from dataclasses import dataclass
from typing import Any

from ingress.gate import Refusal, Waiting
from ingress.mcp import words
from ingress.mcp.messages import (
    FAILED,
    REFUSED,
    UNSUPPORTED_VERSION,
    Answer,
    Id,
    Message,
    Notification,
    Request,
    make_error,
    make_result,
)
from ingress.web.fields import Field
from ingress.web.sinks import Said

FIELDS: tuple[Field, ...] = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
META = "countersign/refusal"
"""The key of a result's _meta under which programs find what a model is told."""
_HOW_TO_SAY = (
    "Nothing was executed. Say it in the request's _meta, as countersign/reason and countersign/ticket, "
    "or in the header fields X-Countersign-Reason and X-Countersign-Ticket."
)


@dataclass(frozen=True, slots=True)
class McpWords:
    """How the client of one request is told. `message`: what it asked; None where that is not known."""

    message: Message | None = None

    def refused(self, command: str, refusal: Refusal) -> Said:
        told = {
            "verdict": "deny",
            "rule": refusal.rule,
            "approval": refusal.approval,
            "state": refusal.state,
            "comment": refusal.comment,
            "missing": list(refusal.missing),
            "retry_at": refusal.retry_at.isoformat() if refusal.retry_at is not None else "",
            "hint": _HOW_TO_SAY if refusal.missing else refusal.hint,
            "command": command,
        }
        rule = f' by rule "{refusal.rule}"' if refusal.rule else ""
        comment = f' "{refusal.comment}"' if refusal.comment else ""
        text = f"refused{rule}: {refusal.message.removeprefix('refused: ')}{comment}. {told['hint']}"
        return self._told(text, _present(told), REFUSED, 403)

    def failed(self, status: int, title: str, detail: str, hint: str = "") -> Said:
        text = f"{title}: {detail}" + (f". {hint}" if hint else "")
        id = self.id
        # Between the client and the gateway a status says it too; an answer of JSON-RPC has 200.
        return Said(status if id is None or status < 500 else 200, FIELDS, make_error(id, FAILED, text))

    def waiting(self, waiting: Waiting, link: str, id: Id) -> bytes:
        """The answer to a call that is not settled yet."""
        told = {
            "verdict": "review",
            "state": "pending",
            "rule": waiting.rule,
            "approval": waiting.approval,
            "link": link,
            "reviewers": list(waiting.reviewers),
            "expires_at": waiting.expires_at.isoformat(),
        }
        text = (
            f"{held_text(waiting, link)}. It is not settled yet, and nothing was executed. Tell your user, "
            "and call the tool again with the same arguments later: that asks nobody twice, and gives the "
            "result once."
        )
        return make_result(id, _failed_tool(text, _present(told)))

    def _told(self, text: str, told: dict[str, Any], code: int, status: int) -> Said:
        match self.message:
            case Request(method=words.CALL, id=id):
                return Said(200, FIELDS, make_result(id, _failed_tool(text, told)))
            case Request(id=id):
                return Said(200, FIELDS, make_error(id, code, text, told))
            case _:
                return Said(status, FIELDS, make_error(None, code, text, told))

    @property
    def id(self) -> Id | None:
        """Of the request; None where it was none."""
        match self.message:
            case Request(id=id):
                return id
            case Answer() | Notification() | None:
                return None


def held_text(waiting: Waiting, link: str) -> str:
    """In words."""
    where = f", {link}" if link else ""
    return f'held for review by rule "{waiting.rule}": approval {waiting.approval}{where}'


def unsupported_version(id: Id | None, version: str) -> Said:
    """For a version of MCP that begins no session (2026-07-28): its clients then begin one."""
    data = {"supported": list(words.VERSIONS), "requested": version}
    said = "this gateway does not speak that version of MCP"
    return Said(400, FIELDS, make_error(id, UNSUPPORTED_VERSION, said, data))


def _failed_tool(text: str, told: dict[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": True, "_meta": {META: told}}


def _present(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value}
