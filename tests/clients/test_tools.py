"""PostgreSQL's own tools through the gateway: pgbench, pg_dump, pg_restore, and the rest of psql."""

import asyncio
import os
import pty
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.builders import DANA
from support.deciding import decide
from support.gateway import Gateway
from support.postgres import Postgres
from support.psql import run_psql, running_psql
from support.wait import eventually


async def run(gateway: Gateway, *argv: str, stdin: bytes = b"") -> tuple[bytes, str]:
    """What a tool that must succeed writes to stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=gateway.psql_environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(stdin), 120)
    assert process.returncode == 0, errors.decode()
    return output, errors.decode()


@pytest.fixture(scope="module")
def pgbench_tables(gateway: Gateway, postgres: Postgres) -> str:
    """A database with pgbench's tables, made through the gateway; its name as the gateway has it."""
    postgres.execute("create database benched owner app")
    name = gateway.conninfo("plain%2Fbenched")
    asyncio.run(run(gateway, _tool("pgbench"), "-i", "-q", "-s", "1", name))
    return name


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
async def test_pgbench(gateway: Gateway, pgbench_tables: str, mode: str) -> None:
    options = ("-n", "-M", mode, "-c", "2", "-t", "20", pgbench_tables)
    output, _ = await run(gateway, _tool("pgbench"), *options)
    assert b"number of transactions actually processed: 40/40" in output
    assert re.search(rb"number of failed transactions: 0|^((?!failed).)*$", output, re.DOTALL)


async def test_pgbench_in_a_pipeline(gateway: Gateway, pgbench_tables: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("\\startpipeline\n" + "select 1;\n" * 300 + "\\endpipeline\n")
    options = ("-n", "-M", "extended", "-t", "3", "-f", str(script), pgbench_tables)
    output, _ = await run(gateway, _tool("pgbench"), *options)
    assert b"number of transactions actually processed: 3/3" in output


async def test_a_database_is_dumped_and_restored(gateway: Gateway, postgres: Postgres) -> None:
    postgres.execute("create database restored owner app")
    dump, _ = await run(gateway, _tool("pg_dump"), "-Fc", gateway.conninfo("plain"))
    target = gateway.conninfo("plain%2Frestored")
    await run(gateway, _tool("pg_restore"), "--no-owner", "--exit-on-error", "-d", target, stdin=dump)
    plain, _ = await run(gateway, _tool("pg_dump"), "--no-owner", gateway.conninfo("plain"))
    restored, _ = await run(gateway, _tool("pg_dump"), "--no-owner", target)
    assert _without_keys(restored) == _without_keys(plain)


async def test_a_database_that_nobody_uses_can_be_dropped(gateway: Gateway) -> None:
    """The gateway itself, which read its catalogue, is not in it any more."""
    environment = gateway.psql_environment
    script = "create database passing;\n\\c plain/passing\nselect 1;\n\\c plain\ndrop database passing;\n"
    done = await run_psql(gateway.conninfo("plain"), environment, script, "-At")
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "DROP DATABASE"


async def test_large_objects_by_the_fast_path(gateway: Gateway, tmp_path: Path) -> None:
    content, back = tmp_path / "content", tmp_path / "back"
    content.write_bytes(os.urandom(300_000))
    script = (
        f"\\lo_import {content}\n\\lo_export :LASTOID {back}\n\\lo_unlink :LASTOID\n"
        f"\\lo_export :LASTOID {back}-2\n"
    )
    done = await run_psql(gateway.conninfo("plain"), gateway.psql_environment, script, "-q")
    assert back.read_bytes() == content.read_bytes()
    assert re.search(r"large object \d+ does not exist", done.stderr)


async def test_a_fast_path_call_is_held_like_the_command_it_is(gateway: Gateway, tmp_path: Path) -> None:
    async with running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-q") as psql:
        await psql.send(f"\\lo_export 1 {tmp_path / 'out'}\n")
        held = await psql.said(r"approval (\S+), http")
        async with gateway.api(DANA) as api:
            shown = (await api.get(f"/api/approvals/{held[1]}")).json()
        assert shown["command"] == 'select "pg_catalog"."lo_open"($1, $2)'
        await decide(gateway, DANA, held[1], "reject", "no large objects")
        await psql.said(r"no large objects")


async def test_a_transaction_in_two_phases(gateway: Gateway) -> None:
    script = (
        "begin;\ncreate table two_phases (x int);\nprepare transaction 'countersign-test';\n"
        "commit prepared 'countersign-test';\nselect count(*) from two_phases;\ndrop table two_phases;\n"
    )
    done = await run_psql(gateway.conninfo("plain"), gateway.psql_environment, script, "-At")
    assert done.stderr == ""
    assert done.stdout.splitlines()[-2:] == ["0", "DROP TABLE"]


async def test_a_declared_cursor_is_fetched_in_steps(gateway: Gateway) -> None:
    script = (
        "begin;\ndeclare c scroll cursor for select generate_series(1, 10);\nfetch 2 from c;\n"
        "fetch last from c;\nmove backward 5 from c;\nfetch next from c;\nclose c;\ncommit;\n"
    )
    done = await run_psql(gateway.conninfo("plain"), gateway.psql_environment, script, "-Atq")
    assert done.stderr == ""
    assert done.stdout.split() == ["1", "2", "10", "6"]


async def test_errors_tell_their_place(gateway: Gateway) -> None:
    script = "\\set VERBOSITY verbose\nselect 1,\n  nothing_here;\nselect 'é', x;\n"
    through = await run_psql(gateway.conninfo("plain"), gateway.psql_environment, script)
    assert through.stderr.count("42703: column") == 2
    assert "LINE 2:   nothing_here;\n          ^" in through.stderr
    assert "LINE 1: select 'é', x;\n                    ^" in through.stderr


async def test_the_tab_key_completes_a_tables_name(gateway: Gateway) -> None:
    async with terminal(gateway, "psql", "-X", gateway.conninfo("plain")) as typed:
        await typed("=> ", b"select count(*) from contact_n\t")
        await typed(r"contact_names", b";\n")
        await typed(r"count", b"\\q\n")


@asynccontextmanager
async def terminal(gateway: Gateway, *argv: str) -> AsyncIterator["_Typed"]:
    """A program at a terminal."""
    ours, theirs = pty.openpty()
    environment = {**gateway.psql_environment, "TERM": "dumb"}
    process = await asyncio.create_subprocess_exec(
        *argv, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    try:
        yield _Typed(ours)
        await asyncio.wait_for(process.wait(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


class _Typed:
    """Waits until a pattern was said since the last time, then types."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._said = ""

    async def __call__(self, pattern: str, keys: bytes) -> None:
        def said() -> bool:
            try:
                self._said += os.read(self._file, 65536).decode(errors="replace")
            except BlockingIOError:
                return False
            return re.search(pattern, self._said) is not None

        await eventually(said, what=f"the terminal saying {pattern!r}")
        self._said = ""
        os.write(self._file, keys)


def _tool(name: str) -> str:
    """Debian keeps pgbench beside the server."""
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None
    )
    assert found, f"no {name}: run `make setup-test`"
    return found


def _without_keys(dump: bytes) -> str:
    """A dump without what its tool makes up anew each time (\\restrict)."""
    return re.sub(r"^\\(un)?restrict .*$", "", dump.decode(), flags=re.MULTILINE)
