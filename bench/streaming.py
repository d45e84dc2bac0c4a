"""1,000,000 rows of about 100 bytes, read by psql: `SELECT *` with -At, and COPY TO STDOUT.

Unmasked, with two masked columns, and with the e-mail and card detectors, each recorded in full and as a
preview. Each way in turn, three times, and the median counts.
"""

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.row import Goal, Row
from bench.ways import Way

_ROWS = 1_000_000
_ROUNDS = 3
_STATEMENTS: Mapping[str, str] = {"SELECT": "select * from rows", "COPY": "copy rows to stdout"}
# Issue 4: as a ratio to direct in the same run.
_GOALS = {"plain": 0.50, "masked": 0.30, "detected": 0.20}
_WORDS = {"plain": "unmasked", "masked": "two masked columns", "detected": "two detectors"}
_PREVIEW = "-preview"


def measure(ways: Sequence[Way]) -> list[Row]:
    (ours,) = [way for way in ways if way.name == "Countersign"]
    others = [way for way in ways if way is not ours]
    kinds = [kind + recording for kind in _GOALS for recording in ("", _PREVIEW)]
    all_ways = {**{way.name: way for way in others}, **{kind: ours.to(kind) for kind in kinds}}
    runs: dict[tuple[str, str], list[float]] = {}
    for _ in range(_ROUNDS):
        for statement, sql in _STATEMENTS.items():
            for name, way in all_ways.items():
                runs.setdefault((statement, name), []).append(_seconds(way, sql))
    took = {run: statistics.median(seconds) for run, seconds in runs.items()}
    megabytes = _bytes(others[0], _STATEMENTS["SELECT"]) / 1e6
    return [
        row for statement in _STATEMENTS for kind in kinds for row in _rows(statement, kind, took, megabytes)
    ]


def _rows(statement: str, kind: str, took: Mapping[tuple[str, str], float], megabytes: float) -> list[Row]:
    seconds, direct, bouncer = (took[statement, name] for name in (kind, "direct", "pgbouncer"))
    plain = kind.removesuffix(_PREVIEW)
    recording = "preview" if kind.endswith(_PREVIEW) else "full"
    name = f"{statement} of 1,000,000 rows, {_WORDS[plain]}, recording: {recording}"
    bare = kind == "plain"
    rates = [
        Row(name, unit, amount / seconds, amount / direct, amount / bouncer if bare else None)
        for unit, amount in (("rows/s", _ROWS), ("MB/s", megabytes))
    ]
    ratio = Row(
        name,
        "of direct",
        direct / seconds,
        1.0,
        direct / bouncer if bare else None,
        Goal.AT_LEAST,
        _GOALS[plain],
    )
    return [*(rates if recording == "full" else ()), ratio]


def _seconds(way: Way, sql: str) -> float:
    with Path("/dev/null").open("wb") as nowhere:
        begin = time.perf_counter()
        subprocess.run(_psql(way, sql), env=dict(way.environment), stdout=nowhere, check=True)
        return time.perf_counter() - begin


def _bytes(way: Way, sql: str) -> int:
    """Of the rows as psql prints them."""
    psql = subprocess.Popen(_psql(way, sql), env=dict(way.environment), stdout=subprocess.PIPE)
    assert psql.stdout is not None
    total = 0
    while piece := psql.stdout.read(1 << 20):
        total += len(piece)
    psql.wait()
    return total


def _psql(way: Way, sql: str) -> list[str]:
    return ["psql", "-XAt", *way.options, "-d", way.database, "-c", sql]
