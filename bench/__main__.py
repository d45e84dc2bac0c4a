"""Runs the measurements, prints the table, writes results/latest.json. `python -m bench [NAME…]`."""

import sys
import tempfile
from pathlib import Path

from bench import growth, held, idle, latency, starting, streaming
from bench.processes import MIB, peak, roles, watched_stack
from bench.row import Goal, Row, show, write
from bench.ways import countersign, direct, pgbouncer, target

NAMES = ("starting", "latency", "streaming", "growth", "idle", "held")


def main(chosen: tuple[str, ...]) -> int:
    """0 when every goal that was measured holds."""
    rows: list[Row] = []
    _say("PostgreSQL with 1,000,000 rows")
    with target() as postgres, tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        with countersign(postgres, Path(name)):
            _say("caches are warm")
        if "starting" in chosen:
            _say("starting")
            rows += starting.measure(postgres)
        with pgbouncer(postgres) as bouncer, countersign(postgres, Path(name)) as (gateway, ours):
            ways = (direct(postgres), bouncer, ours)
            with watched_stack(gateway.process.pid) as most:
                if "latency" in chosen:
                    _say("latency")
                    rows += latency.measure(ways)
                if "streaming" in chosen:
                    _say("streaming")
                    rows += streaming.measure(ways)
                if "growth" in chosen:
                    _say("growth")
                    rows += growth.measure(gateway, ours)
            rows.append(
                Row("the whole stack at its peak", "MiB", most[0] / MIB, goal=Goal.AT_MOST, bound=1536)
            )
            rows += [
                Row(f"{role} at its peak", "MiB", peak(process) / MIB)
                for role, process in roles(gateway.process.pid).items()
            ]
            if "idle" in chosen:
                _say("idle connections")
                rows += idle.measure(gateway, ours)
            if "held" in chosen:
                _say("held commands")
                rows += held.measure(gateway, ours)
    show(rows)
    write(rows)
    return 0 if all(row.holds is not False for row in rows) else 1


def _say(sentence: str) -> None:
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    wanted = tuple(sys.argv[1:]) or NAMES
    if unknown := set(wanted) - set(NAMES):
        sys.exit(f"expected some of {' '.join(NAMES)}; found {' '.join(sorted(unknown))}")
    sys.exit(main(wanted))
