"""`countersign agents`: lift the pause of one whom reviewers rejected again and again."""

from typing import Annotated
from urllib.parse import quote

import typer

from api.cli.gateway import ConfigOption, call, find
from api.visible import visible

app = typer.Typer(no_args_is_help=True, help="Lift the pause of one who was rejected again and again.")


@app.callback()
def _commands() -> None:
    """So that `resume` is named, though it is alone."""


@app.command()
def resume(
    name: Annotated[str, typer.Argument(help="Who is paused.")],
    comment: Annotated[str, typer.Option(help="Why they may go on; it is on record.")],
    config: ConfigOption = None,
) -> None:
    """Lifts a pause: rejections until now count no longer, under the rules whose reviewer you are."""
    done = call(find(config), "POST", f"/api/agents/{quote(name, safe='')}/resume", body={"comment": comment})
    print(visible(f"{done['name']} is heard again under: {', '.join(done['rules'])}"))
