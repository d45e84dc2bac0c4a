"""`countersign tokens`: revoke."""

from typing import Annotated

import typer

from api.cli.gateway import ConfigOption, call, find
from api.visible import visible

app = typer.Typer(help="Tokens of the gateway.", no_args_is_help=True)


@app.callback()
def tokens() -> None:
    """Tokens of the gateway."""


@app.command()
def revoke(
    principal: Annotated[str, typer.Argument(help="Whose.")],
    token: Annotated[str, typer.Option("--token", help="The id of one, from the audit log.")] = "",
    reason: Annotated[str, typer.Option(help="Why; its sessions are told.")] = "",
    config: ConfigOption = None,
) -> None:
    """Ends all tokens and sessions of a principal, or those of one token, everywhere at once."""
    body = {"principal": principal, "token": token, "reason": reason}
    done = call(find(config), "POST", "/api/revocations", body=body)
    what = f"token {done['token']}" if done["token"] else f"all until {done['before']}"
    print(f"Revoked of {visible(done['principal'])}: {visible(what)}. Their sessions end now.")
