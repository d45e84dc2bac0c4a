"""`countersign doctor` before real targets: what is open is found, and what was fixed is fine."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from support.builders import Document, configuration, postgres_resource, write_configuration
from support.certificates import issue, make_authority
from support.gateway import countersign
from support.json_server import running_json_server
from support.postgres import PASSWORD, Postgres
from support.processes import free_port
from support.sshd import Sshd, running_sshd
from support.web_api import running_web_api


@dataclass(frozen=True, slots=True)
class Doctor:
    """Runs the doctor with these resources."""

    folder: Path

    def run(self, *resources: Document, arguments: tuple[str, ...] = ()) -> tuple[int, list[dict[str, str]]]:
        """Its exit status and its findings."""
        document = configuration(listen={}, resources=resources)
        config = write_configuration(self.folder, document, {"app.password": PASSWORD})
        argv = countersign("doctor", "--json", "--config", str(config), *arguments)
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=dict(os.environ))
        assert done.stdout, done.stderr
        findings: list[dict[str, str]] = json.loads(done.stdout)
        return done.returncode, findings

    def said(self, *resources: Document, state: str, arguments: tuple[str, ...] = ()) -> list[str]:
        """What it found of that state."""
        _, findings = self.run(*resources, arguments=arguments)
        return [f"{one['subject']}: {one['said']}" for one in findings if one["state"] == state]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    return Doctor(tmp_path)


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with running_sshd() as running:
        yield running


@contextmanager
def hba(postgres: Postgres, *lines: str) -> Iterator[None]:
    """These lines before those that are there."""
    file = postgres.folder / "data" / "pg_hba.conf"
    before = file.read_text()
    file.write_text("\n".join(lines) + "\n" + before)
    postgres.execute("select pg_reload_conf()")
    try:
        yield
    finally:
        file.write_text(before)
        postgres.execute("select pg_reload_conf()")


@pytest.fixture
def readable_rules(postgres: Postgres) -> Iterator[None]:
    """The gateway's account may read pg_hba.conf."""
    postgres.execute(
        "grant execute on function pg_hba_file_rules() to app; grant select on pg_hba_file_rules to app",
        postgres.sample,
    )
    yield
    postgres.execute(
        "revoke execute on function pg_hba_file_rules() from app; "
        "revoke select on pg_hba_file_rules from app",
        postgres.sample,
    )


@pytest.mark.usefixtures("readable_rules")
def test_a_database_that_lets_in_the_gateway_alone(doctor: Doctor, postgres: Postgres) -> None:
    with hba(postgres, "hostssl all app 127.0.0.1/32 scram-sha-256", "host all all all reject"):
        status, findings = doctor.run(postgres_resource("orders", postgres))
    assert (status, [one for one in findings if one["state"] == "wrong"]) == (1, [
        {
            "subject": "orders",
            "state": "wrong",
            "said": "line 3 of pg_hba.conf lets everybody on its machine in past the gateway (trust)",
            "fix": "Let its method be peer or scram-sha-256; then select pg_reload_conf().",
        }
    ])  # fmt: skip


@pytest.mark.usefixtures("readable_rules")
def test_a_database_that_lets_in_others(doctor: Doctor, postgres: Postgres) -> None:
    with hba(
        postgres,
        "host all all 10.1.0.0/16 reject",
        "host all all 10.1.2.0/24 md5",
        "host all all 10.0.0.0 255.255.0.0 scram-sha-256",
        "hostssl orders all ::/0 scram-sha-256",
        "host all all .example.com scram-sha-256",
    ):
        said = doctor.said(postgres_resource("orders", postgres), state="wrong")
    assert [line.split(": ", 1)[1] for line in said][:3] == [
        "line 3 of pg_hba.conf lets 10.0.0.0/16 in past the gateway (scram-sha-256)",
        "line 4 of pg_hba.conf lets everybody in past the gateway (scram-sha-256)",
        "line 5 of pg_hba.conf lets .example.com in past the gateway (scram-sha-256)",
    ]


def test_rules_that_may_not_be_read_are_no_good_news(doctor: Doctor, postgres: Postgres) -> None:
    (said,) = doctor.said(postgres_resource("orders", postgres), state="unknown")
    assert said.startswith("orders: whom pg_hba.conf lets in is not known")


def test_what_sessions_act_as(doctor: Doctor, postgres: Postgres) -> None:
    def made(role: str) -> Document:
        ephemeral = {"user": "maker", "password": {"file": "app.password"}, "role": role}
        return postgres_resource("orders", postgres, credentials={"ephemeral": ephemeral})

    postgres.execute("create role not_given; create role bold createrole in role app")
    try:
        assert "orders: the gateway's account is no superuser" in doctor.said(made("app"), state="ok")
        assert doctor.said(made("not_given"), state="wrong") == [
            "orders: the gateway may not let sessions act as not_given"
        ]
        assert doctor.said(made("bold"), state="wrong") == [
            "orders: sessions act as bold, which can make roles"
        ]
    finally:
        postgres.execute("drop role not_given; drop role bold")


def test_what_approved_commands_need(doctor: Doctor, postgres: Postgres) -> None:
    ephemeral = {"user": "maker", "password": {"file": "app.password"}, "role": "app", "privileges": "facts"}
    database = postgres.copy_sample()
    resource = postgres_resource("orders", postgres, database, credentials={"ephemeral": ephemeral})
    assert doctor.said(resource, state="wrong") == []
    postgres.execute("create table lent (id int); grant select, update on lent to app", database)
    assert doctor.said(resource, state="wrong") == [
        "orders: approved commands may not select, update in public.lent, as app may"
    ]


