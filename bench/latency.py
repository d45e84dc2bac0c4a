"""`SELECT 1`: how long one takes, and how many go through, at 1, 8 and 32 connections.

The client is the leanest there is, pgbench (simple protocol, one statement a transaction, a thread a
connection: with fewer it reads the clock less often than it must); its log has the microseconds of each.
"""

import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.row import Goal, Row
from bench.ways import Way

_CONNECTIONS = (1, 8, 32)
_SECONDS = 6


@dataclass(frozen=True, slots=True)
class _Seen:
    """Of one run: milliseconds at the 50th and 99th percentile, commands a second."""

    p50: float
    p99: float
    rate: float


def measure(ways: Sequence[Way]) -> list[Row]:
    rows: list[Row] = []
    for connections in _CONNECTIONS:
        seen = {way.name: _run(way, connections) for way in ways}
        ours, bare = seen["Countersign"], seen["direct"]
        words = f"{connections} connection{'s' if connections > 1 else ''}"
        one = connections == 1
        rows += [
            _row(seen, f"SELECT 1, {words}, p50", "ms", "p50"),
            _row(seen, f"SELECT 1, {words}, p99", "ms", "p99"),
        ]
        if one:
            rows += [
                Row("SELECT 1 added, p50", "ms", ours.p50 - bare.p50, goal=Goal.AT_MOST, bound=5),
                Row("SELECT 1 added, p99", "ms", ours.p99 - bare.p99, goal=Goal.AT_MOST, bound=20),
            ]
        rate = _row(seen, f"SELECT 1, {words}", "commands/s", "rate")
        rows.append(_with_goal(rate, 1500) if connections == 32 else rate)
    return rows


def _row(seen: dict[str, _Seen], name: str, unit: str, field: str) -> Row:
    values = {way: getattr(of, field) for way, of in seen.items()}
    return Row(name, unit, values["Countersign"], values["direct"], values["pgbouncer"])


def _with_goal(row: Row, bound: float) -> Row:
    return Row(row.name, row.unit, row.value, row.direct, row.pgbouncer, Goal.AT_LEAST, bound)


def _run(way: Way, connections: int) -> _Seen:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "script").write_text("select 1;\n")
        _pgbench(way, connections, 2, folder)  # warm
        _pgbench(way, connections, _SECONDS, folder, "--log", f"--log-prefix={folder}/log")
        # pgbench(1), "Per-Transaction Logging": client, transaction, microseconds, script, epoch, …
        micros = sorted(
            int(line.split()[2]) for log in folder.glob("log.*") for line in log.read_text().splitlines()
        )
    cuts = statistics.quantiles(micros, n=100)
    return _Seen(cuts[49] / 1000, cuts[98] / 1000, len(micros) / _SECONDS)


def _pgbench(way: Way, connections: int, seconds: int, folder: Path, *more: str) -> None:
    shape = [
        f"--client={connections}",
        f"--jobs={connections}",
        f"--time={seconds}",
        "--no-vacuum",
        "--protocol=simple",
    ]
    run = subprocess.run(
        [_binary(), f"--file={folder}/script", *shape, *more, *way.options, way.database],
        env=dict(way.environment),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(f"pgbench {way.name}: {run.stderr}")


def _binary() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: int(path.parts[4]))
    return str(found[-1])
