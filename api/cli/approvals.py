"""`countersign approvals`: list, show, approve, reject, revoke, watch."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, TextIO
from urllib.parse import quote

import httpx
import typer

from api.cli.gateway import ConfigOption, Exit, JsonOption, Place, call, checked, fail, find, reaching
from api.visible import on_one_line, visible
from api.web.words import duration
from infra.clock import now
from infra.config.values import parse_duration

app = typer.Typer(help="What waits for a reviewer, and the decision on it.", no_args_is_help=True)

_FACTS = (
    *("intents", "statements", "tables", "columns", "functions", "programs"),
    *("methods", "paths", "verbs", "kinds_of_object", "namespaces", "tools", "probed", "unproven"),
)
_PREVIEW = 100  # characters of a command on one line
_RECONNECT_AFTER = 2.0  # seconds
_GIVE_UP_AFTER = 300.0  # seconds without a line to the gateway

IdenticalOption = Annotated[
    bool, typer.Option("--identical", help="Answers all requests for the very same that wait now.")
]
Identifier = Annotated[
    str, typer.Argument(metavar="ID", help="The approval, or its first 6 characters or more.")
]


@app.command("list")
def list_approvals(
    state: Annotated[
        str, typer.Option(help="pending, approved, rejected, timed_out, withdrawn, revoked or all.")
    ] = "pending",
    overdue: Annotated[
        bool,
        typer.Option("--overdue", help="Only what ran by break-glass and waits for its review for a day."),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Lists approvals: those that wait, or with --state others, newest first."""
    found = call(find(config), "GET", "/api/approvals", query={"state": state})
    if overdue:
        found = [approval for approval in found if approval["is_overdue"]]
    if as_json:
        return print(json.dumps(found, indent=2))
    for approval in bundled(found):
        print(line(approval, now()))
    if not found:
        print("Nothing waits." if state == "pending" else "None.")
    return None


