"""`countersign mask explain`: why each column of an answer is or is not masked."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.config import DEFAULT, ConfigOption, load_config
from api.cli.output import table
from api.visible import visible

if TYPE_CHECKING:
    from ingress.postgres.explanation import Explanation

app = typer.Typer(help="What of answers is masked, and why.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What of answers is masked, and why."""


@app.command()
def explain(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement; nothing of it is run.")],
    resource: Annotated[str, typer.Option(help="The resource that it is for.")],
    database: Annotated[str, typer.Option(help="Another database of the resource.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    config: ConfigOption = DEFAULT,
) -> None:
    """Says for each column of the answer why it is or is not masked. Runs where the configuration and its
    credentials are, signs in to the target as the gateway does, and has the statement described."""
    # Here, not above: asyncpg and the parser take time that `--help` need not spend.
    from ingress.errors import TargetError
    from ingress.postgres.explanation import NotExplained
    from ingress.postgres.explanation import explain as explained

    loaded = load_config(config)
    found = loaded.resource(resource)
    if found is None or found.protocol != "postgres":
        print(f"no PostgreSQL resource is called {resource!r}", file=sys.stderr)
        raise typer.Exit(2)
    try:
        result = asyncio.run(explained(sql, found, loaded, database or found.database or found.name))
    except NotExplained as error:
        print(f"not explained: {visible(str(error))}", file=sys.stderr)
        raise typer.Exit(1) from None
    except TargetError as error:
        print(f"{error}: {error.reason}", file=sys.stderr)
        raise typer.Exit(3) from None
    if as_json:
        print(json.dumps(asdict(result), indent=2))
    else:
        print("\n".join(_lines(result)))


def _lines(result: "Explanation") -> Iterator[str]:
    if result.columns:
        rows = [[column.name, column.mask or "shown", column.why] for column in result.columns]
        yield from table(["column", "mask", "why"], rows)
    else:
        yield "It returns no rows."
    yield from map(visible, result.tokens)
    for reason in result.unproven:
        yield visible(f"not proven: {reason}")
    if result.columns and result.detectors:
        yield f"Detectors look at what is shown: {', '.join(result.detectors)}"
