"""As whom a cluster is asked: its own audit log knows."""

import asyncio
from pathlib import Path

import httpx
import pytest
from support.builders import AGENT
from support.cluster import TOKEN, Cluster, Request, kubectl
from support.command_line import run_command
from support.gateway import Gateway

pytestmark = pytest.mark.xdist_group("kubernetes")


def asked(cluster: Cluster, config: Path, kind: str) -> Request:
    """The request of one `kubectl get`, as the cluster saw it."""
    before = len(cluster.seen())
    found = kubectl(config, "get", kind, "-o", "name")
    assert found.returncode == 0, found.stderr
    return next(
        one for one in cluster.seen()[before:] if one.path.startswith(f"/api/v1/namespaces/dev/{kind}")
    )


def test_the_gateway_itself(cluster: Cluster, configs: dict[str, Path]) -> None:
    assert asked(cluster, configs["open"], "pods").user == "gateway"


def test_the_principal_with_its_groups(cluster: Cluster, configs: dict[str, Path]) -> None:
    found = asked(cluster, configs["as"], "pods")
    assert found.user == "countersign:agent-7"
    assert "countersign:agents" in found.groups


def test_who_is_not_let_in(gateway: Gateway, configs: dict[str, Path]) -> None:
    url = f"https://{gateway.listen['kubernetes']}/clusters/main/api/v1/namespaces/dev/pods"
    with httpx.Client(verify=gateway.tls, trust_env=False) as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}"}):
            answer = client.get(url, headers=headers)
            assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")
        named = client.get(url.replace("/clusters/main", ""), headers={
            "Authorization": f"Bearer {AGENT.token}", "Host": "cluster.gateway.test"})  # fmt: skip
        assert named.status_code == 200
        nowhere = client.get(
            url.replace("main", "nowhere"), headers={"Authorization": f"Bearer {AGENT.token}"}
        )
        assert nowhere.status_code == 404


async def test_connect_writes_a_kubeconfig_that_asks_us(
    gateway: Gateway, cluster: Cluster, tmp_path: Path
) -> None:
    environment = {
        "COUNTERSIGN_URL": gateway.api_url,
        "COUNTERSIGN_TOKEN": AGENT.token,
        "XDG_CONFIG_HOME": str(tmp_path),
        "HOME": str(tmp_path),
    }
    said = await run_command(tmp_path, "connect", "main", seconds=60, **environment)
    assert said.status == 0, said.err
    config = Path(said.out.strip().removeprefix("export KUBECONFIG="))
    found = await asyncio.to_thread(
        kubectl, config, "get", "pods", "-n", "dev", "-o", "name", env=environment
    )
    shown = await asyncio.to_thread(kubectl, config, "config", "view", "--raw")
    assert AGENT.token not in shown.stdout
    assert "pod/web" in found.stdout, found.stderr
    lease = '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"mine"},"spec":{}}'
    create = ("create", "-n", "dev", "--validate=false", "-f", "-")
    refused = await asyncio.to_thread(kubectl, config, *create, env=environment, input=lease)
    assert "COUNTERSIGN_REASON" in refused.stderr
    why = {**environment, "COUNTERSIGN_REASON": "to hold it", "COUNTERSIGN_TICKET": "OPS-12"}
    created = await asyncio.to_thread(kubectl, config, *create, env=why, input=lease)
    assert "lease.coordination.k8s.io/mine created" in created.stdout, created.stderr
    cluster.client.delete("/apis/coordination.k8s.io/v1/namespaces/dev/leases/mine")
