"""The embedded ClickHouse as a process: `countersign clickhouse` on a free port in a folder of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client
from support.builders import AUDREY, Someone, configuration, write_configuration
from support.gateway import countersign
from support.processes import free_port, start, stop, tail
from support.wait import block_until

from infra.clickhouse.callers import GATEWAY
from infra.config import Config, load
from infra.keys import secret


@dataclass(slots=True)
class ClickHouse:
    """An embedded ClickHouse that answers on `host`:`port`."""

    config_path: Path
    config: Config
    port: int
    process: Any
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    @property
    def log(self) -> Path:
        return self.config_path.with_name("clickhouse.log")

    @property
    def ours(self) -> tuple[str, str]:
        """Name and password of the gateway's own roles."""
        return GATEWAY, secret(self.config.state, "clickhouse").hex()

    def client(self, someone: Someone | None = AUDREY, **more: Any) -> Client:
        """clickhouse-connect's ordinary client, signed in as this user, or with None as the gateway."""
        name, password = (someone.name, someone.token) if someone else self.ours
        return clickhouse_connect.get_client(
            host=self.host, port=self.port, username=name, password=password, **more
        )

    def post(self, text: str | bytes, **parameters: str) -> httpx.Response:
        """An auditor's statement over plain HTTP; `parameters` go into the URL."""
        auth = (AUDREY.name, AUDREY.token)
        return httpx.post(self.url, params=parameters, content=text, auth=auth, timeout=60)

    def post_ours(self, text: str | bytes | Iterable[bytes], **parameters: str) -> httpx.Response:
        """A statement of the gateway's own roles over plain HTTP."""
        return httpx.post(self.url, params=parameters, content=text, auth=self.ours, timeout=60)

    def rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """What the gateway's own user reads."""
        with self.client(None) as client:
            return list(client.query(sql, parameters).named_results())

    def start(self) -> None:
        """Starts it (again) and returns when it answers."""
        self.process = start(
            countersign("clickhouse", "--config", str(self.config_path)),
            self.log,
            cwd=self.config_path.parent,
        )
        block_until(lambda: self.process.poll() is not None or self._answers(), seconds=60, what="an answer")
        assert self.process.poll() is None, tail(self.log)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}ping", timeout=5).text == "Ok.\n"
        except httpx.TransportError:
            return False


@contextmanager
def running_clickhouse(folder: Path) -> Iterator[ClickHouse]:
    """One in `folder`, with the usual users; audrey is the auditor."""
    clickhouse = configured_clickhouse(folder)
    clickhouse.start()
    try:
        yield clickhouse
    finally:
        stop(clickhouse.process)


def configured_clickhouse(folder: Path) -> ClickHouse:
    """One that is yet to be started."""
    port = free_port()
    path = write_configuration(
        folder, configuration(listen={"clickhouse": f"127.0.0.1:{port}"}, resources=[]), {}
    )
    return ClickHouse(path, load(path), port, None)
