"""Nothing sensitive leaves, in whichever form it is asked for: the corpus of leaks.yaml."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from ruamel.yaml import YAML
from support.builders import AGENT, AUDREY
from support.cluster import CARD, EMAIL, PASSWORD
from support.gateway import Gateway
from support.wait import eventually

pytestmark = pytest.mark.xdist_group("kubernetes")
REQUESTS: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("leaks.yaml"))
RAW = (PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), EMAIL, CARD)


def test_there_are_enough() -> None:
    assert len({one["name"] for one in REQUESTS}) == len(REQUESTS) >= 60


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
    assert request_.get("any") or answer.status_code == request_.get("status", 200), answer.text
    assert [raw for raw in RAW if raw in answer.text or raw in str(answer.headers)] == []


async def test_nothing_of_it_is_recorded_or_logged(gateway: Gateway) -> None:
    """Of the answer to a request that has all of it."""
    async with httpx.AsyncClient(verify=gateway.tls, trust_env=False, timeout=30) as client:
        for kind in ("secrets", "configmaps", "pods/web/log"):
            await client.get(
                f"https://{gateway.listen['kubernetes']}/clusters/main/api/v1/namespaces/dev/{kind}",
                headers={"Authorization": f"Bearer {AGENT.token}", "User-Agent": "leaks/1"},
            )
    asked = "select session from sessions where client_name = 'leaks/1' and closed_at is not null"

    async def closed() -> str | None:
        found = gateway.audit(asked)
        return str(found[0]["session"]) if found else None

    session = await eventually(closed, what="the end of the session")

    async def recorded() -> bytes:
        async with gateway.api(AUDREY) as api:
            answer = await api.get(f"/api/sessions/{session}/recording")
        if answer.status_code != 200 or answer.headers["x-recording-whole"] != "true":
            return b""
        return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress(answer.content)

    recording = (await eventually(recorded, what="the recording")).decode("utf-8", "replace")
    assert "line 3 paid by j***@example.com" in recording
    logs = "".join(path.read_text() for path in (gateway.folder / "state" / "log").glob("*.log"))
    assert [raw for raw in RAW if raw in recording or raw in logs] == []
