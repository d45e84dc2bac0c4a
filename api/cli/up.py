"""`countersign up`: the whole gateway on this machine."""

import asyncio
import signal
import sys
from pathlib import Path

import typer

from api.cli.config import DEFAULT, ConfigOption, load_checked
from api.cli.parts import listeners, make_parts
from infra.config import Config
from infra.supervisor import PartFailed, Supervisor

app = typer.Typer(add_completion=False)


@app.command()
def up(config: ConfigOption = DEFAULT) -> None:
    """Starts Kafka, ClickHouse and every role, says where each listens, and keeps them running.

    Ctrl-C or SIGTERM stops them in order; a second one ends them at once.
    """
    raise typer.Exit(asyncio.run(_up(load_checked(config), config)))


async def _up(config: Config, path: Path) -> int:
    supervisor = Supervisor(make_parts(config, path, lambda sentence: say("kafka", sentence)), say)
    running = asyncio.create_task(_run(supervisor, config))
    stop_on_signals(running, supervisor)
    try:
        await running
    except asyncio.CancelledError:
        print("stopped", flush=True)
        return 0
    except PartFailed as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


async def _run(supervisor: Supervisor, config: Config) -> None:
    try:
        await supervisor.start()
        for name, where in listeners(config):
            say(name, f"listens on {where}")
        print("ready", flush=True)
        await supervisor.watch()
    finally:
        print("stopping", flush=True)
        await supervisor.stop()


def say(name: str, sentence: str) -> None:
    """A line of progress about a part."""
    print(f"{name:<12} {sentence}", flush=True)


def stop_on_signals(running: "asyncio.Task[None]", supervisor: Supervisor) -> None:
    """The first SIGINT, SIGTERM or SIGHUP cancels the task, a second one ends every part at once."""
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            supervisor.kill()
        else:
            running.cancel()
        asked = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