@app.command()
def show(identifier: Identifier, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Shows one approval: the whole command and what it does."""
    found = call(find(config), "GET", f"/api/approvals/{_part(identifier)}")
    if as_json:
        return print(json.dumps(found, indent=2))
    return print("\n".join(sheet(found)))


@app.command()
def approve(
    identifier: Identifier,
    comment: Annotated[str, typer.Option(help="For the requester and the audit log.")] = "",
    grant: Annotated[
        str, typer.Option(help="pattern: lets its like through as well; session: reading in its session.")
    ] = "",
    lasts: Annotated[str, typer.Option("--for", help="How long the grant lasts, such as 30m.")] = "",
    uses: Annotated[int | None, typer.Option(help="How many commands the grant lets through.")] = None,
    identical: IdenticalOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Approves: the command runs, once enough reviewers say so."""
    if bool(grant) != bool(lasts) or (uses is not None and not grant):
        fail(Exit.USAGE, "--grant pattern or session goes with --for, such as --for 30m")
    offer = {"kind": grant, "seconds": _seconds(lasts), "uses": uses} if grant else None
    _decide(find(config), identifier, "approve", comment, as_json, grant=offer, identical=identical)


@app.command()
def reject(
    identifier: Identifier,
    comment: Annotated[str, typer.Option(help="Tells the requester why.")],
    identical: IdenticalOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Rejects: the command does not run."""
    _decide(find(config), identifier, "reject", comment, as_json, identical=identical)


@app.command()
def revoke(
    identifier: Identifier,
    comment: Annotated[str, typer.Option(help="Tells the requester why.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Takes back an approval: a command that runs is cancelled, one that has not been sent does not run."""
    _decide(find(config), identifier, "revoke", comment, as_json)


@app.command()
def watch(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Follows live what is asked for and how it is settled; Ctrl-C ends it. With --json, an object a line."""
    place = find(config)
    try:
        for kind, approval in _events(place, lost=sys.stderr if as_json else sys.stdout):
            if as_json:
                print(json.dumps({"event": kind, "approval": approval}), flush=True)
                continue
            if kind == "estimated":  # `show` has it
                continue
            stamp = now().astimezone().strftime("%H:%M:%S")
            print(f"{stamp}  {kind:<9}  {line(approval, now())}", flush=True)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def bundled(approvals: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The first of identical requests stands for all."""
    told: set[str] = set()
    for approval in approvals:
        if approval["id"] not in told:
            told.update(approval["identical"])
            yield approval


def line(approval: dict[str, Any], at: datetime) -> str:
    """An approval on one line: id, who → where, intents, command, and how long it waits or how it ended."""
    if approval["state"] == "pending":
        left = datetime.fromisoformat(approval["expires_at"]) - at
        end = "to be reviewed afterwards: it ran" if approval["afterwards"] else f"{duration(left)} left"
        if others := len(approval["identical"]):
            end += f", asked {1 + others} times"
    else:
        end = approval["state"].replace("_", " ")
        if approval["decided_by"]:
            end += f" by {', '.join(approval['decided_by'])}"
    return (
        visible(
            f"{approval['id'][:8]}  {_asker(approval)} → {approval['resource']}  "
            f"{', '.join(approval['intents'])}  "
        )
        + f'"{on_one_line(approval["command"], _PREVIEW)}"  {visible(end)}'
    )


def _asker(approval: dict[str, Any]) -> str:
    return (
        f"{approval['principal']} for {approval['acts_for']}"
        if approval["acts_for"]
        else approval["principal"]
    )


def sheet(approval: dict[str, Any]) -> Iterator[str]:
    """All of an approval, a fact a line; nothing is cut."""

    def fact(label: str, value: str) -> str:
        return f"{label + ':':<12} {visible(value)}"

    yield line(approval, now())
    yield ""
    yield visible(approval["command"])
    for number, parameter in enumerate(approval["parameters"], start=1):
        yield fact(f"${number}", "NULL" if parameter is None else parameter)
    yield ""
    for sentence in approval["does"]:
        yield fact("it", sentence)
    yield fact("undone", approval["undoing"])
    if (estimate := approval["estimate"]) is not None:
        yield fact("planned", f"about {estimate['rows']} rows, cost {estimate['cost']:.1f}; nothing has run")
    for lock in approval["locks"]:
        yield fact("locks", lock)
    yield from _transaction(approval["transaction"])
    for label in ("reason", "ticket"):
        if approval[label]:
            yield fact(label, approval[label])
    if approval["pattern"]:
        yield fact("pattern", approval["pattern"])
    if (limits := approval["grants"]) is not None:
        most = f", {limits['uses']} uses" if limits["uses"] is not None else ""
        longest = duration(timedelta(seconds=limits["seconds"]))
        yield fact("may grant", f"{', '.join(limits['kinds'])}: at most {longest}{most}")
    if approval["unmask"]:
        yield fact("unmasked", f"asks to see {', '.join(approval['unmask'])} as they are")
    yield fact("state", approval["state"])
    yield fact("rule", approval["rule"])
    groups = ", ".join(approval["groups"]) or "no group"
    yield fact("asked by", f"{_asker(approval)} ({approval['principal_kind']}, {groups})")
    yield fact("from", approval["client_address"])
    for label in _FACTS:
        if approval[label]:
            yield fact(label, ", ".join(approval[label]))
    yield fact("reviewers", f"{', '.join(approval['reviewers'])}, {approval['approvals_needed']} needed")
    if approval["all_of"]:
        yield fact("all of", f"{', '.join(approval['all_of'])}: of each group one person")
    for stage in approval["then"]:
        yield fact("then", f"{', '.join(stage['reviewers'])}, {stage['approvals_needed']} needed")
    if approval["escalates_to"]:
        yield fact("escalates", f"to {', '.join(approval['escalates_to'])} at {approval['escalates_at']}")
    if approval["then"] and approval["stage"]:
        yield fact("stage", f"{approval['stage']} of {1 + len(approval['then'])} waits")
    for decision in approval["decisions"]:
        yield fact("decision", f"{decision['answer']} by {decision['reviewer']}: {decision['comment']}")
    yield fact("asked at", approval["requested_at"])
    yield fact("until", f"{approval['expires_at']}, then {approval['on_timeout']}")
    for name, value in approval["context"].items():
        yield fact(name, value)
    yield fact("session", approval["session"])
    yield fact("digest", approval["digest"])
    if others := len(approval["identical"]):
        yield fact("identical", f"{others} more of the very same; --identical answers them, too")
    if approval["cannot_decide_because"]:
        yield fact("you", approval["cannot_decide_because"])


def _transaction(transaction: dict[str, Any] | None) -> Iterator[str]:
    """What a COMMIT makes last, a statement a line."""
    if transaction is None:
        return
    yield f"open since {transaction['began_at']}"
    for ran in transaction["statements"]:
        values = f" {ran['parameters']}" if ran["parameters"] else ""
        yield visible(f"  {ran['rows']:>8} rows, {ran['outcome']}: {ran['command']}{values}")
    for one in transaction["changed"]:
        counted = f"{one['inserted']} inserted, {one['updated']} updated, {one['deleted']} deleted"
        yield visible(f"  in {one['relation']}: {counted}")
        yield from _sample(one)
    for lock in transaction["locks"]:
        yield visible(f"  locks {lock['relation']} ({lock['mode']})")


def _sample(changed: dict[str, Any]) -> Iterator[str]:
    """Some of the changed rows: what was there, and what is."""
    if changed["not_sampled"]:
        yield visible(f"    no rows of it to see: {changed['not_sampled']}")
    for row in changed["sample"]:
        for sign, values in (("-", row["before"]), ("+", row["after"])):
            if values is not None:
                said = ("NULL" if value is None else value for value in values)
                pairs = zip(changed["columns"], said, strict=True)
                yield visible(f"    {sign} " + ", ".join(f"{column}: {value}" for column, value in pairs))


def _seconds(lasts: str) -> float:
    try:
        return parse_duration(lasts).total_seconds()
    except ValueError as error:
        fail(Exit.USAGE, f"--for: {error}")


def _decide(
    place: Place,
    identifier: str,
    answer: str,
    comment: str,
    as_json: bool,
    *,
    grant: dict[str, Any] | None = None,
    identical: bool = False,
) -> None:
    path = f"/api/approvals/{_part(identifier)}"
    body: dict[str, Any] = {"comment": comment} | ({"grant": grant} if grant is not None else {})
    if identical:
        waiting = call(place, "GET", path)
        body |= {"digest": waiting["digest"], "identical": waiting["identical"]}
    approval = call(place, "POST", f"{path}/{answer}", body=body)
    if as_json:
        return print(json.dumps(approval, indent=2))
    if approval["state"] == "pending":
        given = sum(decision["answer"] == "approve" for decision in approval["decisions"])
        print(f"{approval['id'][:8]}: recorded, {given} of {approval['approvals_needed']} approvals")
    else:
        print(line(approval, now()))
    return None


def _part(identifier: str) -> str:
    return quote(identifier, safe="")


def _events(place: Place, *, lost: TextIO) -> Iterator[tuple[str, dict[str, Any]]]:
    """What happens, for ever: (what, approval). Once it was there, a lost line is opened again; `lost` is
    told."""
    from httpx_sse import connect_sse

    seen = ""
    lost_since: float | None = None
    with reaching(place):
        while True:
            headers = {"Last-Event-ID": seen} if seen else {}
            try:
                with (
                    place.client() as client,
                    connect_sse(client, "GET", "/api/stream", headers=headers) as source,
                ):
                    if not source.response.is_success:
                        source.response.read()
                        away = source.response.status_code == httpx.codes.SERVICE_UNAVAILABLE
                        if lost_since is not None and away:
                            raise httpx.ReadError(source.response.json()["detail"])
                        checked(source.response)
                    lost_since = time.monotonic()
                    for event in source.iter_sse():
                        lost_since = time.monotonic()
                        seen = event.id or seen
                        yield event.event.removeprefix("approval."), event.json()
            except httpx.TransportError as error:
                if lost_since is None or time.monotonic() - lost_since > _GIVE_UP_AFTER:
                    raise
                print(f"(the line is lost: {visible(str(error))}; trying again)", file=lost, flush=True)
            time.sleep(_RECONNECT_AFTER)
