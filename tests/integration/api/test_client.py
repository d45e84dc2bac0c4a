"""The typed client: it knows what the API's own document says, and works against the real thing."""

import ast
import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from support.api_role import Api
from support.builders import AGENT, AUDREY, DANA
from support.processes import free_port
from support.repository import ROOT
from support.reviews import requested, settled
from support.wait import eventually

from api.client import Client, Refused, Unreachable
from api.client.models import MODELS
from infra.kafka.bus import Bus, Received
from schemas.events import ReviewDecided
from schemas.topics import APPROVALS

UNSERVED = {
    "GET /api/me",  # signing in is the token's
    "POST /api/device",
    "POST /api/token",
    "POST /api/revoke",
    "POST /api/revocations",
    "POST /api/ssh-certificate",
    "GET /api/stream",  # a stream for pages
    "GET /api/resources",
    "POST /api/approvals/{approval}/original",  # for a person's eyes
    "GET /api/sessions/{session}/recording",  # `countersign sessions replay` reads it
    "GET /api/notifications/dead",
    "POST /api/notifications/dead/retry",
}
"""What the API does and the client does not; everything else it has a method for."""


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{api.url}/api/openapi.json").json()
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_what_the_document_says(document: dict[str, Any], name: str) -> None:
    ours = MODELS[name].model_json_schema(ref_template="#/components/schemas/{model}")
    theirs = document["components"]["schemas"][name]
    known = document["components"]["schemas"] | ours.get("$defs", {})
    assert set(ours["properties"]) == set(theirs["properties"])
    for field, described in theirs["properties"].items():
        assert _types(ours["properties"][field], known) == _types(described, known), field
    # What is always there for us is always sent.
    assert set(ours["required"]) <= set(theirs["required"])


