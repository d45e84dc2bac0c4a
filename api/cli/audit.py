"""`countersign audit query`: SQL to the audit log, over ClickHouse's own HTTP interface, as an auditor."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from api.cli.gateway import (
    ConfigOption,
    Exit,
    JsonOption,
    Place,
    call,
    configuration,
    fail,
    find,
    reaching,
    trust,
)
from api.cli.output import Cell, array, table
from api.visible import visible

app = typer.Typer(help="Ask the audit log.", no_args_is_help=True)

_DATABASE = "countersign"
_WITH_NAMES = "JSONCompactEachRowWithNames"
_ROWS_AT_ONCE = 500  # rows whose widths are made equal


@app.callback()
def _group() -> None:
    """Keeps `query` a subcommand, though it is the only one."""


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="As an auditor: reading alone is possible.")],
    as_json: JsonOption = False,
    output: Annotated[
        str,
        typer.Option("--format", metavar="NAME", help="One of ClickHouse's formats, such as CSVWithNames."),
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Runs a query in the audit log and prints a table.

    COUNTERSIGN_CLICKHOUSE_URL says where the audit log is (else the configuration's listen.clickhouse),
    COUNTERSIGN_USER and COUNTERSIGN_TOKEN who asks.
    """
    if as_json and output:
        fail(Exit.USAGE, "--json and --format exclude each other")
    place = _audit_log(config)
    wanted = output or ("JSONEachRow" if as_json else _WITH_NAMES)
    parameters = {"database": _DATABASE, "default_format": wanted}
    with (
        reaching(place),
        place.client() as client,
        client.stream("POST", "/", params=parameters, content=sql.encode(), timeout=None) as answer,
    ):
        _check(answer)
        given = answer.headers.get("x-clickhouse-format", wanted)
        if given != wanted or output:  # or the query has a FORMAT of its own
            _print_raw(answer)
        elif as_json:
            for text in array(_rows(answer.iter_lines())):
                print(text, end="")
        else:
            _print_table(answer.iter_lines())


def _audit_log(path: Path | None) -> Place:
    """Where the audit log is, and who asks. Ends the command where that is not known."""
    config = configuration(path)
    listen = config.gateway.listen.clickhouse if config is not None else None
    url = os.environ.get("COUNTERSIGN_CLICKHOUSE_URL", "") or (
        f"{'http' if listen.is_loopback else 'https'}://{listen}" if listen is not None else ""
    )
    if not url:
        fail(
            Exit.USAGE, "no audit log: set COUNTERSIGN_CLICKHOUSE_URL, or name a configuration with --config"
        )
    name, token = _auditor(path)
    place = Place(url.rstrip("/"), trust(config))
    return replace(place, headers={"X-ClickHouse-User": name, "X-ClickHouse-Key": token})


def _auditor(path: Path | None) -> tuple[str, str]:
    token = os.environ.get("COUNTERSIGN_TOKEN", "")
    if ":" in token:
        name, _, token = token.partition(":")
        return name, token
    name = os.environ.get("COUNTERSIGN_USER", "")
    # ClickHouse wants a name; the gateway knows whose token it is.
    return name or str(call(find(path), "GET", "/api/me")["name"]), token


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    answer.read()
    code = answer.headers.get("x-clickhouse-exception-code", "")
    if code == "516" or (not code and answer.status_code in (401, 403)):  # 516: AUTHENTICATION_FAILED
        fail(
            Exit.REFUSED,
            "the audit log did not accept this name and token",
            "check COUNTERSIGN_USER and COUNTERSIGN_TOKEN; auditors are the groups of gateway.auditors",
        )
    fail(Exit.REFUSED, answer.text.strip() or f"the audit log answered {answer.status_code}")


def _print_raw(answer: httpx.Response) -> None:
    if sys.stdout.isatty():
        for line in answer.iter_lines():
            print(visible(line))
        return
    for chunk in answer.iter_bytes():
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def _print_table(lines: Iterable[str]) -> None:
    rows = _rows(lines)
    columns = next(rows, None)
    if columns is None:
        return
    heading = True
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        for line in table(columns, [[_cell(value) for value in row] for row in batch], heading=heading):
            print(line)
        heading = False
    if heading:
        print("\n".join(table(columns, [])))


def _rows(lines: Iterable[str]) -> Iterator[Any]:
    """The rows. A query that fails on the way ends in its error instead of a row."""
    for line in lines:
        if not line:
            continue
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            fail(Exit.REFUSED, f"the query failed after it had begun to answer: {line}")


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
