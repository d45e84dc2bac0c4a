"""`countersign grants`: list, show, revoke; `countersign request`: ask for access beforehand."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.approvals import line as approval_line
from api.cli.gateway import ConfigOption, Exit, JsonOption, call, fail, find
from api.visible import on_one_line, visible
from api.web.words import duration
from infra.clock import now
from infra.config.values import parse_duration

app = typer.Typer(help="What reviewers let through beforehand, and its end.", no_args_is_help=True)

_PREVIEW = 100  # characters of a pattern on one line

Identifier = Annotated[
    str, typer.Argument(metavar="ID", help="The grant, or its first 6 characters or more.")
]


@app.command("list")
def list_grants(
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Lists the grants that are in force or will be."""
    found = call(find(config), "GET", "/api/grants", query={"state": "all" if every else "open"})
    if as_json:
        return print(json.dumps(found, indent=2))
    for grant in found:
        print(line(grant, now()))
    if not found:
        print("None.")
    return None


@app.command()
def show(identifier: Identifier, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Shows one grant: what it lets through, who gave it, how often it was used."""
    found = call(find(config), "GET", f"/api/grants/{quote(identifier, safe='')}")
    if as_json:
        return print(json.dumps(found, indent=2))
    return print("\n".join(sheet(found)))


@app.command()
def revoke(
    identifier: Identifier,
    reason: Annotated[str, typer.Option(help="Tells whoever has it why.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Ends a grant now: what runs by it is cancelled."""
    path = f"/api/grants/{quote(identifier, safe='')}"
    found = call(find(config), "DELETE", path, query={"reason": reason})
    print(json.dumps(found, indent=2) if as_json else line(found, now()))


@app.command()
def request(
    resource: Annotated[str, typer.Argument(help="The resource.")],
    intents: Annotated[str, typer.Option(help="What the commands are for, such as read,write.")],
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 30m or 2h.")],
    reason: Annotated[str, typer.Option(help="Tells the reviewers why.")],
    ticket: Annotated[str, typer.Option(help="Where more is said about it.")] = "",
    starts_at: Annotated[
        str, typer.Option("--at", help="When it begins, as in 2026-03-01T22:00+01:00; else when approved.")
    ] = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Asks reviewers for a window of time in which these commands need no further review."""
    body: dict[str, Any] = {
        "resource": resource,
        "intents": [intent.strip() for intent in intents.split(",")],
        "seconds": _seconds(lasts),
        "reason": reason,
        "ticket": ticket,
    }
    if starts_at:
        body["starts_at"] = _moment(starts_at)
    asked = call(find(config), "POST", "/api/access", body=body)
    if as_json:
        return print(json.dumps(asked, indent=2))
    print(approval_line(asked, now()))
    return print(f"`countersign grants list` shows it once {', '.join(asked['reviewers'])} approved.")


def line(grant: dict[str, Any], at: datetime) -> str:
    """A grant on one line: id, who → where, what, uses, and how long it lasts or how it ended."""
    uses = f"{'?' if grant['used'] is None else grant['used']} of {grant['uses'] or 'any'} uses"
    if grant["state"] == "active":
        end = f"{_until(grant['expires_at'], at)} left"
    elif grant["state"] == "upcoming":
        end = f"begins in {_until(grant['starts_at'], at)}"
    else:
        end = f"{grant['state']}{' by ' + grant['revoked_by'] if grant['revoked_by'] else ''}"
    who = f"{grant['principal']} for {grant['acts_for']}" if grant["acts_for"] else grant["principal"]
    return visible(
        f"{grant['id'][:8]}  {who} → {grant['resource']}  {_what(grant)}  {uses}  {end}, "
        f"by {grant['issued_by']}"
    )


def sheet(grant: dict[str, Any]) -> Iterator[str]:
    """All of a grant, a fact a line."""

    def fact(label: str, value: str) -> str:
        return f"{label + ':':<12} {visible(value)}"

    yield line(grant, now())
    yield ""
    for label in ("pattern", "session", "rule", "reason", "ticket", "comment"):
        if grant[label]:
            yield fact(label, grant[label])
    yield fact("issued", f"{grant['issued_at']} by {grant['issued_by']}, approval {grant['approval']}")
    yield fact("from", grant["starts_at"])
    yield fact("until", grant["expires_at"])
    if grant["revoked_by"]:
        yield fact("revoked", f"{grant['revoked_at']} by {grant['revoked_by']}: {grant['revocation']}")


def _what(grant: dict[str, Any]) -> str:
    if grant["kind"] == "pattern":
        return f'"{on_one_line(grant["pattern"], _PREVIEW)}"'
    if grant["kind"] == "session":
        return f"reading in session {grant['session'][:8]}"
    return ", ".join(grant["intents"])


def _until(moment: str, at: datetime) -> str:
    return duration(max(datetime.fromisoformat(moment) - at, timedelta()))


def _seconds(text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        fail(Exit.USAGE, f"--for: {error}")


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(Exit.USAGE, "--at: expected a time such as 2026-03-01T22:00+01:00")
    return moment.astimezone().isoformat()
