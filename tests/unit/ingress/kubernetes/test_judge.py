"""The command of a request: what it is called, and what events may show of it."""

import base64
import json
from typing import Any

from ingress.command import Command
from ingress.kubernetes.judge import PLACEHOLDER, Subject, make_request_command
from ingress.kubernetes.requested import read_request
from ingress.web.call import Call
from ingress.web.paths import parse_target
from schemas.vocabulary import SensitiveColumn

SENSITIVE = (
    SensitiveColumn("secrets:$.data.*", "full"),
    SensitiveColumn("secrets:$.stringData.*", "full"),
    SensitiveColumn("configmaps:$.data.contact", "email"),
)
HUSH = base64.b64encode(b"hush").decode()


def command(
    method: str, target: str, body: Any = None, media: str = "application/json", user: str = ""
) -> Command:
    parsed = parse_target(target)
    raw = None if body is None else json.dumps(body).encode()
    call = Call(method, parsed, ((b"content-type", media.encode()),) if raw else (), raw)
    subject = Subject("agent-7", "main", ("email",), SENSITIVE, user)
    return make_request_command(call, read_request(method, parsed), subject, lambda: "1")


def test_it_says_what_is_asked_and_how() -> None:
    found = command("GET", "/api/v1/namespaces/dev/pods/web")
    assert found.text == "get pods/web -n dev\nGET /api/v1/namespaces/dev/pods/web"
    target = (
        "/api/v1/namespaces/dev/pods/web/exec?command=sh&command=-c&command=id%20-u&container=app&stdin=true"
    )
    assert command("GET", target).text.startswith("exec pods/web -n dev -c app -i -- sh -c 'id -u'\n")


def test_the_secrets_of_a_body_are_sealed() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"data": {"x": HUSH}})}
    body = {"metadata": {"annotations": applied}, "data": {"password": HUSH, "tls.crt": HUSH}}
    found = command("POST", "/api/v1/namespaces/dev/secrets", body)
    assert HUSH not in str(found.parameters)
    assert str(found.parameters).count(PLACEHOLDER) == 3
    assert found.original is not None
    assert HUSH in str(found.original)


def test_the_secrets_of_a_json_patch_are_sealed() -> None:
    patch = [
        {"op": "replace", "path": "/data/tls.crt", "value": HUSH},
        {"op": "add", "path": "/data", "value": {"a": HUSH}},
    ]
    media = "application/json-patch+json"
    found = command("PATCH", "/api/v1/namespaces/dev/secrets/db", patch, media)
    assert HUSH not in str(found.parameters)


def test_sensitive_fields_and_secret_variables_are_sealed() -> None:
    found = command(
        "POST", "/api/v1/namespaces/dev/configmaps", {"data": {"contact": "hush", "colour": "blue"}}
    )
    assert "hush" not in str(found.parameters)
    assert "blue" in str(found.parameters)
    pod = {
        "spec": {
            "containers": [{"env": [{"name": "DB_PASSWORD", "value": "hush"}, {"name": "A", "value": "b"}]}]
        }
    }
    found = command("POST", "/api/v1/namespaces/dev/pods", pod)
    assert "hush" not in str(found.parameters)
    assert '"b"' in str(found.parameters)


def test_the_secrets_of_a_command_line_are_sealed() -> None:
    query = "command=mysql&command=--password%3Dhush&command=jane%40example.com"
    found = command("GET", f"/api/v1/namespaces/dev/pods/web/exec?{query}")
    assert "hush" not in found.text
    assert "jane@" not in found.text


def test_a_body_that_cannot_be_read_is_sealed() -> None:
    parsed = parse_target("/api/v1/namespaces/dev/secrets")
    call = Call("POST", parsed, ((b"content-type", b"application/vnd.kubernetes.protobuf"),), b"k8s\0hush")
    subject = Subject("agent-7", "main", (), SENSITIVE, "")
    found = make_request_command(call, read_request("POST", parsed), subject, lambda: "1")
    assert "hush" not in str(found.parameters)


def test_what_a_reviewer_may_grant_along() -> None:
    scale = "/apis/apps/v1/namespaces/dev/deployments/web/scale"
    media = "application/merge-patch+json"
    two, three = ({"spec": {"replicas": n}} for n in (2, 3))
    one = command("PATCH", scale, two, media)
    assert one.pattern.endswith("with $.spec.replicas")
    assert one.fingerprint == command("PATCH", scale, three, media).fingerprint
    assert (
        one.fingerprint
        != command("PATCH", scale, {**three, "metadata": {"labels": {"a": "b"}}}, media).fingerprint
    )
    assert command("DELETE", "/api/v1/namespaces/dev/pods/web").pattern
    image = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}
    assert command("PATCH", "/apis/apps/v1/namespaces/dev/deployments/web", image, media).pattern == ""
    assert command("GET", "/api/v1/namespaces/dev/pods/web/exec?command=nobody-knows").pattern == ""


def test_the_digest_covers_body_and_user() -> None:
    target = "/api/v1/namespaces/dev/configmaps"
    one = command("POST", target, {"data": {"a": "1"}})
    assert one.digest == command("POST", target, {"data": {"a": "1"}}).digest
    assert one.digest != command("POST", target, {"data": {"a": "2"}}).digest
    assert one.digest != command("POST", target, {"data": {"a": "1"}}, user="x").digest
