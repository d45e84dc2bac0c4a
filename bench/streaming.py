"""1,000,000 rows of about 100 bytes, `SELECT *` read by `psql -At`: rows and megabytes a second.

Unmasked, with two masked columns, and with the e-mail and card detectors; each way in turn, three times,
and the median counts.
"""

import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.row import Goal, Row
from bench.ways import Way

_ROWS = 1_000_000
_ROUNDS = 3
_SELECT = "select * from rows"
# Issue 4: as a ratio to direct in the same run.
_GOALS = {"plain": 0.50, "masked": 0.30, "detected": 0.20}
_WORDS = {"plain": "unmasked", "masked": "two masked columns", "detected": "two detectors"}


def measure(ways: Sequence[Way]) -> list[Row]:
    (ours,) = [way for way in ways if way.name == "Countersign"]
    others = [way for way in ways if way is not ours]
    runs: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for name, way in [(way.name, way) for way in others] + [(kind, ours.to(kind)) for kind in _GOALS]:
            runs.setdefault(name, []).append(_seconds(way))
    took = {name: statistics.median(seconds) for name, seconds in runs.items()}
    megabytes = _bytes(others[0]) / 1e6
    rows: list[Row] = []
    for kind, words in _WORDS.items():
        bare = kind == "plain"
        rows += [
            Row(
                f"1,000,000 rows, {words}",
                unit,
                amount / took[kind],
                amount / took["direct"],
                amount / took["pgbouncer"] if bare else None,
            )
            for unit, amount in (("rows/s", _ROWS), ("MB/s", megabytes))
        ]
        ratio = took["direct"] / took[kind]
        bouncer = took["direct"] / took["pgbouncer"] if bare else None
        rows.append(
            Row(f"1,000,000 rows, {words}", "of direct", ratio, 1.0, bouncer, Goal.AT_LEAST, _GOALS[kind])
        )
    return rows


def _seconds(way: Way) -> float:
    with Path("/dev/null").open("wb") as nowhere:
        begin = time.perf_counter()
        subprocess.run([*_psql(way)], env=dict(way.environment), stdout=nowhere, check=True)
        return time.perf_counter() - begin


def _bytes(way: Way) -> int:
    """Of the rows as psql prints them."""
    psql = subprocess.Popen(_psql(way), env=dict(way.environment), stdout=subprocess.PIPE)
    assert psql.stdout is not None
    total = 0
    while piece := psql.stdout.read(1 << 20):
        total += len(piece)
    psql.wait()
    return total


def _psql(way: Way) -> list[str]:
    return ["psql", "-XAt", *way.options, "-d", way.database, "-c", _SELECT]
