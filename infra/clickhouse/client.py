"""The client of ClickHouse, the embedded one and any other: the only clickhouse_connect import.

It connects when it is first used and again after the server was away, so that whoever holds it need not
care whether ClickHouse runs at the moment.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver import options
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from infra.clickhouse.address import embedded_address
from infra.clickhouse.callers import GATEWAY
from infra.config import Config, ConfigError, ExternalClickHouse, parse_address
from infra.keys import secret

DATABASE = "countersign"


class ClickHouseUnavailable(Exception):
    """ClickHouse cannot be reached; nothing is known about what was under way."""


class ClickHouseRefused(Exception):
    """ClickHouse answered with an error; the message is its own."""


def connect(config: Config) -> "ClickHouse":
    """The ClickHouse this configuration names. Raises ConfigError when its URL is none."""
    named = config.gateway.clickhouse
    if isinstance(named, ExternalClickHouse):
        parts = urlsplit(named.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(["gateway.clickhouse.url: expected http(s)://user:password@host:port/database"])
        return ClickHouse(config, parts.path.strip("/") or DATABASE)
    return ClickHouse(config, DATABASE)


class ClickHouse:
    """Reads and writes of one database. Made by `connect`."""

    def __init__(self, config: Config, database: str) -> None:
        self._config = config
        self._database = database
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._types: dict[str, dict[str, str]] = {}  # table -> column -> its type

    async def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, binary: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """The rows as dicts; times are aware, in UTC. `parameters`: values of {name:Type} in the text;
        `binary`: String columns to be read as bytes. Raises ClickHouseUnavailable, ClickHouseRefused."""
        async with self._connected() as client:
            result = await client.query(
                sql,
                dict(parameters or {}),
                column_formats=dict.fromkeys(binary, "bytes"),
                tz_mode="aware",
            )
        return [dict(row) for row in result.named_results()]

    async def command(self, sql: str) -> None:
        """A statement without an answer. Raises ClickHouseUnavailable, ClickHouseRefused."""
        async with self._connected() as client:
            await client.command(sql)

    async def insert(self, table: str, columns: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
        """Writes rows, given column by column: `values[i]` are those of `columns[i]`.

        Returns when they are written. After ClickHouseUnavailable they may have been.
        """
        async with self._connected() as client:
            if table not in self._types:
                described = await client.query(f"DESCRIBE TABLE {table}")
                self._types[table] = {row["name"]: row["type"] for row in described.named_results()}
            types = [self._types[table][column] for column in columns]
            await client.insert(table, values, columns, column_type_names=types, column_oriented=True)

    async def create_database(self) -> None:
        """Makes the database, where it is not there. Raises ClickHouseUnavailable, ClickHouseRefused."""
        with _our_errors():
            client = await self._open("")
            try:
                await client.command(f"CREATE DATABASE IF NOT EXISTS {self._database}")
            finally:
                await client.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncClient]:
        with _our_errors():
            async with self._connecting:
                if self._client is None:
                    self._client = await self._open(self._database)
                client = self._client
            try:
                yield client
            except OperationalError:
                # Perhaps it is somewhere else after a restart; the types may have changed meanwhile.
                self._types.clear()
                await self.close()
                raise

    async def _open(self, database: str) -> AsyncClient:
        try:
            target = _target(self._config)
        except ConfigError as error:
            raise ClickHouseUnavailable(str(error)) from error
        # An insert would load numpy and pandas, 65 MB, only to find that our lists are neither.
        options.np = options.pd = None
        return await clickhouse_connect.get_async_client(
            **target,
            database=database or "__default__",
            compress=False,
            client_name="countersign",
            connect_timeout=5,
            send_receive_timeout=60,
            query_retries=0,
        )


def _target(config: Config) -> dict[str, Any]:
    """Where and as whom to connect, as the arguments of clickhouse-connect."""
    named = config.gateway.clickhouse
    if isinstance(named, ExternalClickHouse):
        parts = urlsplit(named.url)
        return {
            "host": parts.hostname,
            "port": parts.port or (8443 if parts.scheme == "https" else 8123),
            "interface": parts.scheme,
            "username": unquote(parts.username or "default"),
            "password": unquote(parts.password or ""),
        }
    address = parse_address(embedded_address(config))
    return {
        "host": address.host,
        "port": address.port,
        "interface": "http",
        "username": GATEWAY,
        "password": secret(config.state, "clickhouse").hex(),
    }


@contextlib.contextmanager
def _our_errors() -> Iterator[None]:
    """clickhouse-connect's errors as ours."""
    try:
        yield
    except OperationalError as error:
        raise ClickHouseUnavailable(f"ClickHouse does not answer: {_first_line(error)}") from error
    except ClickHouseError as error:
        raise ClickHouseRefused(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
