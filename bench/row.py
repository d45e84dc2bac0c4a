"""One row of the table: a measure, its value each way, its goal, and whether the goal holds."""

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results" / "latest.json"


class Goal(StrEnum):
    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True, slots=True)
class Row:
    """`value` is Countersign's; `direct` and `pgbouncer` the same measure without it, where there is one.

    `goal` and `bound` together, such as AT_MOST 5.0; a row without them only informs.
    """

    name: str
    unit: str
    value: float
    direct: float | None = None
    pgbouncer: float | None = None
    goal: Goal | None = None
    bound: float | None = None

    @property
    def holds(self) -> bool | None:
        """None where there is no goal."""
        if self.goal is None or self.bound is None:
            return None
        return self.value <= self.bound if self.goal is Goal.AT_MOST else self.value >= self.bound

    @property
    def goal_in_words(self) -> str | None:
        return None if self.goal is None or self.bound is None else f"{self.goal} {self.bound:g}"


def show(rows: Sequence[Row]) -> None:
    """The table, on stdout."""
    table = Table("measure", "unit")
    for heading in ("direct", "pgbouncer", "Countersign", "goal", "holds"):
        table.add_column(heading, justify="right")
    for row in rows:
        holds = {None: "", True: "yes", False: "NO"}[row.holds]
        numbers = (_number(row.direct), _number(row.pgbouncer), _number(row.value))
        table.add_row(row.name, row.unit, *numbers, row.goal_in_words or "", holds)
    Console(width=140).print(table)


def write(rows: Sequence[Row], path: Path = RESULTS) -> None:
    """The same as JSON: a list of {name, value, unit, goal, holds, …}, each with the machine and commit."""
    about = {"machine": machine(), "commit": commit()}
    document = [
        {
            "name": row.name,
            "value": row.value,
            "unit": row.unit,
            "goal": row.goal_in_words,
            "holds": row.holds,
            "direct": row.direct,
            "pgbouncer": row.pgbouncer,
            **about,
        }
        for row in rows
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def machine() -> str:
    """Processor, cores and memory, in words."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    gib = psutil.virtual_memory().total / 2**30
    return f"{model}, {psutil.cpu_count()} cores, {gib:.0f} GiB, Linux {platform.release()}"


def commit() -> str:
    """The commit that was measured; a + says that files were changed since."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return described.stdout.strip()


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
