"""The walk through a demo: a masked read, a held write, a refused DROP, and what the audit log says of it.

Real clients do what users would: asyncpg over TLS, the decision API over HTTP, the audit log over
ClickHouse's HTTP interface. Each step is checked against the target itself.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.visible import visible
from infra.config import Config
from infra.demo.folder import AGENT, AUDITOR, REVIEWER, DemoFolder
from infra.demo.postgres import DATABASE, HOST, USER

_STEP_LIMIT = 60.0  # seconds
_PAUSE = 0.1

CUSTOMERS = "select id, name, email, card from customers order by id limit 3"
NOTES = "select id, note from orders where note is not null order by id limit 3"
CHANGE = "update orders set total = total - 5 where id = 7"
TOTAL = "select total from orders where id = 7"
DROP = "drop table customers"
_AUDIT = """\
select text, verdict, rule, arrayStringConcat(decided_by, ', ') as decided_by, outcome
from commands
where session = {session:String}
order by requested_at
"""


class StepFailed(Exception):
    """A step of the walk did not do what it should; the message says which and what happened."""


@dataclass(slots=True)
class _Walk:
    folder: DemoFolder
    config: Config
    console: Console
    agent: "asyncpg.Connection[Any]"
    target: "asyncpg.Connection[Any]"  # not through the gateway, to check against
    notices: list[str] = field(default_factory=list)
    session: str = ""


async def walk(folder: DemoFolder, config: Config, console: Console) -> None:
    """Goes through the demo of a gateway that is ready. Raises StepFailed."""
    steps: Sequence[tuple[str, Callable[[_Walk], Awaitable[None]]]] = (
        ("agent-7 reads, and sees no personal data", _read),
        ("agent-7 writes, and waits for dana", _write),
        ("agent-7 drops a table, and a guardrail refuses", _drop),
        ("audrey reads what happened in the audit log", _audit),
    )
    async with _connected(folder, config, console) as state:
        for number, (title, step) in enumerate(steps, start=1):
            console.print(Text(f"\n{number}  {title}", style="bold"))
            async with _step(number, title):
                await step(state)
    console.print(Text("\nEach step did what it should.", style="bold green"))


@asynccontextmanager
async def _connected(folder: DemoFolder, config: Config, console: Console) -> AsyncIterator[_Walk]:
    async with _step(0, "connecting"):
        listen = config.gateway.listen.postgres
        if listen is None:
            raise StepFailed("gateway.listen.postgres is not in the demo's configuration any more")
        agent = await asyncpg.connect(
            host=listen.host,
            port=listen.port,
            user=AGENT,
            password=folder.token(AGENT),
            database=DATABASE,
            ssl=ssl.create_default_context(cafile=str(folder.ca)),
        )
        target = await asyncpg.connect(
            host=HOST,
            port=folder.target_port,
            user=USER,
            password=folder.target_password,
            database=DATABASE,
            ssl=False,
        )
    state = _Walk(folder, config, console, agent, target)

    def note(_connection: Any, message: Any) -> None:
        state.notices.append(message.message)
        _tell(console, f"NOTICE:  {message.message}", "yellow")

    agent.add_log_listener(note)
    try:
        yield state
    finally:
        agent.terminate()
        target.terminate()


@asynccontextmanager
async def _step(number: int, title: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_STEP_LIMIT):
            yield
    except TimeoutError as error:
        raise StepFailed(f"step {number} ({title}) took longer than {_STEP_LIMIT:g} s") from error
    except (StepFailed, asyncpg.PostgresError, asyncpg.InterfaceError, httpx.HTTPError, OSError) as error:
        raise StepFailed(f"step {number} ({title}): {error or type(error).__name__}") from error


async def _read(state: _Walk) -> None:
    for sql, secret in ((CUSTOMERS, ("email", "card")), (NOTES, ("note",))):
        _say(state, sql)
        seen = await state.agent.fetch(sql)
        _show(state.console, seen)
        real = await state.target.fetch(sql)
        _expect(len(seen) == len(real) > 0, f"{len(seen)} rows came, not {len(real)}")
        for mine, theirs in zip(seen, real, strict=True):
            for column, value in theirs.items():
                if column not in secret:
                    _expect(mine[column] == value, f"column {column} is not what the target holds")
                else:
                    _expect(mine[column] != value, f"column {column} was not masked")


async def _write(state: _Walk) -> None:
    before = await state.target.fetchval(TOTAL)
    _say(state, CHANGE)
    held = asyncio.create_task(state.agent.execute(CHANGE))
    try:
        async with _api(state, REVIEWER) as api:
            approval = await _pending(api, held)
            _expect(await state.target.fetchval(TOTAL) == before, "it ran before it was approved")
            state.session = approval["session"]
            path = f"/api/approvals/{approval['id']}/approve"
            _tell(state.console, f'{REVIEWER} → POST {path}  {{"comment": "OPS-12, fine"}}')
            _checked(await api.post(path, json={"comment": "OPS-12, fine"}))
        tag = await held
    finally:
        held.cancel()
    _tell(state.console, tag)
    _expect(tag == "UPDATE 1", f"the answer was {tag}, not UPDATE 1")
    _expect(any("held for review" in notice for notice in state.notices), "no notice said that it waits")
    _expect(await state.target.fetchval(TOTAL) == before - 5, "the target did not change")


async def _pending(api: httpx.AsyncClient, held: "asyncio.Task[str]") -> dict[str, Any]:
    """The approval that the agent's command waits for."""
    while True:
        found = _checked(await api.get("/api/approvals", params={"state": "pending"})).json()
        for approval in found:
            if (approval["principal"], approval["command"]) == (AGENT, CHANGE):
                return dict(approval)
        if held.done():
            raise StepFailed(f"it did not wait for a reviewer: {held.exception() or held.result()}")
        await asyncio.sleep(_PAUSE)


