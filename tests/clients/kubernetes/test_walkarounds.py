"""No rule is walked around: the corpus of walkarounds.yaml, as bytes that no client would tidy up."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.builders import AGENT
from support.cluster import Cluster
from support.gateway import Gateway
from support.raw_http import say_over_tls

pytestmark = pytest.mark.xdist_group("kubernetes")
ATTEMPTS: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("walkarounds.yaml"))
_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_there_are_enough() -> None:
    assert len({attempt["name"] for attempt in ATTEMPTS}) == len(ATTEMPTS) >= 115


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt["name"])
def test_it_does_not_reach_the_cluster(attempt: dict[str, Any], gateway: Gateway, cluster: Cluster) -> None:
    before = len(cluster.seen())
    body = attempt.get("text") or (json.dumps(attempt["body"]) if "body" in attempt else "")
    wanted = attempt.get("upgrade")
    headers = {
        "Host": gateway.listen["kubernetes"],
        "Authorization": f"Bearer {AGENT.token}",
        **({"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}),
        **({**_UPGRADE, "Sec-WebSocket-Protocol": wanted} if wanted else {"Connection": "close"}),
        **attempt.get("headers", {}),
    }
    first = f"{attempt.get('method', 'GET')} /clusters/main{attempt['path']} HTTP/1.1"
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    came = say_over_tls(
        gateway.listen["kubernetes"], gateway.tls, ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
    )
    # A stream is accepted and told on itself that it is refused; what is held goes with its client.
    assert came.status in (0, 101, 400, 401, 403, 404, 405, 413, 415, 501), came.data
    if came.status == 101:
        assert b"countersign: " in came.data
    assert len(cluster.seen()) == before
