"""A gateway that trusts a real Keycloak, for this folder's tests."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.builders import POLICIES, configuration, usual_resources
from support.directory import GROUPS, TOKEN_HASH, Directory
from support.gateway import Gateway, running_gateway
from support.keycloak import Keycloak, running_keycloak
from support.postgres import Postgres
from support.wait import block_until

PSQL = Path(__file__).parents[2] / ".tools" / "libpq" / "psql"  # `make test-libpq` brings it
collect_ignore = [] if PSQL.exists() else ["test_device_flow.py"]
AUDIENCE = "countersign-gateway"


@pytest.fixture(scope="package")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    with running_keycloak(tmp_path_factory.mktemp("keycloak")) as running:
        yield running


@pytest.fixture(scope="package")
def gateway(
    keycloak: Keycloak, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The whole product: people sign in with Keycloak, agents with its tokens, others with their own."""
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "client.secret").write_text("secret-of-countersign")
    (folder / "keycloak.xml").write_bytes(keycloak.saml_metadata())
    agents = [
        {
            "issuer": keycloak.issuer,
            "audience": AUDIENCE,
            "claims": {"azp": name, "realm_access.roles": "offline_access"},
            "principal": name,
            "groups": ["agents"],
        }
        for name in ("agent-7", "agent-8")
    ]
    agents.append(
        {**agents[0], "claims": {"azp": "agent-brief"}, "principal": "agent-brief", "clock_skew": "0s"}
    )
    database = postgres.copy_sample()
    rules = (
        {"name": "nobody in quarantine", "when": {"groups": ["quarantine"]}, "verdict": "deny"},
        {
            "name": "whoever is on call",
            "when": {"resources": ["plain"], "command": "on call"},
            "verdict": "review",
            "review": {"reviewers": ["oncall"], "timeout": "2m"},
        },
    )

    def document(listen: object) -> dict[str, object]:
        made = configuration(
            listen=listen,  # type: ignore[arg-type]
            resources=usual_resources(postgres, database),
            policies=(*POLICIES, *rules),
        )
        made["identity"] |= {
            "oidc": {
                "issuer": keycloak.issuer,
                "client_id": "countersign",
                "client_secret": {"file": "client.secret"},
                "audience": "countersign-cli",
                "groups": {"dba": "dba", "backend": "quarantine"},
            },
            "saml": {"metadata": "keycloak.xml", "groups": {"dba": "dba", "backend": "quarantine"}},
            "scim": {"token_hash": TOKEN_HASH, "groups": GROUPS},
            "federated": agents,
            "administrators": ["compliance"],
        }
        return made

    with running_gateway(folder, document) as running:
        block_until(lambda: httpx.get(f"{running.api_url}/readyz").is_success, what="readiness")
        saml = f"{running.api_url}/sign-in/saml"
        keycloak.trust_by_saml(f"{saml}/metadata", saml, f"{saml}/logout")
        keycloak.tell_of_logout("countersign", f"{running.api_url}/sign-in/backchannel-logout")
        with Directory(running.api_url) as directory:
            for name in ("alice", "bob", "carol"):
                directory.provision(name)
        yield running


@pytest.fixture
def directory(gateway: Gateway) -> Iterator[Directory]:
    """The identity provider's SCIM client."""
    with Directory(gateway.api_url) as client:
        yield client