async def _drop(state: _Walk) -> None:
    _say(state, DROP)
    try:
        tag = await state.agent.execute(DROP)
    except asyncpg.InsufficientPrivilegeError as error:
        _tell(state.console, f"ERROR {error.sqlstate}:  {error.args[0]}", "red")
        _tell(state.console, f"DETAIL:  {error.detail}", "red")
        _tell(state.console, f"HINT:  {error.hint}", "red")
        detail = json.loads(error.detail or "{}")
        _expect(detail.get("rule") == "nobody drops production data", "another rule refused it")
    else:
        raise StepFailed(f"it was not refused: {tag}")
    there = await state.target.fetchval("select to_regclass('customers') is not null")
    _expect(there, "the table is gone")
    # One row of a portal that has more: what asyncpg asks for here must come to an end in the audit log too.
    again = await state.agent.fetchval("select count(*) from customers")
    _expect(again > 0, "the session did not go on after the refusal")


async def _audit(state: _Walk) -> None:
    expected = {
        CUSTOMERS: ("allow", "succeeded", ""),
        CHANGE: ("allow", "succeeded", REVIEWER),
        DROP: ("deny", "refused", ""),
    }
    for line in _AUDIT.splitlines():
        _tell(state.console, line, "cyan")
    async with _audit_log(state) as audit:
        while True:
            rows = await _commands(audit, state.session)
            found = {row["text"]: (row["verdict"], row["outcome"], row["decided_by"]) for row in rows}
            is_over = all(row["outcome"] != "running" for row in rows)
            if is_over and all(found.get(text) == what for text, what in expected.items()):
                break
            await asyncio.sleep(_PAUSE)
    _show(state.console, rows)


async def _commands(audit: httpx.AsyncClient, session: str) -> list[dict[str, Any]]:
    answer = await audit.post(
        "/",
        params={
            "database": "countersign",
            "default_format": "JSONEachRow",
            "param_session": session,
        },
        content=_AUDIT,
    )
    if not answer.is_success:
        raise StepFailed(f"ClickHouse answered {answer.status_code}: {answer.text.strip()}")
    return [json.loads(line) for line in answer.text.splitlines()]


def _api(state: _Walk, user: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {state.folder.token(user)}"}
    return httpx.AsyncClient(base_url=state.config.api_url, headers=headers, timeout=30)


def _audit_log(state: _Walk) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://{state.config.gateway.listen.clickhouse}",
        auth=(AUDITOR, state.folder.token(AUDITOR)),
        timeout=30,
    )


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise StepFailed(f"the API answered {answer.status_code}: {answer.text}")
    return answer


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StepFailed(otherwise)


def _say(state: _Walk, sql: str) -> None:
    _tell(state.console, f"{DATABASE}=> {sql};", "cyan")


def _tell(console: Console, sentence: str, style: str = "") -> None:
    # The terminal breaks long lines, so that addresses can be copied whole.
    console.print(Text(f"   {visible(sentence)}", style=style), soft_wrap=True)


def _show(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(*rows[0].keys(), box=None, pad_edge=False, header_style="dim")
    for row in rows:
        table.add_row(*(Text(visible(str(value))) for value in row.values()))
    console.print(_indented(table))


def _indented(table: Table) -> Any:
    from rich.padding import Padding

    return Padding(table, (0, 0, 0, 3))
