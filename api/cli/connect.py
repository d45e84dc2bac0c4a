"""`countersign connect RESOURCE [-- COMMAND …]`: the resource's client, with everything set."""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import httpx
import typer

from api.cli.clients import CLIENTS, Target, ssh_config, ssh_files
from api.cli.credentials import folder
from api.cli.gateway import ConfigOption, Exit, call, fail, find
from api.cli.running import become, output_of, run_beside
from api.cli.ssh_cert import own_key
from api.cli.web_clients import value_options, with_urls

app = typer.Typer(add_completion=False)


@app.command()
def connect(
    resource: Annotated[str, typer.Argument(help="A resource of the gateway.")],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND …]", help="Another client than the usual, with its arguments."),
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--ssh-config", help="Print what ~/.ssh/config needs for it, and start nothing.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for rules that ask and for reviewers.")] = "",
    ticket: Annotated[str, typer.Option(help="The ticket that it is for.")] = "",
    config: ConfigOption = None,
) -> None:
    """Starts the usual client of a resource, or the command that is given, signed in as you.

    Of a cluster: writes a kubeconfig, and says where. Of an API: says where it is; `-- curl /v1/…` asks it.
    Of an MCP server: prints what its clients' configuration needs."""
    place = find(config)
    found = call(place, "GET", "/api/resources")
    known = {entry["name"]: entry for entry in found["resources"]}
    if resource not in known:
        fail(
            Exit.REFUSED,
            f"{resource} is no resource of this gateway",
            f"there are: {', '.join(sorted(known))}",
        )
    entry = known[resource]
    if entry["protocol"] not in CLIENTS:
        fail(Exit.REFUSED, f"`countersign connect` has no client for {entry['protocol']} yet")
    token = place.headers["Authorization"].removeprefix("Bearer ")
    target = Target(
        resource=resource,
        host=entry["host"] or httpx.URL(place.url).host,
        port=entry["port"],
        principal=call(place, "GET", "/api/me")["name"],
        token=token.rpartition(":")[2],  # a bearer token may be NAME:TOKEN
        ca=_authority(place.url, found["ca"]),
        host_key=entry["host_key"] or "",
        folder=folder().absolute(),
        plugin=(*_own(), "token", place.url, *_named(config)),
        mcp=entry.get("mcp"),
        scratch=_scratch(),
        why=_why(reason, ticket),
    )
    if print_config:
        if entry["protocol"] != "ssh":
            fail(Exit.USAGE, f"{resource} is reached by {entry['protocol']}, not by SSH")
        _write(ssh_files(target))
        renew = (*_own(), "ssh-cert", place.url, "--quiet", *_named(config))
        print(ssh_config(target, own_key(place.url).with_suffix(""), renew), end="")
        return
    client = CLIENTS[entry["protocol"]](target)
    if target.why and client.base and Path((command or [""])[0]).name != "curl":
        fail(
            Exit.USAGE,
            "of the clients of an API, --reason and --ticket reach curl alone",
            "have the program send X-Countersign-Reason and X-Countersign-Ticket",
        )
    _write(client.files)
    if not command and not client.command:
        print(client.said)
        if client.hint:
            print(client.hint, file=sys.stderr)
        return
    argv, environment = [*(command or client.command)], {**os.environ, **client.environment}
    for name, more in client.options.items():
        environment[name] = f"{os.environ.get(name, '')} {more}".strip()
    if client.base and Path(argv[0]).name == "curl":
        options = value_options(output_of((argv[0], "--help", "all")))
        argv[1:] = with_urls(argv[1:], options, client.base)
    if client.secrets:
        raise typer.Exit(run_beside(target.scratch, client.secrets, argv, environment))
    become(argv, environment)


def _write(files: Mapping[Path, str]) -> None:
    for path, content in files.items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o700 if content.startswith("#!") else 0o600)


def _why(reason: str, ticket: str) -> dict[str, str]:
    """What was said of it, by the variables that carry it; on one line, as headers and variables need it."""
    said = {"COUNTERSIGN_REASON": " ".join(reason.split()), "COUNTERSIGN_TICKET": " ".join(ticket.split())}
    if not all(value.isprintable() for value in said.values()):
        fail(Exit.USAGE, "--reason and --ticket: expected text without control characters")
    return {name: value for name, value in said.items() if value}


def _own() -> tuple[str, ...]:
    """Our own command, as another program will start it anywhere."""
    own = shutil.which("countersign")
    return (own,) if own is not None else (sys.executable, "-P", "-m", "api.cli")


def _named(config: Path | None) -> tuple[str, ...]:
    return ("--config", str(config.absolute())) if config is not None else ()


def _authority(url: str, certificate: str | None) -> Path | None:
    """The file that verifies this gateway, kept beside the credentials."""
    if certificate is None:
        return None
    path = folder() / f"ca-{hashlib.sha256(url.encode()).hexdigest()[:12]}.crt"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(certificate)
    return path


def _scratch() -> Path:
    """Where nothing is yet, in a place that ends with the user's last session where there is one (XDG Base
    Directory Specification, XDG_RUNTIME_DIR)."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"countersign-{token_hex(16)}"
