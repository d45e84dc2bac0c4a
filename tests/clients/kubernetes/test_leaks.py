"""Nothing sensitive leaves, in whichever form it is asked for: the corpus of leaks.yaml."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML
from support.builders import AGENT
from support.cluster import CARD, EMAIL, PASSWORD
from support.gateway import Gateway

pytestmark = pytest.mark.xdist_group("kubernetes")
REQUESTS: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("leaks.yaml"))
RAW = (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), EMAIL, CARD)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one["name"])
def test_it_does_not_leave(request_: dict[str, Any], gateway: Gateway) -> None:
    fields = {"Authorization": f"Bearer {AGENT.token}", **request_.get("headers", {})}
    body = json.dumps(request_["body"]) if "body" in request_ else None
    with httpx.Client(verify=gateway.tls, trust_env=False, timeout=30) as client:
        answer = client.request(
            request_.get("method", "GET"),
            f"https://{gateway.listen['kubernetes']}/clusters/main{request_['path']}",
            headers=fields,
            content=body,
        )
    assert request_.get("any") or answer.status_code == 200, answer.text
    assert [raw for raw in RAW if raw in answer.text or raw in str(answer.headers)] == []


def test_nothing_of_it_is_recorded_or_logged(gateway: Gateway) -> None:
    """After the requests above."""
    logs = "".join(path.read_text() for path in (gateway.folder / "state" / "log").glob("*.log"))
    assert [raw for raw in RAW if raw in logs] == []
