"""The three ways to one PostgreSQL: direct, through pgbouncer, through Countersign."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from support.builders import AGENT, DANA, Document, configuration, postgres_resource
from support.gateway import Gateway, running_gateway
from support.postgres import Postgres, running_postgres
from support.processes import free_port, start, stop, tail
from support.psql import psql_environment
from support.wait import block_until

_DATABASE = "bench"
_ROWS = 1_000_000

# A row is about 100 bytes; one in ten has a card number and an address in its text.
_TABLE = f"""
set session authorization app;
create table rows as
    select n::int as id, 'customer ' || n as name, 'user' || n || '@example.com' as email,
        '4111111111111111' as card,
        case when n % 10 = 0 then 'pay 5555555555554444, mail a' || n || '@example.com'
             else 'nothing of note here, row ' || n end as note
    from generate_series(1, {_ROWS}) n;
create table held (id int primary key);
analyze;
"""

# One resource a question: what is masked, and what the rules say.
_RESOURCES: Mapping[str, Document] = {
    "plain": {},
    "masked": {"sensitive": {"columns": {"public.rows.email": "email", "public.rows.card": "card"}}},
    "detected": {"sensitive": {"detect": ["email", "card_number"]}},
    "reviewed": {},
}
_PREVIEWED = {
    f"{name}-preview": {**_RESOURCES[name], "recording": "preview"}
    for name in ("plain", "masked", "detected")
}
_POLICIES: tuple[Document, ...] = (
    {"name": "measured", "when": {"resources": ["plain*", "masked*", "detected*"]}, "verdict": "allow"},
    {
        "name": "sessions may open",
        "when": {"resources": ["reviewed"], "intents": ["session", "read"]},
        "verdict": "allow",
    },
    {
        "name": "held",
        "when": {"resources": ["reviewed"], "intents": ["write", "bulk_write"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "10m"},
    },
)


@dataclass(frozen=True, slots=True)
class Way:
    """How to connect one way, over TLS, verified. `environment`: for psql and pgbench."""

    name: str
    host: str
    port: int
    user: str
    password: str
    database: str
    ca: Path
    environment: Mapping[str, str]

    def to(self, resource: str) -> "Way":
        """The same way to another resource of the gateway; elsewhere the database is the same."""
        return replace(self, database=resource) if self.name == "Countersign" else self

    @property
    def options(self) -> list[str]:
        """What psql and pgbench connect with."""
        return ["-h", self.host, "-p", str(self.port), "-U", self.user]


@contextmanager
def target() -> Iterator[Postgres]:
    """A PostgreSQL as in production (fsync on), with a table of 1,000,000 rows."""
    settings = ("fsync = on", "shared_buffers = 256MB", "max_connections = 2300", "max_wal_size = 4GB")
    with running_postgres(*settings) as postgres:
        postgres.execute(f"create database {_DATABASE} owner app")
        postgres.execute(_TABLE, _DATABASE)
        postgres.execute("vacuum analyze", _DATABASE)
        yield postgres


def direct(postgres: Postgres) -> Way:
    """PostgreSQL itself. Signs in by a cleartext password, which all ways share, inside TLS."""
    return _way("direct", postgres.address, "app_clear", postgres.password, _DATABASE, postgres.ca)


@contextmanager
def pgbouncer(postgres: Postgres) -> Iterator[Way]:
    """pgbouncer in session mode, TLS on both sides, with PostgreSQL's own certificate."""
    folder = Path(tempfile.mkdtemp(prefix="countersign-pgbouncer-"))
    port = free_port()
    for name in ("server.crt", "server.key", "ca.crt"):
        shutil.copy(postgres.folder / name, folder / name)
    (folder / "users").write_text(f'"app_clear" "{postgres.password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"""\
[databases]
{_DATABASE} = host=127.0.0.1 port={postgres.port} dbname={_DATABASE}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users
pool_mode = session
max_client_conn = 2000
default_pool_size = 200
client_tls_sslmode = require
client_tls_key_file = {folder}/server.key
client_tls_cert_file = {folder}/server.crt
server_tls_sslmode = verify-full
server_tls_ca_file = {folder}/ca.crt
ignore_startup_parameters = extra_float_digits
"""
    )
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, "postgres", "postgres")
    log = folder.with_suffix(".log")
    process = start(["pgbouncer", str(folder / "pgbouncer.ini")], log, user="postgres")
    try:
        block_until(lambda: "process up" in tail(log), what=f"pgbouncer's start\n{tail(log)}")
        yield _way("pgbouncer", f"127.0.0.1:{port}", "app_clear", postgres.password, _DATABASE, postgres.ca)
    finally:
        stop(process)
        log.unlink()
        shutil.rmtree(folder)


@contextmanager
def countersign(postgres: Postgres, folder: Path) -> Iterator[tuple[Gateway, Way]]:
    """The whole gateway, its state in `folder`; connect `.to` one of its resources."""

    def document(listen: Mapping[str, str]) -> Document:
        return configuration(
            listen=listen,
            resources=[
                postgres_resource(name, postgres, _DATABASE, **more)
                for name, more in {**_RESOURCES, **_PREVIEWED}.items()
            ],
            policies=_POLICIES,
            users=(AGENT, DANA),
        )

    with running_gateway(folder, document) as gateway:
        address = gateway.listen["postgres"]
        yield gateway, _way("Countersign", address, AGENT.name, AGENT.token, "plain", gateway.ca)


def _way(name: str, address: str, user: str, password: str, database: str, ca: Path) -> Way:
    host, port = address.rsplit(":", 1)
    environment = psql_environment(Path(tempfile.gettempdir()), ca) | {"PGPASSWORD": password}
    return Way(name, host, int(port), user, password, database, ca, environment)
