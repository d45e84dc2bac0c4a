"""The role: builds what does I/O, writes the audit log until it is told to stop, stops cleanly."""

import asyncio
import os
import signal

import structlog
import uvloop

from infra.clickhouse.client import connect
from infra.clock import now
from infra.config import Config
from infra.kafka.address import kafka_address
from infra.kafka.bus import Bus, BusUnavailable
from infra.keys import keyring, signer
from infra.readiness import report_ready
from projections.projector import HistoryDiffers, Projector
from schemas.ids import uuid7
from schemas.vocabulary import Role

_POLITENESS = 5  # the audit log may lag; the data path comes first
_PAUSE = 1.0  # seconds between tries to reach Kafka

log = structlog.get_logger()


def run(config: Config) -> int:
    """Writes the audit log until SIGTERM or SIGINT; the exit code: 1 when Kafka and the audit log do not
    belong together. Raises ConfigError."""
    os.nice(_POLITENESS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(config))


async def _run(config: Config) -> int:
    node = f"projections@{os.uname().nodename}#{uuid7(now())}"
    bus = Bus(kafka_address(config), signer(config.state, Role.PROJECTIONS), keyring(config.state))
    clickhouse = connect(config)
    work = asyncio.create_task(_project(bus, Projector(bus, clickhouse, node, now)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        log.info("projections_stopped")
    except HistoryDiffers as error:
        log.error("history_differs", reason=str(error))
        return 1
    finally:
        await bus.stop()
        await clickhouse.close()
    return 0


async def _project(bus: Bus, projector: Projector) -> None:
    while True:
        try:
            await bus.start()
        except BusUnavailable as error:
            log.warning("projection_waits", reason=str(error), seconds=_PAUSE)
            await asyncio.sleep(_PAUSE)
        else:
            break
    await projector.run(_ready)


def _ready() -> None:
    log.info("projections_follow")
    report_ready()
