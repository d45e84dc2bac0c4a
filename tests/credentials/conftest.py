"""One gateway whose credentials come from everywhere: files, Vault, Kubernetes, roles made for a session."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import pytest
from support.builders import AGENT, AUDREY, DANA, Document, configuration, postgres_resource
from support.gateway import Gateway, running_gateway
from support.json_server import Answer, running_json_server
from support.postgres import PASSWORD, Postgres
from support.sshd import Sshd, running_sshd
from support.vault import RunningVault, running_vault
from support.web_api import WebApi, running_web_api

LIFETIME = 6.0  # seconds that a role lives for which nobody renews


@dataclass(slots=True)
class KubernetesApi:
    """The API of a cluster, as far as its secrets: "namespace/name" -> values."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    url: str = ""

    def answer(self, method: str, path: str, headers: Message, body: dict[str, Any]) -> Answer:
        if headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"kind": "Status", "reason": "Unauthorized"}
        match path.split("/"):
            case ["", "api", "v1", "namespaces", space, "secrets", name] if f"{space}/{name}" in self.values:
                values = self.values[f"{space}/{name}"].items()
                return 200, {
                    "data": {key: base64.b64encode(value.encode()).decode() for key, value in values}
                }
        return 404, {"kind": "Status", "reason": "NotFound"}


@dataclass(frozen=True, slots=True)
class World:
    """A gateway, and all that it gets credentials from and uses them for."""

    gateway: Gateway
    postgres: Postgres
    vault: RunningVault
    kubernetes: KubernetesApi
    web_api: WebApi
    sshd: Sshd
    api_key: str

    def roles(self, prefix: str = "cs_") -> list[str]:
        """Those at the target that begin so; unless it is said otherwise, those the gateway made."""
        return self.postgres.execute(
            f"select rolname from pg_roles where starts_with(rolname, '{prefix}')"
        ).split()


@pytest.fixture(scope="package")
def vault(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    with running_vault(tmp_path_factory.mktemp("vault"), postgres) as running:
        yield running


@pytest.fixture(scope="package")
def world(
    postgres: Postgres, vault: RunningVault, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("gateway")
    kubernetes, api_key = KubernetesApi(), secrets.token_urlsafe(12)
    with ExitStack() as running:
        web_api = running.enter_context(running_web_api(folder))
        sshd = running.enter_context(running_sshd())
        kubernetes.url = running.enter_context(running_json_server(kubernetes.answer))
        vault.put("team/app", password=PASSWORD)
        vault.put("team/web-1", key=sshd.private_key.read_text())
        vault.put("team/billing", token=api_key)
        kubernetes.values["databases/app"] = {"password": PASSWORD}
        for name, secret in (
            ("vault.secret", vault.secret_id),
            ("kubernetes.token", kubernetes.token),
            ("rotated.password", PASSWORD),
        ):
            (folder / name).write_text(secret)
            (folder / name).chmod(0o600)
        postgres.execute(f"create role rotated login password '{PASSWORD}' in role app")
        gateway = running.enter_context(
            running_gateway(
                folder, lambda listen: _document(listen, postgres, vault, kubernetes, web_api, sshd)
            )
        )
        yield World(gateway, postgres, vault, kubernetes, web_api, sshd, api_key)


def _document(
    listen: Any,
    postgres: Postgres,
    vault: RunningVault,
    kubernetes: KubernetesApi,
    web_api: WebApi,
    sshd: Sshd,
) -> Document:
    database = postgres.copy_sample()

    def before(name: str, credentials: Document) -> Document:
        return postgres_resource(
            name, postgres, database, credentials=credentials, sensitive={"detect": ["card_number"]}
        )

    def in_vault(path: str, key: str) -> Document:
        return {"vault": {"path": path, "key": key}}

    ephemeral = {
        "user": "maker",
        "password": {"file": "app.password"},
        "roles": {"agents": "app"},
        "lifetime": f"{LIFETIME:g}s",
    }
    ssh = sshd.resource("web-1")
    ssh["credentials"]["private_key"] = in_vault("team/web-1", "key")
    resources = [
        before("made", {"ephemeral": ephemeral}),
        before("rotated", {"user": "rotated", "password": {"file": "rotated.password"}}),
        before("vaulted", {"user": "app", "password": in_vault("team/app", "password")}),
        before("lost", {"user": "app", "password": in_vault("team/nowhere", "password")}),
        before("leased", {"vault": {"role": "reader"}}),
        before(
            "in-cluster",
            {
                "user": "app",
                "password": {"kubernetes": {"namespace": "databases", "name": "app", "key": "password"}},
            },
        ),
        ssh,
        {
            **ssh,
            "name": "web-2",
            "credentials": {"user": ssh["credentials"]["user"], "certificate": {"lifetime": "20s"}},
        },
        {
            "name": "billing",
            "protocol": "http",
            "address": web_api.origin,
            "credentials": {"bearer": in_vault("team/billing", "token")},
        },
    ]
    anything: Document = {"name": "anything goes", "when": {"groups": ["agents", "dba"]}, "verdict": "allow"}
    return configuration(
        listen=listen,
        resources=resources,
        policies=[anything],
        users=(AGENT, DANA, AUDREY),
        gateway={
            "vault": {
                "url": vault.url,
                "auth": {"approle": {"role_id": vault.role_id, "secret_id": {"file": "vault.secret"}}},
            },
            "kubernetes": {"url": kubernetes.url, "token": {"file": "kubernetes.token"}},
        },
    )


@pytest.fixture(scope="package")
def gateway(world: World) -> Gateway:
    return world.gateway
