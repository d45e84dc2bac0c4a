"""How long `countersign up` takes to `ready`, from a warm cache: a new state folder, and one with data."""

import tempfile
import time
from pathlib import Path

from support.postgres import Postgres

from bench.processes import MIB, stack
from bench.row import Goal, Row
from bench.ways import countersign


def measure(postgres: Postgres) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        for words in ("a new state folder", "again"):
            begin = time.perf_counter()
            with countersign(postgres, Path(name)) as (gateway, _):
                took = time.perf_counter() - begin
                idle = stack(gateway.process.pid) / MIB
            rows.append(Row(f"`up` to ready, {words}", "s", took, goal=Goal.AT_MOST, bound=15))
        rows.append(Row("the whole stack, just started", "MiB", idle))
    return rows
