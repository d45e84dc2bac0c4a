"""psql 18 by itself: libpq asks the gateway where tokens are had, and the provider for one (RFC 8628)."""

import asyncio
import re

import pytest
from identity.conftest import PSQL
from support.command_line import environment
from support.gateway import Gateway
from support.keycloak import Keycloak

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]

_SHOWN = re.compile(rb"Visit (\S+) and enter the code: (\S+)")


@pytest.mark.parametrize(("person", "status", "says"), [("alice", 0, "42\n"), ("bob", 2, "not that of")])
async def test_a_person_confirms_in_a_browser_what_psql_asks_for(
    gateway: Gateway, keycloak: Keycloak, person: str, status: int, says: str
) -> None:
    keycloak.permit_devices("another-application")
    host, _, port = gateway.listen["postgres"].rpartition(":")
    client = (
        f"host={host} port={port} user=alice dbname=orders sslmode=verify-full sslrootcert={gateway.ca} "
        f"oauth_issuer={keycloak.issuer} oauth_client_id=another-application "
        "options='-c countersign.sign_in=oauth'"
    )
    psql = await asyncio.create_subprocess_exec(
        *(str(PSQL), "-XAtc", "select 6 * 7", client),
        env=environment({"PGOAUTHDEBUG": "UNSAFE"}),  # Keycloak is on loopback, by plain http
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert psql.stderr is not None
    said = b""
    while (shown := _SHOWN.search(said)) is None:
        line = await asyncio.wait_for(psql.stderr.readline(), 120)
        assert line, said.decode()
        said += line
    url, code = (found.decode() for found in shown.groups())
    await asyncio.to_thread(keycloak.sign_in, f"{url}?user_code={code}", person)
    out, err = await asyncio.wait_for(psql.communicate(), 120)
    assert psql.returncode == status, err.decode()
    assert says in (out + err).decode()
