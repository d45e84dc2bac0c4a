"""A request as a Slack message (Block Kit). Pure.

Text that comes from elsewhere stands in `plain_text` and preformatted elements, which Slack shows as they
are: no link, mention or emphasis can be made of it. A command that a message cannot show whole has no
buttons: nobody approves what they did not see.
"""

import json
from typing import Any

from api.access import how_it_ended
from api.inbox import Approval, Change, Kind
from api.plain_words import headline, of_request, undoing_of
from api.visible import visible
from schemas.vocabulary import Answer

_LONGEST_COMMAND = 2500  # characters; Slack takes 3,000 in a block
_LONGEST_LINE = 300

Block = dict[str, Any]


def slack_payload(change: Change, url: str) -> str:
    """The message after this change: what to show, and which approval it is about. `url`: of the page."""
    approval = change.approval
    is_end = change.kind is Kind.SETTLED
    blocks = _settled(approval, url) if is_end else _waiting(approval, url)
    text = escaped(_short(f"{_who(approval)}: {headline(approval.request)}"))
    return json.dumps({"approval": approval.id, "is_end": is_end, "text": text, "blocks": blocks})


def escaped(text: str) -> str:
    """For mrkdwn, which the text beside blocks is: its three control characters ("Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def decision_value(approval: Approval) -> str:
    """What a button carries: the approval, and the digest of what the message shows."""
    return f"{approval.id} {approval.request.digest}"


def parse_value(value: str) -> tuple[str, str]:
    """Approval and digest. Raises ValueError."""
    approval, digest = value.split(" ")
    return approval, digest


def comment_view(value: str) -> Block:
    """The dialogue that asks why somebody rejects."""
    return {
        "type": "modal",
        "callback_id": Answer.REJECT.value,
        "private_metadata": value,
        "title": _plain("Reject"),
        "submit": _plain("Reject"),
        "close": _plain("Back"),
        "blocks": [
            {
                "type": "input",
                "block_id": "comment",
                "label": _plain("Why, and what to do instead"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "comment",
                    "multiline": True,
                    "min_length": 1,
                    "max_length": 2000,
                },
            }
        ],
    }


def _waiting(approval: Approval, url: str) -> list[Block]:
    request = approval.request
    shown = visible(request.text)
    is_whole = len(shown) <= _LONGEST_COMMAND and not request.parameters and request.transaction is None
    why = " ".join(part for part in (request.reason, request.ticket) if part)
    blocks = [
        {"type": "header", "text": _plain(_who(approval)[:150])},
        _section("\n".join(sentence.text for sentence in of_request(request))),
        *([] if request.access else [_preformatted(shown if is_whole else shown[:_LONGEST_COMMAND] + "…")]),
        *_warnings(approval),
        _section(f"{why or 'no reason given'}\nCan be undone: {undoing_of(request).text}"),
        _context(
            f'rule "{request.rule}", until {request.expires_at:%H:%M:%S} UTC, decided by '
            f"{' or '.join(request.reviewers)}"
        ),
    ]
    if is_whole:
        value = decision_value(approval)
        buttons = [
            _button("Approve", Answer.APPROVE.value, "primary", value=value),
            _button("Reject", Answer.REJECT.value, "danger", value=value),
            _link(approval, url),
        ]
    else:
        blocks.append(_section("The message cannot show all of it: decide at the page."))
        buttons = [_link(approval, url)]
    return [*blocks, {"type": "actions", "block_id": "decision", "elements": buttons}]


def _warnings(approval: Approval) -> list[Block]:
    request = approval.request
    found = [f"It asks to see {', '.join(request.unmask)} as they are."] if request.unmask else []
    found += [f"Not proven: {reason}" for reason in request.facts.unproven]
    return [_section("\n".join(found))] if found else []


def _settled(approval: Approval, url: str) -> list[Block]:
    settlement = approval.settlement
    said = f'\n"{settlement.comment}"' if settlement is not None and settlement.comment else ""
    return [
        {"type": "header", "text": _plain(_who(approval)[:150])},
        _section("\n".join(sentence.text for sentence in of_request(approval.request))),
        _section(f"{how_it_ended(approval)}{said}"),
        {"type": "actions", "block_id": "decision", "elements": [_link(approval, url)]},
    ]


def _who(approval: Approval) -> str:
    principal = approval.request.principal
    name = f"{principal.name} for {principal.acts_for}" if principal.acts_for else principal.name
    return f"{name} → {approval.request.envelope.resource}"


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": visible(text) or "-", "emoji": False}


def _section(text: str) -> Block:
    return {"type": "section", "text": _plain(text[:2900] or "-")}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_plain(_short(text))]}


def _preformatted(text: str) -> Block:
    literal = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text or "-"}]}
    return {"type": "rich_text", "elements": [literal]}


def _button(text: str, action: str, style: str, **more: str) -> Block:
    return {"type": "button", "text": _plain(text), "action_id": action, "style": style, **more}


def _link(approval: Approval, url: str) -> Block:
    return {
        "type": "button",
        "text": _plain("Open the page"),
        "action_id": "open",
        "url": f"{url}/approvals/{approval.id}",
    }


def _short(text: str) -> str:
    line = visible(text)
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"