def test_a_password_that_is_wrong_is_told_and_not_shown(doctor: Doctor, postgres: Postgres) -> None:
    (doctor.folder / "wrong.password").write_text("not-the-password")
    (doctor.folder / "wrong.password").chmod(0o600)
    wrong = {"user": "app", "password": {"file": "wrong.password"}}
    status, findings = doctor.run(postgres_resource("orders", postgres, credentials=wrong))
    assert status == 1
    assert "the gateway does not get in" in json.dumps(findings)
    assert "not-the-password" not in json.dumps(findings)


def test_a_client_finds_an_open_door(doctor: Doctor, postgres: Postgres, sshd: Sshd) -> None:
    api = {"name": "billing", "protocol": "http", "address": f"http://127.0.0.1:{sshd.port}"}
    resources = (postgres_resource("orders", postgres), sshd.resource("web-1"), api)
    _, findings = doctor.run(*resources, arguments=("--from-client",))
    wrong = [one for one in findings if one["state"] == "wrong"]
    assert [f"{one['subject']}: {one['said']}" for one in wrong] == [
        "orders: it lets clients sign in from here past the gateway: whoever has a password needs no gateway",
        "web-1: its sshd answers here past the gateway",
        "billing: it takes connections from here past the gateway: whoever has a credential needs no gateway",
    ]
    assert all("security group" in one["fix"] and "NetworkPolicy" in one["fix"] for one in wrong)


def test_a_client_finds_no_open_door(doctor: Doctor, postgres: Postgres, sshd: Sshd) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    resources = (
        postgres_resource("orders", postgres),
        postgres_resource("away", postgres, address=nowhere),
        {**sshd.resource("web-1"), "address": nowhere},
        {"name": "billing", "protocol": "http", "address": f"http://{nowhere}"},
    )
    with hba(postgres, "host all countersign_doctor all reject"):
        status, findings = doctor.run(*resources, arguments=("--from-client",))
    assert (status, {one["state"] for one in findings}, len(findings)) == (0, {"ok"}, 4)


def test_a_host(doctor: Doctor, sshd: Sshd) -> None:
    said = {state: doctor.said(sshd.resource("web-1"), state=state) for state in ("ok", "wrong")}
    assert {"web-1: the host's key is the one in the configuration", "web-1: the gateway gets in"} <= {
        *said["ok"]
    }
    assert said["wrong"] == [
        "web-1: it offers sign-in by keyboard-interactive: whoever can do that needs no gateway"
    ]
    other = {**sshd.resource("web-1"), "host_key": OTHER_KEY}
    assert doctor.said(other, state="wrong") == ["web-1: its host key is not the one in the configuration"]
    (doctor.folder / "stranger").write_bytes(
        asyncssh.generate_private_key("ssh-ed25519").export_private_key()
    )
    (doctor.folder / "stranger").chmod(0o600)
    credentials = {**sshd.resource("web-1")["credentials"], "private_key": {"file": "stranger"}}
    (found, _) = doctor.said({**sshd.resource("web-1"), "credentials": credentials}, state="wrong")
    assert found == "web-1: the gateway does not get in: it does not take the gateway's credential"


def test_an_api(doctor: Doctor, tmp_path: Path) -> None:
    def api(origin: str, **more: object) -> Document:
        return {"name": "billing", "protocol": "http", "address": origin, **more}

    with running_json_server(lambda *_: (401, {})) as url:
        assert "billing: it refuses who shows no credential" in doctor.said(api(url), state="ok")
    authority = make_authority(tmp_path)
    certificate, key = issue(authority, tmp_path, "127.0.0.1")
    with running_web_api(tmp_path, str(certificate), str(key), str(authority.certificate_path)) as closed:
        (found,) = doctor.said(api(closed.origin), state="wrong")
        assert found.startswith("billing: its certificate is not trusted")
        ca = {"file": str(authority.certificate_path)}
        (unknown,) = doctor.said(api(closed.origin, ca=ca), state="unknown")
        assert unknown.startswith("billing: what it answers strangers is not known")  # it wants a certificate
    with running_web_api(tmp_path) as opened:
        assert doctor.said(api(opened.origin), state="unknown") == [
            "billing: whether it refuses who shows no credential is not known (GET /: 404)"
        ]
        document = {
            "openapi": "3.1.0",
            "paths": {"/v1/customers": {"get": {}}, "/v1/customers/{id}": {"get": {}}},
        }
        (doctor.folder / "billing.json").write_text(json.dumps(document))
        assert doctor.said(api(opened.origin, openapi="billing.json"), state="unknown") == [
            "billing: it answers GET /v1/customers to everybody, without a credential"
        ]


OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBSg2u3hJ3GPJ3pQXQOcg6ZpYyr5xLWCfVBYVBYVBYVB"


def test_what_lies_open_on_this_machine(doctor: Doctor, postgres: Postgres) -> None:
    keys = doctor.folder / "state" / "keys"
    keys.mkdir(parents=True)
    for name, mode in (("api.key", 0o640), ("api.pub", 0o644), ("ingress.key", 0o600)):
        (keys / name).write_text("x")
        (keys / name).chmod(mode)
    (doctor.folder / "open.password").write_text(PASSWORD)
    (doctor.folder / "open.password").chmod(0o644)
    lost: Any = {"user": "app", "password": {"file": "lost.password"}}
    opened: Any = {"user": "app", "password": {"file": "open.password"}}
    said = doctor.said(
        postgres_resource("orders", postgres, credentials=opened),
        postgres_resource("lost", postgres, credentials=lost),
        state="wrong",
    )
    assert said[:3] == [
        "state/keys/api.key: others than its owner can use it",
        "open.password: everybody on this machine can use it (mode 644)",
        "lost.password: it is not there, or not to be seen",
    ]
