"""`countersign hash-token`: what the configuration holds of a token."""

import sys

import typer

from infra.identity import hash_token

app = typer.Typer(add_completion=False)

_SHORTEST = 16  # characters


@app.command("hash-token")
def hash_() -> None:
    """Reads a token from standard input and prints its hash, for identity.users in the configuration."""
    token = typer.prompt("Token", hide_input=True) if sys.stdin.isatty() else sys.stdin.read().strip()
    if len(token) < _SHORTEST or any(character.isspace() for character in token):
        print(f"expected a token of at least {_SHORTEST} characters without spaces", file=sys.stderr)
        raise typer.Exit(2)
    print(hash_token(token))
