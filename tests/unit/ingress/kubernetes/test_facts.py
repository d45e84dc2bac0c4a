"""What a request does to a cluster."""

import json
from typing import Any

import pytest

from ingress.kubernetes.facts import read_call
from ingress.kubernetes.requested import read_request
from ingress.web.call import Call
from ingress.web.paths import parse_target
from ingress.web.selectors import Selectors
from schemas.vocabulary import Facts, SensitiveColumn

JSON = "application/json"


def facts(method: str, target: str, body: Any = None, media: str = JSON, sensitive: str = "") -> Facts:
    parsed = parse_target(target)
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    fields = ((b"content-type", media.encode()),) if raw is not None else ()
    selectors = Selectors((SensitiveColumn(sensitive, "full"),) if sensitive else ())
    return read_call(Call(method, parsed, fields, raw), read_request(method, parsed), selectors).facts


DEV = "/api/v1/namespaces/dev"


@pytest.mark.parametrize(
    ("method", "target", "intents"),
    [
        ("GET", f"{DEV}/pods", "read"),
        ("GET", f"{DEV}/pods/web/log", "read"),
        ("GET", f"{DEV}/secrets/db", "credential read"),
        ("GET", "/api/v1/secrets?watch=1", "credential read"),
        ("GET", "/apis", "session"),
        ("GET", "/api/v1", "session"),
        ("GET", "/openapi/v3/apis/apps/v1", "session"),
        ("GET", "/version", "session"),
        ("GET", "/metrics", "read"),
        ("GET", "/logs/x", "admin unknown"),
        ("GET", "/apix", "admin unknown"),
        ("POST", "/version", "unknown"),
        ("DELETE", f"{DEV}/pods/web", "write"),
        ("DELETE", f"{DEV}/pods", "bulk_write write"),
        ("DELETE", "/api/v1/namespaces/dev", "admin bulk_write write"),
        ("DELETE", "/apis/example.com/v1/namespaces/dev/things/x", "unknown write"),
        ("OPTIONS", f"{DEV}/pods", "unknown"),
        ("GET", f"{DEV}/pods/web/portforward", "network unknown"),
        ("GET", f"{DEV}/pods/web/attach?stdout=1", "read"),
        ("GET", f"{DEV}/pods/web/attach?stdin=1", "exec unknown"),
    ],
)
def test_without_a_body(method: str, target: str, intents: str) -> None:
    assert list(facts(method, target).intents) == intents.split()


