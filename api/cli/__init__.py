"""The `countersign` command. A subcommand's module is loaded when it is asked for, and not before.

| command | module |
| --- | --- |
| up | `up.py`: the whole gateway, its roles as processes of their own |
| demo | `demo.py`: the whole gateway before a sample database; `walk.py`: a walk through it |
| ingress, processors, projections, api, clickhouse | `roles.py`: one role, in this process |
| check | `check.py`: is this configuration good? |
| ssh-ca | `ssh_ca.py`: the public key by which hosts know the gateway's certificates |
| doctor | `doctor.py`: can the gateway be walked around, and does it keep what it holds? |
| mask | `mask.py`: why each column of an answer is or is not masked |
| topics | `topics.py`: the topics in Kafka |
| hash-token | `tokens.py` |
| login, logout, token | `login.py`: single sign-on from a terminal; `credentials.py` keeps what it gets |
| ssh-cert | `ssh_cert.py`: an SSH certificate for the sign-in |
| connect | `connect.py`, `running.py`; each client: `clients.py`, `web_clients.py`, `kubeconfig.py` |
| tokens | `revocations.py`: ends tokens and sessions at once |
| agents | `agents.py`: lifts the pause of one who was rejected again and again |
| grants, request | `grants.py`: what was granted; asks for access beforehand |
| policies | `policies.py`: the rules in force, and proposals of others |
| tools | `tools.py`: the tools of MCP servers, and those that have changed |
| approvals, sessions, audit | `approvals.py`, `sessions.py`, `audit.py`: clients of a running gateway |

`config.py` is what they share about the configuration file, `parts.py` what a gateway consists of,
`gateway.py` what the clients share, `output.py`, `replay.py` and `postgres_values.py` how they print;
`__main__.py` is for `python -P -m api.cli`.
Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration; 3 the gateway cannot be reached.
"""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

# Name -> (module, what it does in a line).
COMMANDS = {
    "up": ("api.cli.up", "Start the whole gateway and keep it running."),
    "demo": ("api.cli.demo", "Start everything with a sample database and walk through it."),
    "check": ("api.cli.check", "Say whether a configuration is good, or what is wrong with it."),
    "doctor": ("api.cli.doctor", "Say whether the gateway can be walked around, and what to fix."),
    "mask": ("api.cli.mask", "Explain why each column of an answer is or is not masked."),
    "ssh-ca": ("api.cli.ssh_ca", "Print the public key by which hosts know the gateway's certificates."),
    "topics": ("api.cli.topics", "List the topics, or create them in Kafka."),
    "hash-token": ("api.cli.tokens", "Make the hash of a token, for the configuration."),
    "login": ("api.cli.login", "Sign in with your identity provider."),
    "logout": ("api.cli.login", "End the sign-in, its tokens and their sessions."),
    "token": ("api.cli.login", "Print the token of the sign-in, for PGPASSWORD and its like."),
    "connect": ("api.cli.connect", "Start the client of a resource, signed in."),
    "ssh-cert": ("api.cli.ssh_cert", "Get an SSH certificate for the sign-in."),
    "tokens": ("api.cli.revocations", "Revoke tokens; their sessions end."),
    "tools": ("api.cli.tools", "List the tools of an MCP server, and accept changed ones."),
    "approvals": ("api.cli.approvals", "See what waits for a reviewer, and decide on it."),
    "agents": ("api.cli.agents", "Lift the pause of one who was rejected again and again."),
    "grants": ("api.cli.grants", "See what reviewers granted, and revoke it."),
    "request": ("api.cli.grants", "Ask reviewers for access in a window of time."),
    "policies": ("api.cli.policies", "See the rules in force; propose and approve others."),
    "sessions": ("api.cli.sessions", "List sessions, replay them, end one."),
    "audit": ("api.cli.audit", "Query the audit log."),
    "ingress": ("api.cli.roles", "Run the role that stands between clients and targets."),
    "processors": ("api.cli.roles", "Run the role that decides: policy and approvals."),
    "projections": ("api.cli.roles", "Run the role that writes the audit log."),
    "api": ("api.cli.roles", "Run the role that serves reviewers: HTTP API and web page."),
    "clickhouse": ("api.cli.roles", "Run the embedded ClickHouse."),
}


class _Commands(TyperGroup):
    """Shows COMMANDS, and loads the one that is run."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else command, rest


def _load(name: str) -> Any:
    module, _ = COMMANDS[name]
    loaded = get_command(import_module(module).app)
    if isinstance(loaded, TyperGroup) and name in loaded.commands:
        return loaded.commands[name]
    return loaded


_app = typer.Typer(cls=_Commands, add_completion=False, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # takes 50 ms

        print(f"countersign {version('countersign-gateway')}")
        raise typer.Exit(0)


@_app.callback()
def _root(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and leave.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """An access gateway that decides on the exact command: approvals, masking, a verifiable audit log."""


def main() -> None:
    """The command line. A configuration that cannot be used ends it with status 2 and a line a problem."""
    try:
        get_group(_app).main(prog_name="countersign")
    except Exception as error:
        # Here, not above: it takes time that `--help` need not spend.
        from infra.config import ConfigError

        if not isinstance(error, ConfigError):
            raise
        print("\n".join(error.problems), file=sys.stderr)
        sys.exit(2)
