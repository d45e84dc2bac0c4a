"""An allowed GET of a hundred bytes: what the gateway adds to one, and how many go through, by wrk.

One connection for the time of each, 32 for the rate. The API answers from memory, so that what is measured is
the way.
"""

import re
import subprocess

from support.builders import AGENT

from bench.row import Goal, Row
from bench.targets import Targets

_SECONDS = 6
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def measure(targets: Targets) -> list[Row]:
    ways = {
        "direct": targets.api,
        "plain": f"http://{targets.gateway.listen['http']}/plain",
        "detected": f"http://{targets.gateway.listen['http']}/detected",
    }
    for origin in ways.values():
        _wrk(origin, 8, 2)  # warm
    one = {name: _wrk(origin, 1, _SECONDS) for name, origin in ways.items()}
    many = {name: _wrk(origin, 32, _SECONDS) for name, origin in ways.items()}
    bare = one["direct"][0]
    return [
        Row("GET, p50", "ms", one["plain"][0], bare),
        Row("GET added, p50", "ms", one["plain"][0] - bare, goal=Goal.AT_MOST, bound=5),
        Row("GET added, two detectors, p50", "ms", one["detected"][0] - bare),
        Row(
            "GET, 32 connections",
            "requests/s",
            many["plain"][1],
            many["direct"][1],
            None,
            Goal.AT_LEAST,
            1500,
        ),
        Row("GET, 32 connections, two detectors", "requests/s", many["detected"][1], many["direct"][1]),
    ]


def _wrk(origin: str, connections: int, seconds: int) -> tuple[float, float]:
    """Milliseconds at the 50th percentile, and requests a second."""
    shape = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    token = f"Authorization: Bearer {AGENT.token}"
    run = subprocess.run(
        ["wrk", *shape, "-H", token, f"{origin}/orders/7"], capture_output=True, text=True, check=True
    )
    p50 = re.search(r"50%\s+([\d.]+)(us|ms|s)\b", run.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    if p50 is None or rate is None or "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        raise RuntimeError(f"wrk {origin}: {run.stdout}")
    return float(p50[1]) * _MILLISECONDS[p50[2]], float(rate[1])
