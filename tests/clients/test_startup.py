"""The first bytes of a connection: TLS in each of its ways, versions, options, encodings, cancel keys.

Byte by byte where libpq would not send it; by libpq of PostgreSQL 18 (in psycopg's wheel) where it does.
PostgreSQL documentation, "Message Flow" 55.2.1, 55.2.8 to 55.2.11.
"""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from types import MappingProxyType

import asyncpg
import psycopg
import pytest
from support.builders import AGENT
from support.gateway import Gateway
from support.postgres import Postgres
from support.wait import block_until

_SSL_REQUEST = struct.pack("!II", 8, 80877103)
_GSSENC_REQUEST = struct.pack("!II", 8, 80877104)


def startup(version: int = 196608, settings: Mapping[str, str] = MappingProxyType({})) -> bytes:
    pairs = {"user": AGENT.name, "database": "plain", **settings}
    body = struct.pack("!I", version) + b"".join(f"{k}\0{v}\0".encode() for k, v in pairs.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def password() -> bytes:
    body = AGENT.token.encode() + b"\0"
    return b"p" + struct.pack("!I", len(body) + 4) + body


@contextmanager
def plain(gateway: Gateway) -> Iterator[socket.socket]:
    host, _, port = gateway.listen["postgres"].rpartition(":")
    with closing(socket.create_connection((host, int(port)), timeout=20)) as opened:
        yield opened


@contextmanager
def encrypted(gateway: Gateway, before: bytes = _SSL_REQUEST, alpn: str = "") -> Iterator[ssl.SSLSocket]:
    """TLS, after `before` and its answer."""
    context = ssl.create_default_context(cafile=str(gateway.ca))
    if alpn:
        context.set_alpn_protocols([alpn])
    with plain(gateway) as opened:
        if before:
            opened.sendall(before)
            assert opened.recv(1) == b"S"
        with context.wrap_socket(opened, server_hostname="127.0.0.1") as wrapped:
            yield wrapped


def messages(sock: socket.socket, until: bytes) -> list[tuple[bytes, bytes]]:
    """Kinds and bodies, up to one of these kinds or the end."""
    found: list[tuple[bytes, bytes]] = []
    data = b""
    while not found or found[-1][0] not in until:
        while len(data) < 5 or len(data) < 1 + int.from_bytes(data[1:5], "big"):
            more = sock.recv(65536)
            if not more:
                return found
            data += more
        length = int.from_bytes(data[1:5], "big")
        found.append((data[:1], data[5 : length + 1]))
        data = data[length + 1 :]
    return found


def test_gss_is_declined_and_tls_follows(gateway: Gateway) -> None:
    with plain(gateway) as opened:
        opened.sendall(_GSSENC_REQUEST)
        assert opened.recv(1) == b"N"
        opened.sendall(_SSL_REQUEST)
        assert opened.recv(1) == b"S"


def test_direct_tls_needs_its_alpn(gateway: Gateway) -> None:
    with encrypted(gateway, before=b"", alpn="postgresql") as client:
        client.sendall(startup())
        assert messages(client, b"RE")[-1] == (b"R", struct.pack("!I", 3))
    with encrypted(gateway, before=b"") as client:
        client.sendall(startup())
        assert messages(client, b"RE") == []


@pytest.mark.parametrize("extra", [startup(), b"Q\0\0\0\x0dselect 1\0", b"\x16"])
def test_what_comes_in_clear_text_with_the_request_for_tls_is_not_taken_for_encrypted(
    gateway: Gateway, extra: bytes
) -> None:
    """CVE-2021-23214: a man in the middle adds bytes before the handshake."""
    with plain(gateway) as opened:
        opened.sendall(_SSL_REQUEST + extra)
        assert opened.recv(1) == b"S"
        context = ssl.create_default_context(cafile=str(gateway.ca))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(opened, server_hostname="127.0.0.1")


@pytest.mark.parametrize(
    ("version", "spoken", "secret"),
    [
        (0x30000, None, 4),
        (0x30001, None, 4),
        (0x30002, None, 32),
        (0x30003, 0x30002, 32),
        (0x3270F, 0x30002, 32),
    ],
)
def test_minor_versions_of_the_protocol(
    gateway: Gateway, version: int, spoken: int | None, secret: int
) -> None:
    with encrypted(gateway) as client:
        client.sendall(startup(version) + password())
        found = messages(client, b"ZE")
    negotiated = [body for kind, body in found if kind == b"v"]
    assert negotiated == ([] if spoken is None else [struct.pack("!II", spoken, 0)])
    [key] = [body for kind, body in found if kind == b"K"]
    assert len(key) == 4 + secret


def test_options_of_the_protocol_are_told_to_be_unknown(gateway: Gateway) -> None:
    with encrypted(gateway) as client:
        client.sendall(startup(settings={"_pq_.compression": "lz4"}) + password())
        found = messages(client, b"ZE")
    assert (b"v", struct.pack("!II", 0x30000, 1) + b"_pq_.compression\0") in found


def test_replication_of_what_is_masked_is_refused(gateway: Gateway) -> None:
    with encrypted(gateway) as client:
        client.sendall(startup(settings={"database": "masked", "replication": "database"}) + password())
        found = messages(client, b"EZ")
    kind, body = found[-1]
    assert kind == b"E"
    assert b"they carry as it is what is masked there" in body


def test_replication_must_be_yes_or_no_or_database(gateway: Gateway) -> None:
    with encrypted(gateway) as client:
        client.sendall(startup(settings={"replication": "perhaps"}))
        [(kind, body)] = messages(client, b"E")
    assert kind == b"E"
    assert b'invalid value for parameter "replication"' in body


def libpq(gateway: Gateway, **options: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(gateway.conninfo("plain"), autocommit=True, **options)  # type: ignore[arg-type]


def test_libpq_of_version_18_speaks_3_2(gateway: Gateway) -> None:
    assert psycopg.pq.version() >= 180000
    with libpq(gateway, min_protocol_version="3.2", max_protocol_version="3.2") as connection:
        assert connection.pgconn.full_protocol_version == 30002
        connection.cancel_safe(timeout=10)
        assert connection.execute("select 1").fetchone() == (1,)


def test_libpq_opens_tls_directly(gateway: Gateway) -> None:
    with libpq(gateway, sslnegotiation="direct") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_settings_of_the_start_reach_the_target(gateway: Gateway) -> None:
    options = r"-c search_path=pg_catalog,\ public -c statement_timeout=12345 --work_mem=5MB"
    with libpq(gateway, application_name="the tests", options=options) as connection:
        shown = connection.execute(
            "select current_setting('application_name'), current_setting('search_path'), "
            "current_setting('statement_timeout'), current_setting('work_mem')"
        ).fetchone()
        assert shown is not None
        assert shown[1:] == ("pg_catalog, public", "12345ms", "5MB")
        assert connection.info.parameter_status("application_name") == "the tests", (
            "as it would be told directly"
        )
        assert re.fullmatch("agent-7/[0-9a-f-]{36} the tests", str(shown[0]))


def test_parameters_and_status_are_the_targets(gateway: Gateway, postgres: Postgres) -> None:
    with libpq(gateway) as through, psycopg.connect(postgres.conninfo()) as direct:
        for name in ("server_version", "server_encoding", "DateStyle", "TimeZone", "integer_datetimes"):
            assert through.info.parameter_status(name) == direct.info.parameter_status(name)
        assert through.info.backend_pid == through.execute("select pg_backend_pid()").fetchone()[0]  # type: ignore[index]
        through.execute("set timezone = 'Asia/Tokyo'")
        assert through.info.parameter_status("TimeZone") == "Asia/Tokyo"


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "latin9"])
def test_texts_in_another_encoding_are_read(gateway: Gateway, encoding: str) -> None:
    with libpq(gateway, client_encoding=encoding) as connection:
        assert connection.execute("select 'é' || %s, length('é')", ["ü"]).fetchone() == ("éü", 1)
        connection.execute("set client_encoding = 'UTF8'")
        assert connection.execute("select '日本', length('日本')").fetchone() == ("日本", 2)


