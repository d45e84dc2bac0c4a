"""`countersign demo`: everything on this machine, before a sample database, and a walk through it."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from api.cli.config import load_checked
from api.cli.parts import listeners, make_parts
from api.cli.up import stop_on_signals
from api.cli.walk import StepFailed, walk
from infra.config import Config
from infra.demo.folder import AGENT, AUDITOR, REVIEWER, DemoFolder, open_folder
from infra.demo.postgres import DATABASE, SamplePostgres
from infra.supervisor import PartFailed, Supervisor

app = typer.Typer(add_completion=False)

_WIDTH = 150  # columns where no terminal has another


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Leave after the walk; the exit code says whether it went well.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where everything of the demo is kept.")] = Path(
        ".countersign-demo"
    ),
) -> None:
    """Starts the whole gateway before a sample PostgreSQL, walks through it, and stays for you to go on.

    An agent reads masked data, a write waits for a reviewer, a DROP is refused, and the audit log tells it.
    """
    opened = open_folder(folder)
    raise typer.Exit(asyncio.run(_demo(opened, load_checked(opened.config), once)))


async def _demo(folder: DemoFolder, config: Config, once: bool) -> int:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)

    def say(name: str, sentence: str) -> None:
        console.print(Text(f"   {name:<12} {sentence}", style="dim"))

    sample = SamplePostgres(
        folder.path / "postgres",
        folder.target_port,
        folder.target_password,
        folder.path / "state" / "log" / "postgres.log",
    )
    parts = make_parts(config, folder.config, lambda sentence: say("kafka", sentence))
    supervisor = Supervisor([sample, *parts], say)
    running = asyncio.create_task(_run(supervisor, folder, config, console, once))
    stop_on_signals(running, supervisor)
    try:
        await running
    except asyncio.CancelledError:
        return 0 if not once else 130
    except (PartFailed, StepFailed) as error:
        console.print(Text(f"\n{error}", style="bold red"))
        return 1
    return 0


async def _run(
    supervisor: Supervisor, folder: DemoFolder, config: Config, console: Console, once: bool
) -> None:
    console.print(Text(f"Countersign demo in {_near(folder.path)}", style="bold"))
    try:
        await supervisor.start()
        for name, where in listeners(config):
            console.print(Text(f"   {name:<12} listens on {where}", style="dim"))
        watching = asyncio.create_task(supervisor.watch())
        try:
            await walk(folder, config, console)
            if not once:
                console.print("\n".join(_ways_on(folder, config)), markup=False, soft_wrap=True)
                await watching
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    finally:
        console.print(Text("\nstopping", style="dim"))
        await supervisor.stop()


def _ways_on(folder: DemoFolder, config: Config) -> Iterator[str]:
    """How to go on by hand."""
    postgres = config.gateway.listen.postgres
    tokens = _near(folder.path / "tokens")
    command = _near(Path(sys.argv[0]))
    assert postgres is not None
    yield "\nready. Go on by hand; Ctrl-C stops everything.\n"
    yield "As the agent (another terminal; psql is in Debian's postgresql-client):"
    yield (
        f"   PGPASSWORD=$(cat {tokens}/{AGENT}) psql 'host={postgres.host} port={postgres.port} user={AGENT} "
        f"dbname={DATABASE} sslmode=verify-full sslrootcert={_near(folder.ca)}'"
    )
    yield "As the reviewer:"
    yield f"   {config.api_url}   name {REVIEWER}, token: cat {tokens}/{REVIEWER}"
    yield "As the auditor:"
    yield f"   export COUNTERSIGN_USER={AUDITOR} COUNTERSIGN_TOKEN=$(cat {tokens}/{AUDITOR})"
    query = "select * from commands"
    yield f"   {command} audit query '{query}' --config {_near(folder.config)}"
    yield f"Logs are in {_near(folder.path / 'state' / 'log')}, the configuration is {_near(folder.config)}."


def _near(path: Path) -> str:
    """The path as one would type it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
