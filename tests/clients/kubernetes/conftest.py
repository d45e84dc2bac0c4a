"""One gateway before a cluster, for all tests of its clients. `make test-kubernetes` has a real cluster;
other runs have the small one of support/small_cluster.py."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.builders import AGENT, AUDREY, DANA, Document, configuration
from support.cluster import TOKEN, Cluster, kubeconfig
from support.gateway import Gateway, running_gateway
from support.http_client import OTHER
from support.processes import free_port
from support.real_cluster import running_real_cluster
from support.small_cluster import running_small_cluster

IS_REAL = "COUNTERSIGN_REAL_CLUSTER" in os.environ
collect_ignore = ["test_top.py"] if IS_REAL else ["test_real.py"]
REVIEW: Document = {"review": {"reviewers": ["dba"], "approvals": 1, "timeout": "60s", "valid_for": "30s"}}


def _resource(name: str, cluster: Cluster, **more: object) -> Document:
    credentials = {"token": {"file": "cluster.token"}}
    given: Document = {"address": cluster.origin, "ca": {"file": str(cluster.ca)}, "credentials": credentials}
    return {"name": name, "protocol": "kubernetes", **given, **more}


def _rule(name: str, verdict: str = "allow", *, more: Document | None = None, **when: object) -> Document:
    return {"name": name, "when": {"groups": ["agents"], **when}, "verdict": verdict, **(more or {})}


POLICIES: list[Document] = [
    _rule("agents look", intents=["read", "session"]),
    _rule("secrets are masked", kinds_of_object=["secrets"], intents=["read", "credential"]),
    _rule(
        "programs in dev",
        namespaces=["dev"],
        kinds_of_object=["pods/exec", "pods/attach"],
        intents=["exec", "read", "session", "write"],
    ),
    _rule("settings of dev", namespaces=["dev"], kinds_of_object=["configmaps"], intents=["write"]),
    _rule("ports of dev", namespaces=["dev"], statements=["port_forward"], intents=["network", "unknown"]),
    _rule(
        "shells where they are recorded",
        resources=["open"],
        statements=["shell", "exec"],
        intents=["exec", "unknown"],
    ),
    _rule(
        "changes need a DBA",
        "review",
        more=REVIEW,
        namespaces=["dev"],
        kinds_of_object=["deployments.apps*", "pods", "secrets", "services"],
        intents=["write", "bulk_write"],
    ),
    _rule("nobody touches prod", "deny", namespaces=["prod"], intents=["write", "bulk_write", "exec"]),
    _rule(
        "few lines",
        more={"limits": {"rows": 5}},
        statements=["exec"],
        programs=["seq"],
        intents=["exec", "read"],
    ),
    _rule(
        "quick",
        more={"limits": {"time": "2s"}},
        resources=["named"],
        namespaces=["dev"],
        kinds_of_object=["configmaps", "pods/exec"],
    ),
    _rule("held runs", "review", more=REVIEW, resources=["held"], programs=["touch", "sleep"]),
    _rule("held ports", "review", more=REVIEW, resources=["held"], statements=["port_forward"]),
    _rule(
        "say why",
        more={"require": ["reason"]},
        namespaces=["dev"],
        kinds_of_object=["leases.coordination.k8s.io"],
        intents=["write"],
    ),
]


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = running_real_cluster if IS_REAL else running_small_cluster
    with running(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="package")
def gateway(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """`main`: secrets, a field, detectors. `open`: nothing is sensitive, shells are recorded. `as`: requests
    run as the principal. `account`: as a service account."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    (folder / "cluster.token").write_text(TOKEN)
    token = {"token": {"file": "cluster.token"}}
    sensitive = {"fields": {"configmaps:$.data.contact": "email"}, "detect": ["email", "card_number"]}
    resources = [
        _resource("main", cluster, sensitive=sensitive, labels={"env": "prod"}),
        _resource("open", cluster, sensitive={"kinds": []}, shells="recorded"),
        _resource("named", cluster, hosts=["cluster.gateway.test"]),
        _resource("as", cluster, credentials={**token, "impersonate": {}}),
        _resource(
            "account",
            cluster,
            credentials={**token, "service_account": {"namespace": "dev", "name": "gateway"}},
        ),
        _resource("held", cluster),
        _resource("distrusted", cluster, ca=None),
        _resource("gone", cluster, address=f"https://127.0.0.1:{free_port()}"),
    ]
    with running_gateway(
        folder,
        lambda listen: configuration(
            listen=listen, resources=resources, policies=POLICIES, users=(AGENT, OTHER, DANA, AUDREY)
        ),
    ) as running:
        yield running


@pytest.fixture(scope="package")
def configs(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A kubeconfig for each cluster, signed in as the agent."""
    folder = tmp_path_factory.mktemp("kubeconfigs")
    names = ("main", "open", "as", "account", "distrusted", "gone")
    certificate = base64.b64encode(gateway.ca.read_bytes()).decode()
    return {
        name: kubeconfig(
            folder / f"{name}.yaml",
            f"https://{gateway.listen['kubernetes']}/clusters/{name}",
            certificate,
            AGENT.token,
        )
        for name in names
    }