@pytest.mark.parametrize(
    ("target", "body", "intents"),
    [
        (f"{DEV}/configmaps", {"data": {"a": "b"}}, "write"),
        (f"{DEV}/secrets", {"data": {"a": "Yg=="}}, "credential write"),
        (f"{DEV}/pods", {"spec": {"containers": [{"image": "x"}]}}, "exec write"),
        (f"{DEV}/services", {"spec": {"type": "LoadBalancer"}}, "network write"),
        (f"{DEV}/services", {"spec": {"type": "ClusterIP"}}, "write"),
        (f"{DEV}/serviceaccounts/x/token", {"spec": {}}, "admin credential write"),
        ("/apis/networking.k8s.io/v1/namespaces/dev/ingresses", {"spec": {}}, "network write"),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", {"rules": []}, "admin write"),
        ("/apis/apps/v1/namespaces/dev/deployments/web/scale", {"spec": {"replicas": 0}}, "write"),
        ("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {}}, "session"),
        ("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "x"}}, "credential"),
        ("/apis/example.com/v1/namespaces/dev/things", {"spec": {}}, "unknown write"),
        (f"{DEV}/pods/web/ephemeralcontainers", {"spec": {}}, "exec write"),
    ],
)
def test_what_is_created(target: str, body: Any, intents: str) -> None:
    assert list(facts("POST", target, body).intents) == intents.split()


@pytest.mark.parametrize(
    ("media", "body", "why"),
    [
        ("application/vnd.kubernetes.protobuf", b"k8s\0", "its body is application/vnd.kubernetes.protobuf"),
        ("application/yaml", b"a: b", "its body is application/yaml"),
        (JSON, b'{"a": 1, "a": 2}', "its JSON has a name twice"),
        (JSON, b"{", "its body is no JSON"),
    ],
)
def test_a_body_that_is_not_read_is_not_proven(media: str, body: bytes, why: str) -> None:
    found = facts("POST", f"{DEV}/pods", body, media)
    assert "unknown" in found.intents
    assert found.unproven[0].startswith(why)


def test_of_some_kinds_the_body_makes_no_difference() -> None:
    media = "application/vnd.kubernetes.protobuf"
    assert list(facts("POST", f"{DEV}/configmaps", b"k8s\0", media).intents) == ["write"]
    assert list(facts("POST", f"{DEV}/secrets", b"k8s\0", media).intents) == ["credential", "write"]
    review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert list(facts("POST", review, b"k8s\0", media).intents) == ["session"]


@pytest.mark.parametrize(
    ("media", "body", "intents"),
    [
        ("application/merge-patch+json", {"spec": {"template": {"spec": {"hostPID": True}}}}, "admin write"),
        ("application/strategic-merge-patch+json", {"spec": {"replicas": 1}}, "write"),
        ("application/apply-patch+yaml", {"spec": {"replicas": 1}}, "write"),
        ("application/apply-patch+yaml", b"spec: {replicas: 1}", "unknown write"),
        ("application/apply-patch+cbor", b"x", "unknown write"),
        (
            "application/json-patch+json",
            [{"op": "add", "path": "/spec/x/hostPath", "value": {"path": "/"}}],
            "admin write",
        ),
        ("application/json-patch+json", [{"op": "move", "from": "/a", "path": "/b"}], "unknown write"),
        (JSON, {"spec": {}}, "unknown write"),
    ],
)
def test_patches_are_what_they_can_set(media: str, body: Any, intents: str) -> None:
    found = facts("PATCH", "/apis/apps/v1/namespaces/dev/deployments/web", body, media)
    assert list(found.intents) == intents.split()


@pytest.mark.parametrize(
    ("query", "statement", "intents"),
    [
        ("command=cat&command=/etc/hostname", "exec", "exec read"),
        ("command=sh&command=-c&command=cat%20/etc/hostname", "exec", "exec read"),
        ("command=rm&command=-rf&command=/srv/x", "exec", "bulk_write exec write"),
        ("command=nobody-knows-it", "exec", "exec unknown"),
        ("", "exec", "exec unknown"),
        ("command=A%3Db&command=cat&command=/etc/hostname", "exec", "exec unknown"),
        ("command=if&command=true", "exec", "exec unknown"),
        ("command=cat&command=it%27s", "exec", "exec read"),
        ("command=", "exec", "exec unknown"),
        ("command=sh&stdin=true&tty=true", "shell", "exec unknown"),
        ("command=bash&command=-l&stdin=true", "shell", "exec unknown"),
        ("command=bash&command=--norc&stdin=true&tty=1", "shell", "exec unknown"),
        ("command=python3&stdin=true&tty=true", "shell", "exec unknown"),
        ("command=cat&command=/etc/hostname&stdin=true&tty=true", "exec", "exec read"),
    ],
)
def test_what_runs_in_a_pod(query: str, statement: str, intents: str) -> None:
    found = facts("GET", f"{DEV}/pods/web/exec?{query}&stdout=true")
    assert found.statements == (statement,)
    assert list(found.intents) == intents.split()
    assert (found.verbs, found.kinds_of_object, found.namespaces) == (("create",), ("pods/exec",), ("dev",))


@pytest.mark.parametrize(
    ("target", "namespaces"),
    [
        (f"{DEV}/pods", ("dev",)),
        ("/api/v1/pods", ("*",)),
        ("/api/v1/nodes", ()),
        ("/api/v1/nodes/n", ()),
        ("/api/v1/namespaces", ()),
        ("/api/v1/namespaces/dev", ("dev",)),
        ("/apis/example.com/v1/things", ("*",)),
        ("/version", ()),
    ],
)
def test_where(target: str, namespaces: tuple[str, ...]) -> None:
    assert facts("GET", target).namespaces == namespaces


@pytest.mark.parametrize(
    ("target", "sensitive"),
    [
        ("/apis/e.com/v1/people?fieldSelector=spec.email%3Dx", "$.spec.email"),
        ("/apis/e.com/v1/people?fieldSelector=spec.email%21%3Dx", "$..email"),
        ("/apis/e.com/v1/people?fieldSelector=spec.contact.email%3D%3Dx", "$.spec.contact"),
        ("/apis/e.com/v1/people?fieldselector=spec.name%3Dx,spec.contact.email%3Dy", "$.spec.contact.*"),
    ],
)
def test_a_selector_that_names_what_is_sensitive_probes(target: str, sensitive: str) -> None:
    found = facts("GET", target, sensitive=sensitive)
    assert found.probed == (sensitive,)
    assert "probe" in found.intents


@pytest.mark.parametrize("field", ["metadata.name", "type", "status.data"])
def test_a_selector_by_another_field_probes_nothing(field: str) -> None:
    assert facts("GET", f"{DEV}/secrets?fieldSelector={field}%3Dx", sensitive="$.data.*").probed == ()
