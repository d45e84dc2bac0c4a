"""What an API or a cluster shows a stranger, and what the doctor makes of it."""

import pytest

from infra.config import HttpResource, KubernetesResource
from infra.findings import State
from ingress.web.doors import Observed, check

API = HttpResource.model_validate({"name": "api", "protocol": "http", "address": "https://api.internal"})
CLUSTER = KubernetesResource.model_validate(
    {
        "name": "cluster-1",
        "protocol": "kubernetes",
        "address": "https://10.0.0.1:6443",
        "credentials": {"token": {"file": "token"}},
    }
)


@pytest.mark.parametrize(
    ("resource", "answers", "state"),
    [
        (API, {"/": 401}, State.OK),
        (API, {"/a": 401, "/b": 403}, State.OK),
        (API, {"/a": 401, "/b": 200}, State.UNKNOWN),
        (API, {"/": 302}, State.UNKNOWN),
        (CLUSTER, {"/api/v1/secrets": 403, "/api/v1/pods": 403}, State.OK),
        (CLUSTER, {"/api/v1/secrets": 403, "/api/v1/pods": 200}, State.WRONG),
        (CLUSTER, {"/api/v1/secrets": 404}, State.UNKNOWN),
    ],
)
def test_what_a_stranger_is_shown(
    resource: HttpResource | KubernetesResource, answers: dict[str, int], state: State
) -> None:
    way, strangers = check(Observed(resource, answers=tuple(answers.items())))
    assert way.state is State.OK
    assert strangers.state is state
    assert (strangers.fix != "") is (state is not State.OK)


def test_a_certificate_that_is_not_trusted_is_wrong_whatever_else() -> None:
    failure = (
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate"
    )
    (found,) = check(Observed(API, failure=failure))
    assert found.state is State.WRONG


def test_plain_http_elsewhere_is_wrong() -> None:
    plain = API.model_copy(update={"address": "http://api.internal"})
    assert [one.state for one in check(Observed(plain, answers=(("/", 401),)))] == [State.WRONG, State.OK]
