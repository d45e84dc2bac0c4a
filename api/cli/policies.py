"""`countersign policies`: the rules in force, proposals of others, and what these would change."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.gateway import ConfigOption, Exit, JsonOption, Place, call, fail, find
from api.visible import on_one_line, visible

app = typer.Typer(help="The rules in force, and proposals of others.", no_args_is_help=True)

_PREVIEW = 100  # characters of a command on one line

Identifier = Annotated[
    str, typer.Argument(metavar="ID", help="The proposal, or its first 6 characters or more.")
]
Rules = Annotated[Path, typer.Argument(metavar="FILE", help="`policies:` and the rules; - reads them here.")]


@app.command("list")
def list_proposals(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Lists the proposals, the newest first."""
    found = call(find(config), "GET", "/api/policies/proposals")
    if as_json:
        return print(json.dumps(found, indent=2))
    for proposal in found:
        print(line(proposal))
    if not found:
        print("None.")
    return None


@app.command()
def show(
    identifier: Annotated[
        str, typer.Argument(metavar="[ID]", help="A proposal; without it, the rules in force.")
    ] = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Shows the rules in force, to begin a draft with; or a proposal, and what it changes."""
    place = find(config)
    found = _proposal(place, identifier) if identifier else call(place, "GET", "/api/policies")
    if as_json:
        return print(json.dumps(found, indent=2))
    if not identifier:
        return print(visible(found["text"]), end="")
    return print("\n".join(sheet(found)))


@app.command()
def check(rules: Rules, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Says whether these rules could be decided by, or prints each problem on a line and exits with 1."""
    found = call(find(config), "POST", "/api/policies/check", body={"text": _read(rules)})
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found["problems"]:
        print(f"{rules}: ok")
    if found["problems"]:
        fail(Exit.REFUSED, *(() if as_json else found["problems"]))


@app.command()
def simulate(
    rules: Rules,
    commands: Annotated[int, typer.Option(help="How many of the newest commands to try them on.")] = 1000,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Says which of the newest commands would get another verdict by these rules."""
    query = {"commands": str(commands)}
    found = call(find(config), "POST", "/api/policies/simulate", query=query, body={"text": _read(rules)})
    print(json.dumps(found, indent=2) if as_json else "\n".join(changes(found)))


@app.command()
def propose(
    rules: Rules,
    comment: Annotated[str, typer.Option(help="For who approves them, and the audit log.")] = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Proposes these rules in the place of all those in force; another person approves them."""
    body = {"text": _read(rules), "comment": comment}
    _tell(call(find(config), "POST", "/api/policies/proposals", body=body), as_json)


@app.command()
def approve(
    identifier: Identifier,
    comment: Annotated[str, typer.Option(help="For the audit log.")] = "",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Puts the proposed rules in force."""
    _decide(find(config), identifier, "approve", comment, as_json)


@app.command()
def reject(
    identifier: Identifier,
    comment: Annotated[str, typer.Option(help="Tells whoever proposed them why.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Ends the proposal; its author withdraws it so."""
    _decide(find(config), identifier, "reject", comment, as_json)


def line(proposal: dict[str, Any]) -> str:
    """A proposal on one line: id, who, how it stands, and what they said."""
    end = proposal["state"]
    if proposal["decided_by"]:
        end += f" by {', '.join(proposal['decided_by'])}"
    said = f'  "{on_one_line(proposal["comment"], _PREVIEW)}"' if proposal["comment"] else ""
    return visible(f"{proposal['id'][:8]}  {proposal['author']}  {proposal['proposed_at']}  {end}") + said


def sheet(proposal: dict[str, Any]) -> Iterator[str]:
    """All of a proposal that a person decides by."""
    yield line(proposal)
    if proposal["decision"]:
        yield visible(f"decision: {proposal['decision']}")
    yield f"open until: {proposal['open_until']}"
    yield f"digest: {proposal['digest']}"
    yield ""
    yield visible(proposal["diff"])


def changes(found: dict[str, Any]) -> Iterator[str]:
    """What rules would change, a line a command."""
    yield f"{found['looked_at']} commands, {found['other_verdicts']} with another verdict"
    for change in found["changes"]:
        what = change["does"] if change["text"] is None else on_one_line(change["text"], _PREVIEW)
        yield visible(
            f"{change['requested_at']}  {change['principal']} → {change['resource']}  "
            f"{change['verdict']} ({change['rule'] or 'no rule'}) → "
            f"{change['verdict_then']} ({change['rule_then'] or 'no rule'})  {what}"
        )


def _decide(place: Place, identifier: str, answer: str, comment: str, as_json: bool) -> None:
    """A proposal's text never changes, so that its id says which rules are meant."""
    found = _proposal(place, identifier)
    body = {"digest": found["digest"], "comment": comment}
    _tell(call(place, "POST", f"/api/policies/proposals/{found['id']}/{answer}", body=body), as_json)


def _proposal(place: Place, identifier: str) -> Any:
    return call(place, "GET", f"/api/policies/proposals/{quote(identifier, safe='')}")


def _tell(proposal: dict[str, Any], as_json: bool) -> None:
    print(json.dumps(proposal, indent=2) if as_json else line(proposal))


def _read(path: Path) -> str:
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        fail(Exit.USAGE, f"{path}: cannot be read: {error}")
