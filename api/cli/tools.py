"""`countersign tools`: the tools of MCP servers as the gateway knows them."""

import asyncio
import sys
from typing import Annotated

import typer

from api.cli.config import DEFAULT, ConfigOption, load_config
from infra.config import Config, ConfigError, HttpResource
from ingress.mcp.pins import PinStore

app = typer.Typer(help="The tools of MCP servers, and those that have changed.", no_args_is_help=True)

Resource = Annotated[str, typer.Argument(help="A resource with `mcp`.")]


@app.command("list")
def list_(resource: Resource, config: ConfigOption = DEFAULT) -> None:
    """Prints each tool that the server has listed, and whether it is described otherwise than at first."""
    pins = PinStore(_server(config, resource).state).of(resource)
    for name, pin in sorted(pins.items()):
        print(f"{name}  {pin.digest[:12]}" + (f"  changed: {pin.changed[:12]}" if pin.changed else ""))


@app.command()
def accept(
    resource: Resource,
    tools: Annotated[
        list[str] | None, typer.Argument(help="Tools; all that have changed, unless named.")
    ] = None,
    config: ConfigOption = DEFAULT,
) -> None:
    """Takes what the server says of changed tools now for theirs: they are listed and called again."""
    store = PinStore(_server(config, resource).state)
    accepted = asyncio.run(store.accept(resource, tools or []))
    print("\n".join(f"accepted {name}" for name in accepted) or "nothing has changed")


def _server(path: ConfigOption, resource: str) -> Config:
    """The configuration, if it has this MCP server."""
    try:
        config = load_config(path)
        found = config.resource(resource)
        if not isinstance(found, HttpResource) or found.mcp is None:
            raise ConfigError([f"{resource}: there is no MCP server of this name in {path}"])
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        raise typer.Exit(1) from None
    return config