def _types(schema: dict[str, Any], known: dict[str, Any]) -> set[str]:
    """The JSON types that a schema lets through, those of a list's entries in brackets."""
    if "$ref" in schema:
        return _types(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return set[str]().union(*(_types(one, known) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return {f"[{entry}]" for entry in _types(schema["items"], known)}
    return {schema.get("type", "string")}  # a constant or an enumeration of strings


def test_it_stands_on_httpx_and_pydantic_alone() -> None:
    """So that a program may take it along without the gateway."""
    imported = set()
    for path in (ROOT / "api" / "client").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
    ours = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in ours if not name.startswith("api.client.")} == {"httpx", "pydantic"}


def test_every_operation_has_a_method(document: dict[str, Any]) -> None:
    served = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith("/api/")
    }
    asked: set[str] = set()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.add(f"{request.method} {request.url.path}")
        return httpx.Response(418, json={})

    for call in _calls(answer):
        with pytest.raises(Refused):
            call()
    templates = {
        operation: operation.replace("{approval}", "x")
        .replace("{grant}", "x")
        .replace("{name}", "x")
        .replace("{session}", "x")
        .replace("{command}", "x")
        .replace("{direction}", "x")
        .replace("{proposal}", "x")
        for operation in served
    }
    assert {operation for operation, path in templates.items() if path not in asked} == UNSERVED
    assert asked <= set(templates.values())


def _calls(answer: Any) -> Iterator[Any]:
    """Every method of the client, each given the id x."""
    client = Client("http://gateway", "token")
    client._http = httpx.Client(base_url="http://gateway/api", transport=httpx.MockTransport(answer))
    thing: Any = type("Thing", (), {"id": "x", "digest": "d"})()
    arguments: dict[str, tuple[Any, ...]] = {
        "approvals": (),
        "approval": ("x",),
        "approve": (thing,),
        "reject": (thing, "no"),
        "revoke": (thing, "no"),
        "resume": ("x", "fine"),
        "grants": (),
        "grant": ("x",),
        "revoke_grant": (thing, "no"),
        "request_access": ("orders", ["read"], 60),
        "sessions": (),
        "session": ("x",),
        "commands": ("x",),
        "files": ("x",),
        "file": ("x", type("Transfer", (), {"command": "x", "direction": "x"})()),
        "end_session": ("x", "no"),
        "find_commands": (),
        "rules": (),
        "check_rules": ("policies: []",),
        "simulate_rules": ("policies: []",),
        "proposals": (),
        "proposal": ("x",),
        "propose_rules": ("policies: []",),
        "approve_rules": (thing,),
        "reject_rules": (thing, "no"),
    }
    public = {name for name in vars(Client) if not name.startswith("_")} - {"close"}
    assert public == set(arguments)

    def called(name: str) -> Any:
        def call() -> None:
            found = getattr(client, name)(*arguments[name])
            if isinstance(found, Iterator):
                next(found)

        return call

    return iter([called(name) for name in arguments])


async def test_it_lists_page_by_page_and_decides(api: Api, processors: Bus) -> None:
    requests = [requested(datetime.now(UTC)) for _ in range(3)]
    for request in requests:
        await processors.publish_durably(request)
    subscription = await processors.consume(APPROVALS)

    def decide() -> Any:
        with Client(api.url, DANA.token) as gateway:
            mine = {request.approval for request in requests}
            found = [one for one in gateway.approvals() if one.id in mine]
            assert len(found) == 3
            assert gateway.approval(found[0].id[:13]) == found[0]
            return gateway.approve(found[0], comment="OPS-12, fine")

    with Client(api.url, DANA.token) as gateway:
        await eventually(
            lambda: {one.id for one in gateway.approvals()} >= {request.approval for request in requests}
        )
    deciding = asyncio.ensure_future(asyncio.to_thread(decide))
    async for batch in subscription.batches(wait=0.1):
        decisions = [one.event for one in batch if isinstance(one, Received)]
        decisions = [event for event in decisions if isinstance(event, ReviewDecided)]
        if decisions:
            (decision,) = decisions
            assert isinstance(decision, ReviewDecided)
            request = next(one for one in requests if one.approval == decision.approval)
            await processors.publish_durably(settled(request, decided_by=("dana",), comment=decision.comment))
            break
    await subscription.close()
    decided = await deciding
    assert (decided.state, decided.decided_by, decided.comment) == ("approved", ["dana"], "OPS-12, fine")


def test_a_refusal_says_what_to_do(api: Api) -> None:
    with Client(api.url, AGENT.token) as gateway, pytest.raises(Refused) as refused:
        gateway.rules()
    assert (refused.value.status, refused.value.kind) == (403, "for-persons")
    assert refused.value.action
    with Client(api.url, DANA.token) as gateway, pytest.raises(Refused) as refused:
        gateway.propose_rules("policies: []")
    assert refused.value.kind == "not-yours-to-propose"
    with Client(api.url, "no token") as gateway, pytest.raises(Refused) as refused:
        next(gateway.sessions())
    assert refused.value.status == 401


def test_who_may_see_them_gets_the_rules(api: Api) -> None:
    with Client(api.url, AUDREY.token) as gateway:
        rules = gateway.rules()
        assert gateway.check_rules(rules.text) == []
        assert list(gateway.proposals()) == []
    assert (rules.proposal, rules.can_propose) == ("", False)


def test_nobody_there_is_said_as_such() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", "token") as gateway, pytest.raises(Unreachable):
        gateway.grants()


def test_a_lost_answer_is_asked_for_again_by_the_same_key() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.ReadError("gone")
        return httpx.Response(409, json={"type": "urn:countersign:problem:already-settled"})

    client = Client("http://gateway", "token")
    client._http = httpx.Client(base_url="http://gateway/api", transport=httpx.MockTransport(answer))
    thing: Any = type("Thing", (), {"id": "x", "digest": "d"})()
    with pytest.raises(Refused):
        client.approve(thing)
    assert len(keys) == 2
    assert len(set(keys)) == 1
    with pytest.raises(Refused):
        client.approve(thing)
    assert len(set(keys)) == 2
