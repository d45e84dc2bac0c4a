"""What a request is: the API server's own rules, case by case of its requestinfo_test.go; our refusals."""

import pytest

from ingress.kubernetes.requested import Requested, read_request
from ingress.web.paths import parse_target
from ingress.web.strict import BadRequest


def read(method: str, target: str) -> Requested:
    return read_request(method, parse_target(target))


@pytest.mark.parametrize(
    ("method", "path", "verb", "kind", "namespace", "name"),
    [
        ("GET", "/api/v1/namespaces", "list", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces/other", "get", "namespaces", "other", "other"),
        ("GET", "/api/v1/namespaces/other/pods", "list", "pods", "other", ""),
        ("GET", "/api/v1/namespaces/other/pods/foo", "get", "pods", "other", "foo"),
        ("HEAD", "/api/v1/namespaces/other/pods/foo", "get", "pods", "other", "foo"),
        ("GET", "/api/v1/pods", "list", "pods", "", ""),
        ("HEAD", "/api/v1/pods", "list", "pods", "", ""),
        ("GET", "/api/v1/pods?watch=true", "watch", "pods", "", ""),
        ("GET", "/api/v1/pods?watch=false", "list", "pods", "", ""),
        ("GET", "/api/v1/pods?watch=FALSE", "list", "pods", "", ""),
        ("GET", "/api/v1/pods?watch=0", "list", "pods", "", ""),
        ("GET", "/api/v1/pods?watch", "watch", "pods", "", ""),
        ("GET", "/api/v1/pods?watch=no", "watch", "pods", "", ""),
        ("GET", "/api/v1/watch/pods", "watch", "pods", "", ""),
        ("GET", "/api/v1/watch/namespaces/other/pods/foo", "watch", "pods", "other", "foo"),
        ("GET", "/api/v1/proxy/namespaces/other/pods/foo", "proxy", "pods", "other", "foo"),
        ("GET", "/api/v1/namespaces/other/pods/foo/log", "get", "pods/log", "other", "foo"),
        ("GET", "/api/v1/namespaces/other/pods/foo/exec", "create", "pods/exec", "other", "foo"),
        ("POST", "/api/v1/namespaces/other/pods/foo/exec", "create", "pods/exec", "other", "foo"),
        ("GET", "/api/v1/nodes/n/proxy/run/a/b", "get", "nodes/proxy", "", "n"),
        ("PUT", "/api/v1/namespaces/other/finalize", "update", "namespaces/finalize", "other", "other"),
        ("PUT", "/api/v1/namespaces/other/status", "update", "namespaces/status", "other", "other"),
        ("POST", "/api/v1/namespaces/other/pods", "create", "pods", "other", ""),
        ("PUT", "/api/v1/namespaces/other/pods/foo", "update", "pods", "other", "foo"),
        ("PATCH", "/api/v1/namespaces/other/pods/foo", "patch", "pods", "other", "foo"),
        ("DELETE", "/api/v1/namespaces/other/pods/foo", "delete", "pods", "other", "foo"),
        ("DELETE", "/api/v1/namespaces/other/pods", "deletecollection", "pods", "other", ""),
        ("DELETE", "/api/v1/pods", "deletecollection", "pods", "", ""),
        (
            "GET",
            "/apis/apps/v1/namespaces/dev/deployments/a/scale",
            "get",
            "deployments.apps/scale",
            "dev",
            "a",
        ),
        ("OPTIONS", "/api/v1/namespaces/other/pods", "", "pods", "other", ""),
        ("GET", "/apis/batch/v1/jobs/", "list", "jobs.batch", "", ""),
    ],
)
def test_what_is_asked(method: str, path: str, verb: str, kind: str, namespace: str, name: str) -> None:
    found = read(method, path)
    assert (found.verb, found.kind, found.namespace, found.name) == (verb, kind, namespace, name)


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/apis/apps/v1", "/version", "/healthz/etcd", "/api/"]
)
def test_what_is_no_resource(path: str) -> None:
    found = read("GET", path)
    assert (found.verb, found.resource) == ("get", "")


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/watch",
        "/api/v1/pods/a/b/c",
        "/api/v1/Pods",
        "/api/v1/namespaces/x/pods/web/EXEC",
        "/api/v1/pods?watch=1&watch=0",
        "/api/v1/namespaces/x/pods/web/exec?stdin=0&stdin=1",
        "/api/v1/pods?a=1;watch=1",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(target: str) -> None:
    with pytest.raises(BadRequest):
        read("GET", target)
