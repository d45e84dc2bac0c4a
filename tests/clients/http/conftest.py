"""One gateway before a real web API, for all tests of HTTP clients."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.builders import AGENT, AUDREY, DANA, Document, configuration
from support.certificates import issue, issue_client, make_authority
from support.gateway import Gateway, running_gateway
from support.http_client import OTHER
from support.processes import free_port
from support.web_api import WebApi, running_web_api

CREDENTIAL = "the-api-credential-of-the-gateway"


def _resource(name: str, origin: str, **more: object) -> Document:
    bearer = {"bearer": {"file": "api.token"}}
    return {"name": name, "protocol": "http", "address": origin, "credentials": bearer, **more}


def _rule(name: str, verdict: str = "allow", *, more: Document | None = None, **when: object) -> Document:
    return {"name": name, "when": when, "verdict": verdict, **(more or {})}


AWS = {
    "region": "eu-central-1",
    "service": "execute-api",
    "access_key": {"file": "client.secret"},
    "secret_key": {"file": "api.token"},
}
REVIEW: Document = {"review": {"reviewers": ["dba"], "approvals": 1, "timeout": "60s", "valid_for": "30s"}}
POLICIES: list[Document] = [
    _rule("agents read", resources=["shop", "fields", "named", "graph"], intents=["read"]),
    _rule("changes need a DBA", "review", more=REVIEW, resources=["shop"], intents=["write", "bulk_write"]),
    _rule("nobody touches admin", "deny", resources=["shop", "open"], paths=["/admin", "/admin/*"]),
    _rule(
        "open is open",
        resources=["open", "oauth", "basic", "key", "bare", "tls", "distrusted", "gone", "nobody", "aws"],
    ),
    _rule("say why", more={"require": ["reason"]}, resources=["open"], paths=["/v1/orders*"]),
    _rule("sockets", resources=["fields"], intents=["network", "unknown"], paths=["/ws/*"]),
    _rule("sockets wait", "review", more=REVIEW, resources=["shop"], statements=["websocket"]),
    _rule(
        "few messages",
        more={"limits": {"rows": 3}},
        resources=["fields"],
        intents=["network", "unknown"],
        paths=["/ws/echo"],
    ),
    _rule("projects of a group", resources=["gitlab"], intents=["read"], paths=["/projects/*"]),
    _rule("not theirs", "deny", resources=["gitlab"], paths=["/projects/secret/*"]),
    _rule("few rows", more={"limits": {"rows": 10}}, resources=["open", "fields"], paths=["/rows/1?"]),
    _rule("quick", more={"limits": {"time": "300ms"}}, resources=["open"], paths=["/slow/*"]),
]


@pytest.fixture(scope="package")
def web_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebApi]:
    with running_web_api(tmp_path_factory.mktemp("web-api")) as running:
        yield running


@dataclass(frozen=True, slots=True)
class TlsApi:
    """The same API over https, with a certificate of a CA of its own; it takes clients of that CA alone."""

    origin: str
    ca: Path
    client: dict[str, str]


@pytest.fixture(scope="package")
def tls_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsApi]:
    folder = tmp_path_factory.mktemp("tls-api")
    authority = make_authority(folder)
    certificate, key = issue(authority, folder, "127.0.0.1")
    own, own_key = issue_client(authority, folder, "gateway", "countersign")
    with running_web_api(folder, str(certificate), str(key), str(authority.certificate_path)) as running:
        client = {"certificate": str(own), "key": str(own_key)}
        yield TlsApi(running.origin, authority.certificate_path, client)


@pytest.fixture(scope="package")
def gateway(web_api: WebApi, tls_api: TlsApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """`shop`: detectors, changes are reviewed. `fields`: sensitive fields. `open`: nothing is sensitive."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    (folder / "api.token").write_text(CREDENTIAL)
    (folder / "client.secret").write_text("client-secret")
    origin = web_api.origin
    oauth2 = {
        "token_url": f"{origin}/token",
        "client_id": "gateway",
        "client_secret": {"file": "client.secret"},
    }
    detect = ["email", "card_number"]
    resources = [
        _resource("shop", origin, sensitive={"detect": detect}, labels={"env": "prod"}),
        _resource(
            "fields",
            origin,
            sensitive={
                "fields": {"$..email": "email", "$..card": "card", "$..pin": "full"},
                "detect": detect,
            },
        ),
        _resource("named", origin, hosts=["shop.gateway.test"]),
        _resource("open", origin),
        _resource("oauth", origin, credentials={"oauth2": oauth2}),
        _resource("basic", origin, credentials={"basic": {"user": "me", "password": {"file": "api.token"}}}),
        _resource(
            "key", origin, credentials={"header": {"name": "X-Api-Key", "value": {"file": "api.token"}}}
        ),
        _resource("bare", origin, credentials={}),
        _resource(
            "tls",
            tls_api.origin,
            ca={"file": str(tls_api.ca)},
            credentials={"client_certificate": tls_api.client},
        ),
        _resource("nobody", tls_api.origin, ca={"file": str(tls_api.ca)}),
        _resource("aws", origin, credentials={"aws": AWS}),
        _resource(
            "graph", origin, graphql="/graphql", sensitive={"fields": {"$.data.customer.email": "email"}}
        ),
        _resource("gitlab", origin, encoded_slashes="keep"),
        _resource("distrusted", tls_api.origin),
        _resource("gone", f"http://127.0.0.1:{free_port()}"),
    ]
    with running_gateway(
        folder,
        lambda listen: configuration(
            listen=listen, resources=resources, policies=POLICIES, users=(AGENT, OTHER, DANA, AUDREY)
        ),
    ) as running:
        yield running
