"""`countersign sessions`: list, show, replay, files, end."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.gateway import ConfigOption, Exit, JsonOption, Place, call, checked, fail, find, reaching
from api.cli.output import array, table
from api.cli.replay import READERS, Entry, Kind, NotARecording, entries, lines
from api.transferred import safe_name
from api.visible import on_one_line, visible

app = typer.Typer(help="What went through the gateway, session by session.", no_args_is_help=True)

_PREVIEW = 100  # characters of a command in a list

Identifier = Annotated[str, typer.Argument(metavar="ID", help="The session's id.")]


@app.command("list")
def list_sessions(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 50,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Lists the newest sessions that you may see."""
    found = call(find(config), "GET", "/api/sessions", query={"limit": str(limit)})
    if as_json:
        return print(json.dumps(found, indent=2))
    rows = [
        [
            session["id"],
            session["principal"],
            session["resource"],
            session["state"],
            _moment(session["opened_at"]),
            session["client_address"],
        ]
        for session in found
    ]
    return print("\n".join(table(["session", "principal", "resource", "state", "opened", "from"], rows)))


@app.command()
def show(identifier: Identifier, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Shows one session and its commands."""
    place = find(config)
    session = call(place, "GET", f"/api/sessions/{quote(identifier, safe='')}")
    commands = _commands(place, session["id"])
    if as_json:
        return print(json.dumps({**session, "commands": list(commands)}, indent=2))
    for text in _heading(session):
        print(visible(text))
    rows = [
        [
            _moment(command["requested_at"]),
            command["verdict"],
            command["outcome"],
            ", ".join(command["decided_by"]) or command["rule"],
            str(command["rows"]),
            on_one_line(command["text"], _PREVIEW),
        ]
        for command in commands
    ]
    print()
    return print("\n".join(table(["time", "verdict", "outcome", "by", "rows", "command"], rows)))


@app.command()
def replay(
    identifier: Identifier,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="1 is as fast as it was, 2 twice as fast, 0 at once. "
            "Without it: 1 on a terminal, 0 elsewhere.",
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Plays a session's recording: its commands and their answers, masked as the client got them."""
    place = find(config)
    if speed is None:
        speed = 1.0 if sys.stdout.isatty() and not as_json else 0.0
    path = f"/api/sessions/{quote(identifier, safe='')}/recording"
    with reaching(place), place.client() as client, client.stream("GET", path, timeout=None) as answer:
        if not answer.is_success:
            answer.read()
        checked(answer)
        name = answer.headers.get("x-recording-format", "")
        is_whole = answer.headers.get("x-recording-whole") == "true"
        if name not in READERS:
            fail(Exit.REFUSED, f"this version cannot replay recordings of the format {name or '(none)'}")
        played = paced(entries(answer.iter_bytes(), READERS[name]()), speed)
        try:
            for text in array(entry.as_json() for entry in played) if as_json else _texts(played):
                print(text, end="", flush=True)
        except NotARecording as error:
            fail(Exit.REFUSED, f"the recording of session {identifier} is damaged: {error}")
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
    if not is_whole:
        fail(
            Exit.REFUSED,
            f"the recording of session {identifier} ends here, before a part that is missing",
            "if the session is still open, the part may come; the audit log lags behind a little",
        )


@app.command()
def files(
    identifier: Identifier,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Writes what is recorded of each into this folder."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Lists the files that were read and written by SFTP and SCP, and saves what is recorded of them."""
    place = find(config)
    path = f"/api/sessions/{quote(identifier, safe='')}/files"
    found = call(place, "GET", path)
    if save is not None:
        _save(place, path, found, save)
    if as_json:
        return print(json.dumps(found, indent=2))
    rows = [
        [
            f"{number}",
            file["direction"],
            f"{file['bytes']}",
            f"{file['recorded']}",
            file["sha256"],
            file["path"],
        ]
        for number, file in enumerate(found, 1)
    ]
    return print("\n".join(table(["", "went", "bytes", "recorded", "sha256", "file"], rows)))


@app.command()
def end(
    identifier: Identifier,
    reason: Annotated[str, typer.Option(help="Tells its client why.")],
    config: ConfigOption = None,
) -> None:
    """Ends an open session: what runs in it is stopped."""
    path = f"/api/sessions/{quote(identifier, safe='')}/end"
    session = call(find(config), "POST", path, body={"reason": reason})
    print(visible(f"Session {session['id']} of {session['principal']} on {session['resource']} ends now."))


def paced(played: Iterable[Entry], speed: float) -> Iterator[Entry]:
    """The entries, each when its time has come; `speed` 0: at once."""
    start = time.monotonic()
    for entry in played:
        if speed:
            time.sleep(max(0.0, start + entry.at / speed - time.monotonic()))
        yield entry


def _commands(place: Place, session: str) -> Iterator[dict[str, Any]]:
    """All commands of a session, fetched page by page."""
    after = ""
    while page := call(place, "GET", f"/api/sessions/{session}/commands", query={"after": after}):
        yield from page
        after = page[-1]["id"]


def _save(place: Place, path: str, found: list[dict[str, Any]], folder: Path) -> None:
    """Each file under its number and the safe part of its name: a host's names lead nowhere else."""
    with reaching(place), place.client() as client:
        for number, file in enumerate(found, 1):
            content = f"{path}/{quote(file['command'], safe='')}/{quote(file['direction'], safe='')}"
            data = checked(client.get(content)).content
            target = folder / f"{number:03}-{safe_name(file['direction'])}-{safe_name(file['path'])}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                with os.fdopen(os.open(target, flags, 0o600), "wb") as saved:
                    saved.write(data)
            except FileExistsError:
                fail(Exit.REFUSED, f"{target} is there already", "name a folder that is empty or not there")
            except OSError as error:
                fail(Exit.REFUSED, f"{target} cannot be written: {error.strerror}")


def _texts(played: Iterable[Entry]) -> Iterator[str]:
    before = None
    for entry in played:
        # Rows that follow rows go on with the same answer.
        heading = before is None or before.kind is not Kind.ROWS or before.columns != entry.columns
        yield "".join(f"{line}\n" for line in lines(entry, heading=heading))
        before = entry


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _heading(session: dict[str, Any]) -> list[str]:
    end = (
        f"closed {_moment(session['closed_at'])}: {session['close_reason']}"
        if session["closed_at"]
        else "open"
    )
    return [
        f"{session['principal']} → {session['resource']} ({session['protocol']})"
        f" from {session['client_address']}",
        f"opened {_moment(session['opened_at'])}, {end}",
    ]
