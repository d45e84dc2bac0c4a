"""The gateway's own listeners, met as a client that has the caller's token: PostgreSQL, HTTP and SSH."""

import datetime
import decimal
import ssl
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Literal

import asyncpg
import httpx

from api.mcp.hosts import Listener, run
from infra.certificates import server_certificate
from infra.config import Address, Config, Policy
from infra.config.policies import When
from infra.ssh_keys import ssh_host_line

MOST_ROWS = 500
_MOST_BYTES = 256 * 1024  # of an answer
_CONNECT_SECONDS = 15
_PLAIN = (str, int, float, bool, type(None))


class NotReachable(Exception):
    """There is no such resource for this tool; says what to do."""


class Listeners:
    """Those of one configuration. `policies`: the rules in force. Raises ConfigError where the gateway's
    certificate cannot be read."""

    def __init__(self, config: Config, policies: Callable[[], Sequence[Policy]]) -> None:
        self._config = config
        self._policies = policies
        certificate, _ = server_certificate(config)
        # This very certificate, whatever names it has: the listener is our own.
        self._tls = ssl.create_default_context(cafile=str(certificate))
        self._tls.check_hostname = False
        self._tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    async def query(
        self, name: str, token: str, resource: str, sql: str, on_notice: Callable[[str], None]
    ) -> dict[str, Any]:
        """One statement by PostgreSQL's protocol. `name`: of the caller. Raises NotReachable.

        The answer is `rows`, or the `error` with what the gateway or the database says of it.
        """
        address = self._address(resource, "postgres")
        try:
            connection = await asyncpg.connect(
                host=address.host,
                port=address.port,
                user=name,
                password=token,
                database=resource,
                ssl=self._tls,
                timeout=_CONNECT_SECONDS,
                server_settings={"application_name": "countersign mcp"},
            )
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            return _error(error)
        try:
            connection.add_log_listener(lambda _, message: on_notice(str(message.message)))
            async with connection.transaction():
                cursor = await connection.cursor(sql)
                rows = await cursor.fetch(MOST_ROWS + 1)
            return _rows(rows)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return _error(error)
        finally:
            connection.terminate()

    async def request(
        self, token: str, resource: str, method: str, path: str, body: Any, why: dict[str, str]
    ) -> dict[str, Any]:
        """One request to an HTTP API. Raises NotReachable."""
        address = self._address(resource, "http")
        headers = {"X-Countersign-Token": token, **why}
        scheme = "http" if address.is_loopback else "https"
        url = f"{scheme}://{address.host}:{address.port}/{resource}/{path.lstrip('/')}"
        async with httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=None) as client:  # noqa: S113
            try:
                async with client.stream(
                    method, url, json=body, headers=headers, follow_redirects=False
                ) as answer:
                    read = b""
                    async for piece in answer.aiter_bytes():
                        read += piece
                        if len(read) > _MOST_BYTES:
                            break
            except httpx.HTTPError as error:
                return {"error": str(error) or type(error).__name__}
        return {
            "status": answer.status_code,
            "type": answer.headers.get("content-type", ""),
            "body": read[:_MOST_BYTES].decode("utf-8", "replace"),
            "is_cut_off": len(read) > _MOST_BYTES,
        }

    async def run(
        self,
        name: str,
        token: str,
        resource: str,
        command: str,
        why: dict[str, str],
        on_notice: Callable[[str], None],
    ) -> dict[str, Any]:
        """One command on a host by SSH's protocol. Raises NotReachable."""
        address = self._address(resource, "ssh")
        listener = Listener(address, ssh_host_line(self._config.state), f"{name}:{resource}", token)
        return await run(listener, command, why, on_notice)

    def _address(self, resource: str, protocol: Literal["postgres", "http", "ssh"]) -> Address:
        if any(looks_at_clients(policy.when) for policy in self._policies()):
            raise NotReachable(
                "the rules look at where a client is, and by this way all commands come from the gateway "
                "itself: connect to its listener"
            )
        found = self._config.resource(resource)
        address: Address | None = getattr(self._config.gateway.listen, protocol)
        if found is None or found.protocol != protocol or address is None:
            raise NotReachable(f"{resource} is no {protocol} resource of this gateway: see list_resources")
        is_everywhere = address.host in ("0.0.0.0", "::")  # noqa: S104  not bound here
        return Address("127.0.0.1", address.port) if is_everywhere else address


def looks_at_clients(when: When) -> bool:
    """Whether a rule matches by where a client is."""
    return when.networks is not None or "client" in (when.expression or "")


def _rows(rows: list[Any]) -> dict[str, Any]:
    """As JSON, up to a length."""
    shown: list[dict[str, Any]] = []
    size = 0
    for row in rows[:MOST_ROWS]:
        found = {name: _value(value) for name, value in row.items()}
        size += len(str(found))
        if size > _MOST_BYTES:
            break
        shown.append(found)
    return {"rows": shown, "is_cut_off": len(shown) < len(rows)}


def _value(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        return [_value(inner) for inner in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (datetime.date, datetime.time, decimal.Decimal, uuid.UUID)):
        return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)
    return str(value)


def _error(error: Exception) -> dict[str, Any]:
    """What the gateway or the database said."""
    parts = {
        "error": str(error) or type(error).__name__,
        "code": getattr(error, "sqlstate", None),
        "detail": getattr(error, "detail", None),
        "hint": getattr(error, "hint", None),
    }
    return {name: value for name, value in parts.items() if value}
