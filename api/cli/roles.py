"""`countersign ingress`, `processors`, `projections`, `api`, `clickhouse`: one role, in this process.

The modules of the roles are loaded when one is run, each its own alone.
"""

from collections.abc import Callable

import typer

from api.cli.config import DEFAULT, ConfigOption, load_config
from infra.config import Config
from infra.logs import configure_logging

app = typer.Typer(add_completion=False)


@app.command()
def ingress(config: ConfigOption = DEFAULT) -> None:
    """Runs the role that stands between clients and targets, for every protocol under gateway.listen."""
    from ingress.main import run

    _run("ingress", run, load_config(config))


@app.command()
def processors(config: ConfigOption = DEFAULT) -> None:
    """Runs the role that decides: policy and approvals."""
    from processors.main import run

    _run("processors", run, load_config(config))


@app.command()
def projections(config: ConfigOption = DEFAULT) -> None:
    """Runs the role that writes the audit log into ClickHouse."""
    from projections.main import run

    _run("projections", run, load_config(config))


@app.command()
def api(config: ConfigOption = DEFAULT) -> None:
    """Runs the role that serves reviewers and auditors: HTTP API and web page."""
    from api.main import run

    _run("api", run, load_config(config))


@app.command()
def clickhouse(config: ConfigOption = DEFAULT) -> None:
    """Runs the embedded ClickHouse, with its HTTP interface."""
    from infra.clickhouse.main import run

    _run("clickhouse", run, load_config(config))


def _run(role: str, run: Callable[[Config], int], config: Config) -> None:
    configure_logging(role)
    raise typer.Exit(run(config))
