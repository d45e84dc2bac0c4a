"""Runs the measurements, prints the table, writes results/latest.json. `python -m bench [NAME…]`."""

import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from bench import (
    cutting,
    deciding,
    downloads,
    growth,
    held,
    idle,
    latency,
    requests,
    starting,
    streaming,
    terminals,
)
from bench.processes import MIB, Peaks
from bench.row import Goal, Row, show, write
from bench.targets import running_targets
from bench.ways import countersign, direct, pgbouncer, target

_OF_POSTGRES = ("starting", "latency", "streaming", "growth", "memory", "idle", "deciding", "cutting", "held")
_OF_OTHERS = ("requests", "downloads", "terminals")
NAMES = (*_OF_POSTGRES, *_OF_OTHERS)


class Run:
    """The rows so far. A measurement that fails is told and fails the run; the others go on."""

    def __init__(self, chosen: tuple[str, ...]) -> None:
        self._chosen = chosen
        self.rows: list[Row] = []
        self.failed: list[str] = []

    def measure(self, name: str, measurement: Callable[[], list[Row]]) -> None:
        if name not in self._chosen:
            return
        say(name)
        try:
            self.rows += measurement()
        except Exception:
            traceback.print_exc()
            self.failed.append(name)


def main(chosen: tuple[str, ...]) -> int:
    """0 when everything could be measured and every goal holds."""
    run = Run(chosen)
    if set(chosen).intersection(_OF_POSTGRES):
        of_postgres(run)
    if set(chosen).intersection(_OF_OTHERS):
        of_others(run)
    show(run.rows)
    write(run.rows)
    for failed in run.failed:
        say(f"{failed} could not be measured, see above")
    return 1 if run.failed or any(row.holds is False for row in run.rows) else 0


def of_postgres(run: Run) -> None:
    """What has PostgreSQL behind it, beside pgbouncer."""
    say("PostgreSQL with 1,000,000 rows")
    with target() as postgres, tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        folder = Path(name)
        with countersign(postgres, folder):
            say("caches are warm")
        run.measure("starting", lambda: starting.measure(postgres))
        with pgbouncer(postgres) as bouncer, countersign(postgres, folder) as (gateway, ours):
            ways = (direct(postgres), bouncer, ours)
            with Peaks(gateway.process.pid) as peaks:
                run.measure("latency", lambda: latency.measure(ways))
                run.measure("streaming", lambda: streaming.measure(ways))
                run.measure("growth", lambda: growth.measure(gateway, ours))
            run.measure("memory", lambda: memory(peaks))
            run.measure("idle", lambda: idle.measure(gateway, ours))
            run.measure("deciding", lambda: deciding.measure(gateway))
            run.measure("cutting", lambda: cutting.measure(gateway))
            run.measure("held", lambda: held.measure(gateway, ours))
            if run.failed:
                print(gateway.logs(), file=sys.stderr)


def of_others(run: Run) -> None:
    """What has an API, a host or a cluster behind it."""
    with (
        tempfile.TemporaryDirectory(prefix="countersign-bench-") as name,
        running_targets(Path(name)) as targets,
    ):
        run.measure("requests", lambda: requests.measure(targets))
        run.measure("downloads", lambda: downloads.measure(targets))
        run.measure("terminals", lambda: terminals.measure(targets))
        if run.failed:
            print(targets.gateway.logs(), file=sys.stderr)


def memory(peaks: Peaks) -> list[Row]:
    """Of the whole gateway and of each process, at their peaks in all that was measured before."""
    total = Row("the whole stack at its peak", "MiB", peaks.total / MIB, goal=Goal.AT_MOST, bound=1536)
    return [total, *(Row(f"{role} at its peak", "MiB", size / MIB) for role, size in peaks.of.items())]


def say(sentence: str) -> None:
    """Progress, on stderr."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    wanted = tuple(sys.argv[1:]) or NAMES
    if unknown := set(wanted) - set(NAMES):
        sys.exit(f"expected some of {' '.join(NAMES)}; found {' '.join(sorted(unknown))}")
    sys.exit(main(wanted))