@pytest.mark.parametrize("encoding", ["SJIS", "BIG5", "GBK"])
def test_encodings_that_hide_quotes_are_refused(gateway: Gateway, encoding: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="is not spoken by the gateway"):
        libpq(gateway, client_encoding=encoding)
    with libpq(gateway) as connection, pytest.raises(psycopg.OperationalError, match="is not spoken"):
        connection.execute(f"set client_encoding = '{encoding}'")


async def test_who_does_not_know_the_secret_cancels_nothing(gateway: Gateway) -> None:
    session = await asyncpg.connect(gateway.conninfo("plain"))
    running = asyncio.create_task(session.fetchval("select 'kept'::text from pg_sleep(2)"))
    for length in (4, 32, 256):
        await asyncio.to_thread(_cancel, gateway, session.get_server_pid(), b"\0" * length)
    assert await running == "kept"
    await session.close()


def _cancel(gateway: Gateway, pid: int, secret: bytes) -> None:
    with plain(gateway) as opened:
        opened.sendall(struct.pack("!III", 12 + len(secret), 80877102, pid) + secret)
        assert opened.recv(1) == b""


def test_a_transactions_state_is_the_servers(gateway: Gateway) -> None:
    with libpq(gateway) as connection:
        states = [connection.info.transaction_status.name]
        for text in ("begin", "selec 1", "select 1", "rollback", "selec 2"):
            with contextlib.suppress(psycopg.errors.SyntaxError, psycopg.errors.InFailedSqlTransaction):
                connection.execute(text)
            states.append(connection.info.transaction_status.name)
        assert states == ["IDLE", "INTRANS", "INERROR", "INERROR", "IDLE", "IDLE"]


def test_notices_arrive_as_they_are(gateway: Gateway) -> None:
    with libpq(gateway) as connection:
        heard: list[tuple[str | None, str | None, str | None]] = []
        connection.add_notice_handler(lambda d: heard.append((d.severity, d.sqlstate, d.message_primary)))
        connection.execute("do $$ begin raise warning 'careful' using errcode = '01234'; end $$")
        block_until(lambda: heard)
        assert heard == [("WARNING", "01234", "careful")]
