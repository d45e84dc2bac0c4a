"""`countersign check`: is this configuration good?"""

import sys

import typer

from api.cli.config import DEFAULT, ConfigOption, load_checked
from infra.config import ConfigError

app = typer.Typer(add_completion=False)


@app.command()
def check(config: ConfigOption = DEFAULT) -> None:
    """Says whether a configuration is good, or prints each problem on a line and exits with 1."""
    try:
        found = load_checked(config)
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        raise typer.Exit(1) from None
    counts = (
        _count(len(found.resources), "resource", "resources"),
        _count(len(found.policies), "policy", "policies"),
        _count(len(found.identity.users), "user", "users"),
    )
    print(f"{config}: ok: {', '.join(counts)}")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
