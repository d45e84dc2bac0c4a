"""The processors role as a process of its own, and what stands around it: an ingress and the API as buses."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import TypeVar

from support.builders import SENSITIVE, Document, configuration, write_configuration
from support.processes import start, tail
from support.wait import block_until, eventually

from infra.kafka.bus import Received, Subscription
from schemas.events import Event

E = TypeVar("E", bound=Event)

_RUN = "import sys; from pathlib import Path; from infra.config import load; from infra.logs import "
_RUN += "configure_logging; from processors.main import run; configure_logging('processors'); "
_RUN += "sys.exit(run(load(Path(sys.argv[1]))))"

FORGETFUL = """
from collections import Counter
from faust.transport.utils import DefaultSchedulingStrategy as Strategy
hand_out, seen = Strategy.iterate, Counter()
def lose_some(self, records):
    for place, record in hand_out(self, records):
        seen[place, record.offset] += 1
        if "changelog" in place.topic or record.offset % 3 or seen[place, record.offset] > 3:
            yield place, record
Strategy.iterate = lose_some
"""
"""Python for `launch`: a Faust that loses every third event, the first three times that it reads it."""


ORDERS: Document = {
    "name": "orders",
    "protocol": "postgres",
    "address": "127.0.0.1:5432",
    "credentials": {"user": "app"},
    "labels": {"env": "prod"},
    "sensitive": SENSITIVE,
}


def write_processors(
    folder: Path, bootstrap: str, policies: Sequence[Document], gateway: Document | None = None
) -> Path:
    """A configuration with one resource, `orders`, and these policies; `gateway`: more of that section."""
    return write_configuration(
        folder,
        configuration(
            listen={},
            resources=[ORDERS],
            policies=policies,
            gateway={"kafka": {"bootstrap": bootstrap}, **(gateway or {})},
        ),
        {},
    )


@dataclass(frozen=True, slots=True)
class Worker:
    """A processors role; several may share one configuration."""

    log: Path
    process: "Popen[bytes]"

    def is_ready(self) -> bool:
        return "processors_ready" in self.log.read_text(errors="replace")


def launch(config: Path, name: str = "processors", *, before: str = "") -> Worker:
    """A worker that may not be ready yet. Its log is `NAME.log` beside the configuration, written anew.

    `before`: Python that its process runs first."""
    log = config.parent / f"{name}.log"
    log.write_text("")
    return Worker(
        log, start([sys.executable, "-P", "-c", before + _RUN, str(config)], log, cwd=config.parent)
    )


def start_worker(config: Path, name: str = "processors") -> Worker:
    """A worker that is ready."""
    worker = launch(config, name)
    block_until(lambda: worker.is_ready() or worker.process.poll() is not None, seconds=60, what="the worker")
    assert worker.process.poll() is None, tail(worker.log)
    return worker


@dataclass
class Listener:
    """Keeps all that a subscription brings, in order."""

    subscription: Subscription
    received: list[Received] = field(default_factory=list)

    async def run(self) -> None:
        async for batch in self.subscription.batches(wait=0.05):
            self.received += [item for item in batch if isinstance(item, Received)]

    def of(self, kind: type[E], command: str = "") -> list[E]:
        """The events of this kind, and of this command where one is given."""
        return [
            item.event
            for item in self.received
            if isinstance(item.event, kind) and command in ("", item.event.envelope.command)
        ]

    async def first(self, kind: type[E], command: str = "", *, seconds: float = 20) -> E:
        """The first of these, as soon as it is there. Raises NeverHappened."""
        found = await eventually(
            lambda: self.of(kind, command), seconds=seconds, what=f"{kind.__name__} of {command}"
        )
        return found[0]
