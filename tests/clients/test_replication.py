"""Replication connections: PostgreSQL's own tools, and what no rule allows."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from support.builders import AGENT
from support.gateway import Gateway
from support.postgres import Postgres

_SLOT = "t_slot"


async def run(gateway: Gateway, *argv: str) -> tuple[int, str]:
    """The exit status of a tool, and all it says."""
    process = await asyncio.create_subprocess_exec(
        *argv, env=gateway.psql_environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode()


def replicating(gateway: Gateway, resource: str) -> "psycopg.Connection[tuple[object, ...]]":
    """Replication takes simple queries alone: psycopg's client-side cursor makes them."""
    return psycopg.connect(
        gateway.conninfo(resource),
        replication="database",
        autocommit=True,
        cursor_factory=psycopg.ClientCursor,
    )


async def test_changes_are_streamed(gateway: Gateway, postgres: Postgres, tmp_path: Path) -> None:
    where = ("-d", gateway.conninfo("replicated"), "--slot", _SLOT)
    created = await run(gateway, "pg_recvlogical", *where, "--create-slot", "--plugin", "test_decoding")
    assert created == (0, "")
    try:
        with psycopg.connect(gateway.conninfo("plain"), autocommit=True) as connection:
            connection.execute("create table t_streamed (content text)")
            connection.execute("insert into t_streamed values ('over the wire')")
            connection.execute("drop table t_streamed")
        end = postgres.execute("select pg_current_wal_lsn()")
        changes = tmp_path / "changes"
        streamed = await run(
            gateway, "pg_recvlogical", *where, "--start", "--no-loop", "--endpos", end, "-f", str(changes)
        )
        assert streamed == (0, "")
        assert "over the wire" in changes.read_text()
    finally:
        dropped = await run(gateway, "pg_recvlogical", *where, "--drop-slot")
    assert dropped == (0, "")


async def test_a_base_backup(gateway: Gateway, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    conninfo = gateway.conninfo("").replace(AGENT.name, f"{AGENT.name}%3Areplicated", 1)
    done = await run(
        gateway,
        "pg_basebackup",
        "-d",
        conninfo,
        "-D",
        str(backup),
        "-c",
        "fast",
        "-X",
        "stream",
    )
    assert done[0] == 0, done[1]
    assert (backup / "PG_VERSION").exists()


def test_what_no_rule_allows_is_refused_and_the_connection_goes_on(gateway: Gateway) -> None:
    with replicating(gateway, "replicated") as connection:
        for refused in ("drop table customers", "select unknown_function()", "/**/ IDENTIFY_SYSTEM"):
            with pytest.raises(psycopg.Error) as raised:
                connection.execute(refused)
            assert raised.value.sqlstate in ("42501", "42601")
        for hidden in ("SHOW wal_level; drop table customers", "select 1; drop table customers"):
            with pytest.raises(psycopg.errors.SyntaxError, match=r"alone|one statement at a time"):
                connection.execute(hidden)
        row = connection.execute("IDENTIFY_SYSTEM").fetchone()
        assert row is not None
        assert row[3] is not None
