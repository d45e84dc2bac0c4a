"""A pytest plugin: one line of JSON a test, with its id and how it ended. It changes no test.

The file is named by COUNTERSIGN_OUTCOMES. COUNTERSIGN_TESTS names a file with the ids of the tests to run, a
line each, where not all are: some suites' ids cannot be given as arguments. It imports nothing of ours: it
runs in the suites' environment.
"""

import gc
import json
import os
from pathlib import Path
from typing import Any

_FILE = Path(os.environ["COUNTERSIGN_OUTCOMES"])
_outcomes: dict[str, str] = {}


def pytest_collection_modifyitems(items: list[Any]) -> None:
    chosen = os.environ.get("COUNTERSIGN_TESTS")
    if chosen:
        wanted = set(Path(chosen).read_text().splitlines())
        items[:] = [item for item in items if item.nodeid in wanted]


def pytest_collection_finish() -> None:
    gc.freeze()  # suites collect garbage between tests, and what was collected to run is most of all there is


def pytest_runtest_logreport(report: Any) -> None:
    """Called for set-up, call and tear-down of each test; what is worst counts."""
    if report.failed:
        _outcomes[report.nodeid] = "failed" if report.when == "call" else "error"
    elif report.skipped:
        _outcomes.setdefault(report.nodeid, "xfailed" if hasattr(report, "wasxfail") else "skipped")
    elif report.when == "call":
        _outcomes.setdefault(report.nodeid, "passed")


def pytest_runtest_logfinish(nodeid: str) -> None:
    with _FILE.open("a") as file:
        print(json.dumps({"test": nodeid, "outcome": _outcomes.get(nodeid, "passed")}), file=file)
