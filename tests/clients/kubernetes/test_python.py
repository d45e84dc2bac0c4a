"""The official Python client through the gateway, unchanged: objects, watches, exec, and a refusal."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from support.cluster import CARD, EMAIL, PASSWORD

pytestmark = pytest.mark.xdist_group("kubernetes")


@pytest.fixture
def api(configs: dict[str, Path]) -> Iterator[client.CoreV1Api]:
    with config.new_client_from_config(str(configs["main"])) as connection:
        yield client.CoreV1Api(connection)


def test_objects(api: client.CoreV1Api) -> None:
    assert {pod.metadata.name for pod in api.list_namespaced_pod("dev").items} >= {"web", "other"}
    assert api.read_namespaced_pod("web", "dev").status.phase == "Running"
    assert EMAIL not in str(api.read_namespaced_config_map("settings", "dev").data)
    log = api.read_namespaced_pod_log("web", "dev")
    assert "paid by" in log
    assert CARD not in log


def test_a_secret_is_masked(api: client.CoreV1Api) -> None:
    found = api.read_namespaced_secret("db", "dev").data["password"]
    assert base64.b64decode(found) == b"[masked]"
    assert PASSWORD not in str(api.list_secret_for_all_namespaces())


def test_a_watch(api: client.CoreV1Api) -> None:
    seen = watch.Watch().stream(api.list_namespaced_pod, "dev", timeout_seconds=1, resource_version="0")
    assert "web" in {event["object"].metadata.name for event in seen}


def test_exec(api: client.CoreV1Api) -> None:
    said = stream(
        api.connect_get_namespaced_pod_exec,
        "web",
        "dev",
        command=["echo", f"{CARD} out"],
        stdout=True,
        stderr=True,
    )
    assert said == f"************{CARD[-4:]} out\n"


def test_server_side_apply(api: client.CoreV1Api) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "python"},
        "data": {"colour": "red"},
    }
    applied = api.patch_namespaced_config_map(
        "python", "dev", body, field_manager="tests", force=True, _content_type="application/apply-patch+yaml"
    )
    assert applied.data == {"colour": "red"}


def test_a_refusal_is_an_exception_of_its_own(api: client.CoreV1Api) -> None:
    with pytest.raises(ApiException) as refused:
        api.delete_namespaced_pod("web", "prod")
    assert refused.value.status == 403
    causes = json.loads(refused.value.body or "")["details"]["causes"]
    assert "nobody touches prod" in [cause["message"] for cause in causes]
