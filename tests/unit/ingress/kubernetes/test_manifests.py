"""What manifests and patches of them can do."""

from typing import Any

import pytest

from ingress.kubernetes.manifests import features, intents_of, patched
from schemas.vocabulary import Intent


def in_pod(**container: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "a", **container}]}}}}


@pytest.mark.parametrize(
    ("document", "feature"),
    [
        (in_pod(securityContext={"privileged": True}), "privileged"),
        (in_pod(securityContext={"allowPrivilegeEscalation": True}), "privilege_escalation"),
        (in_pod(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}), "capabilities"),
        (in_pod(securityContext={"runAsUser": 0}), "root"),
        (in_pod(image="x"), "starts_programs"),
        (in_pod(ports=[{"hostPort": 80}]), "host_port"),
        (
            in_pod(env=[{"name": "a", "valueFrom": {"secretKeyRef": {"name": "db", "key": "x"}}}]),
            "uses_secret",
        ),
        ({"spec": {"hostNetwork": True}}, "host_network"),
        ({"spec": {"hostPID": True}}, "host_pid"),
        ({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}, "host_path"),
        ({"spec": {"volumes": [{"projected": {"sources": [{"secret": {"name": "db"}}]}}]}}, "uses_secret"),
        ({"spec": {"serviceAccountName": "admin"}}, "service_account"),
        ({"spec": {"nodeName": "node-1"}}, "node_name"),
        ({"spec": {"type": "LoadBalancer"}}, "load_balancer"),
        ({"spec": {"type": "NodePort"}}, "node_port"),
        ({"spec": {"externalIPs": ["1.2.3.4"]}}, "external_address"),
    ],
)
def test_a_feature_is_found_in_objects_and_in_patches(document: Any, feature: str) -> None:
    assert feature in features(document)
    assert feature in features([[document]])


def test_a_plain_object_has_none() -> None:
    assert features({"metadata": {"name": "x"}, "data": {"a": "b"}, "spec": {"replicas": 2}}) == frozenset()
    assert features({"spec": {"hostNetwork": False, "volumes": []}}) == frozenset()


def test_a_json_patch_is_what_it_sets() -> None:
    document, doubt = patched([{"op": "add", "path": "/spec/template/spec/hostNetwork", "value": True}])
    assert "host_network" in features(document)
    assert doubt == ""
    document, _ = patched(
        [{"op": "replace", "path": "/spec/containers/0/securityContext", "value": {"privileged": True}}]
    )
    assert "privileged" in features(document)


@pytest.mark.parametrize(
    "operations",
    [{"op": "add"}, [{"op": "copy", "from": "/a", "path": "/b"}], [{"op": "move"}], ["x"], [{"op": "add"}]],
)
def test_a_json_patch_that_says_less_than_it_does_is_not_proven(operations: Any) -> None:
    assert patched(operations)[1]


def test_features_are_for_something() -> None:
    assert intents_of(frozenset(("host_path", "uses_secret", "load_balancer"))) == {
        Intent.ADMIN,
        Intent.CREDENTIAL,
        Intent.NETWORK,
    }
