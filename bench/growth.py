"""A result of 5,000,000 rows: by how much the ingress grows, read at full speed and read slowly."""

import asyncio

from support.gateway import Gateway

from bench.client import connect
from bench.processes import MIB, Growth, roles
from bench.row import Goal, Row
from bench.ways import Way

_FIVE_MILLION = "select r.* from rows r, generate_series(1, 5)"


def measure(gateway: Gateway, way: Way) -> list[Row]:
    ingress = roles(gateway.process.pid)["ingress"]
    rows = []
    for words, resource, pause_every in (
        ("read at full speed", "plain", 0),
        ("masked, read at full speed", "masked", 0),
        ("read slowly", "plain", 4 << 20),
    ):
        with Growth(ingress) as growth:
            asyncio.run(_read(way.to(resource), pause_every))
        name = f"5,000,000 rows, {words}: the ingress grows by"
        rows.append(Row(name, "MiB", growth.bytes / MIB, goal=Goal.AT_MOST, bound=64))
    return rows


async def _read(way: Way, pause_every: int) -> None:
    client = await connect(way)
    await client.read_all(_FIVE_MILLION, pause_every=pause_every, pause=0.1)
    await client.close()
