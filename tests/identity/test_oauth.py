"""PostgreSQL clients that sign in with OAuth themselves: libpq 18, with a real Keycloak's tokens."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from support.command_line import environment
from support.gateway import Gateway
from support.keycloak import Keycloak

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]

OAUTH = "options='-c countersign.sign_in=oauth'"


def conninfo(gateway: Gateway, user: str, more: str = OAUTH) -> str:
    host, _, port = gateway.listen["postgres"].rpartition(":")
    verified = f"sslmode=verify-full sslrootcert={gateway.ca}"
    return f"host={host} port={port} user={user} dbname=orders {verified} {more}"


def ask(gateway: Gateway, keycloak: Keycloak, user: str, token: str) -> subprocess.CompletedProcess[str]:
    """What somebody gets whose libpq knows the issuer, and has this token of it."""
    client = f"{conninfo(gateway, user)} oauth_issuer={keycloak.issuer} oauth_client_id=libpq"
    support = Path(__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-P", "-m", "support.libpq_oauth", client, "select 6 * 7"],
        env=environment(
            # Keycloak is on loopback, by plain http, which libpq calls unsafe.
            {"PYTHONPATH": str(support), "COUNTERSIGN_OAUTH_TOKEN": token, "PGOAUTHDEBUG": "UNSAFE"}
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_person_signs_in_with_the_providers_token(gateway: Gateway, keycloak: Keycloak) -> None:
    ran = ask(gateway, keycloak, "alice", keycloak.of_person("alice")["access_token"])

    assert (ran.returncode, ran.stdout) == (0, "42\n"), ran.stderr
    # libpq asked the gateway where tokens are had, and compared that with the issuer it was told.
    assert f"{keycloak.issuer}/.well-known/openid-configuration" in ran.stderr


@pytest.mark.parametrize("user", ["bob", "agent-7"])
def test_anothers_token_is_refused(gateway: Gateway, keycloak: Keycloak, user: str) -> None:
    ran = ask(gateway, keycloak, user, keycloak.of_person("alice")["access_token"])
    assert ran.returncode == 1
    assert "not that of" in ran.stderr


@pytest.mark.parametrize("kind", ["id_token", "refresh_token"])
def test_what_is_no_access_token_is_refused(gateway: Gateway, keycloak: Keycloak, kind: str) -> None:
    ran = ask(gateway, keycloak, "alice", keycloak.of_person("alice")[kind])
    assert ran.returncode == 1
    assert "is not let in" in ran.stderr


def test_a_client_without_a_flow_is_told_by_libpq(gateway: Gateway) -> None:
    with pytest.raises(psycopg.OperationalError, match="requires OAuth"):
        psycopg.connect(conninfo(gateway, "alice"))


def test_another_way_is_none(gateway: Gateway) -> None:
    with pytest.raises(psycopg.OperationalError, match="expected password or oauth"):
        psycopg.connect(conninfo(gateway, "alice", "options='-c countersign.sign_in=kerberos'"))
