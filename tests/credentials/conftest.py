"""One gateway whose credentials come from everywhere: files, Vault, Kubernetes, roles made for a session."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import psutil
import pytest
from support.builders import AGENT, AUDREY, DANA, Document, configuration, postgres_resource
from support.cluster import TOKEN as CLUSTER_TOKEN
from support.cluster import Cluster
from support.gateway import Gateway, running_gateway
from support.json_server import Answer, running_json_server
from support.mcp_server import McpParts, running_mcp_servers
from support.postgres import PASSWORD, Postgres
from support.small_cluster import running_small_cluster
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


@dataclass(slots=True)
class Reviewers:
    """Where requests are announced: a Slack that takes them, and a webhook that never does."""

    token: str = field(default_factory=lambda: f"xoxb-{secrets.token_hex(12)}")
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    webhook_secret: str = "whsec_" + base64.b64encode(b"a secret of the webhook's").decode()
    asked: list[str] = field(default_factory=list)  # paths, in order
    url: str = ""

    def answer(self, method: str, path: str, headers: Message, body: dict[str, Any]) -> Answer:
        self.asked.append(path)
        if path == "/hook":
            return 500, {"error": f"no: {headers['webhook-signature']}"}
        return 200, {"ok": True, "ts": "1.0", "channel": "C0REVIEWS"}

    @property
    def notifications(self) -> Document:
        """The section of the configuration."""
        return {
            "slack": {
                "token": {"file": "slack.token"},
                "signing_secret": {"file": "slack.secret"},
                "channel": "C0REVIEWS",
                "users": {"U0DANA": DANA.name},
                "api": f"{self.url}/api",
                "hooks": self.url,
            },
            "webhooks": [{"name": "ops", "url": f"{self.url}/hook", "secret": {"file": "hook.secret"}}],
        }


@dataclass(frozen=True, slots=True)
class World:
    """A gateway, and all that it gets credentials from and uses them for."""

    gateway: Gateway
    postgres: Postgres
    vault: RunningVault
    kubernetes: KubernetesApi
    web_api: WebApi
    sshd: Sshd
    cluster: Cluster
    tools: McpParts
    reviewers: Reviewers
    api_key: str
    database: str  # of all PostgreSQL resources

    @property
    def ingress(self) -> int:
        """The pid of the gateway's ingress."""
        children = psutil.Process(self.gateway.process.pid).children(recursive=True)
        (found,) = (child for child in children if "ingress" in child.cmdline())
        return int(found.pid)

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
    kubernetes, reviewers, api_key = KubernetesApi(), Reviewers(), secrets.token_urlsafe(12)
    with ExitStack() as running:
        web_api = running.enter_context(running_web_api(folder))
        sshd = running.enter_context(running_sshd())
        cluster = running.enter_context(running_small_cluster(folder))
        tools = running.enter_context(running_mcp_servers(folder))
        kubernetes.url = running.enter_context(running_json_server(kubernetes.answer))
        reviewers.url = running.enter_context(running_json_server(reviewers.answer))
        vault.put("team/app", password=PASSWORD)
        vault.put("team/web-1", key=sshd.private_key.read_text())
        vault.put("team/billing", token=api_key)
        kubernetes.values["databases/app"] = {"password": PASSWORD}
        for name, secret in (
            ("vault.secret", vault.secret_id),
            ("kubernetes.token", kubernetes.token),
            ("rotated.password", PASSWORD),
            ("client.secret", "client-secret"),
            ("cluster.token", CLUSTER_TOKEN),
            ("slack.token", reviewers.token),
            ("slack.secret", reviewers.signing_secret),
            ("hook.secret", reviewers.webhook_secret),
        ):
            (folder / name).write_text(secret)
            (folder / name).chmod(0o600)
        postgres.execute(f"create role rotated login password '{PASSWORD}' in role app")
        database = postgres.copy_sample()

        def document(listen: Any) -> Document:
            made = _document(listen, postgres, database, vault, kubernetes, web_api, sshd)
            made["resources"] += _over_http(web_api, cluster, tools)
            made["notifications"] = reviewers.notifications
            return made

        gateway = running.enter_context(running_gateway(folder, document))
        yield World(
            gateway, postgres, vault, kubernetes, web_api, sshd, cluster, tools, reviewers, api_key, database
        )


def _over_http(web_api: WebApi, cluster: Cluster, tools: McpParts) -> list[Document]:
    oauth2 = {
        "token_url": f"{web_api.origin}/token",
        "client_id": "gateway",
        "client_secret": {"file": "client.secret"},
    }
    in_vault = {"vault": {"path": "team/billing", "key": "token"}}
    return [
        {"name": "oauth", "protocol": "http", "address": web_api.origin, "credentials": {"oauth2": oauth2}},
        {
            "name": "tools",
            "protocol": "http",
            "address": tools.origin,
            "credentials": {"bearer": in_vault},
            "mcp": {"tools": {"*": ["read"]}},
        },
        {
            "name": "cluster",
            "protocol": "kubernetes",
            "address": cluster.origin,
            "ca": {"file": str(cluster.ca)},
            "credentials": {"token": {"file": "cluster.token"}},
        },
    ]


def _document(
    listen: Any,
    postgres: Postgres,
    database: str,
    vault: RunningVault,
    kubernetes: KubernetesApi,
    web_api: WebApi,
    sshd: Sshd,
) -> Document:
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
        before("narrowed", {"ephemeral": {**ephemeral, "privileges": "facts"}}),
        before("where-proven", {"ephemeral": {**ephemeral, "privileges": "facts_or_role"}}),
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
    held: Document = {
        "name": "some are held",
        "when": {"command": "held"},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "approvals": 1, "timeout": "60s", "valid_for": "30s"},
    }
    return configuration(
        listen=listen,
        resources=resources,
        policies=[anything, held],
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
