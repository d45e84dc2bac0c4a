"""The decision API before a real Kafka: what a reviewer, a requester, an auditor and a stranger get."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from support.api_role import Api
from support.builders import AGENT, AUDREY, DANA, ERIN, Someone
from support.reviews import DANA as DANA_PRINCIPAL
from support.reviews import requested, settled
from support.wait import eventually

from infra.kafka.bus import Bus, Received
from schemas.events import ApprovalRequested, ReviewDecided
from schemas.topics import APPROVALS
from schemas.vocabulary import Answer, ApprovalState, Principal, PrincipalKind


async def ask(processors: Bus, api: Api, **more: Any) -> ApprovalRequested:
    """A request for review that the API has seen."""
    request = requested(datetime.now(UTC), **more)
    await processors.publish_durably(request)
    async with api.client(AUDREY) as auditor:

        async def is_seen() -> bool | None:
            return (await auditor.get(f"/api/approvals/{request.approval}")).is_success

        await eventually(is_seen, what="the approval in the API")
    return request


async def answer_as_processors(
    processors: Bus, request: ApprovalRequested, state: ApprovalState
) -> ReviewDecided:
    """Settles the request when the first decision on it arrives; the decision."""
    subscription = await processors.consume_since(APPROVALS, request.envelope.time)
    try:
        async for batch in subscription.batches(wait=0.1):
            for received in batch:
                assert isinstance(received, Received)
                event = received.event
                if isinstance(event, ReviewDecided) and event.approval == request.approval:
                    await processors.publish_durably(
                        settled(request, state, at=datetime.now(UTC), decided_by=(event.reviewer.name,))
                    )
                    return event
    finally:
        await subscription.close()
    raise AssertionError("a subscription ended")


async def get(api: Api, someone: Someone, path: str) -> httpx.Response:
    async with api.client(someone) as client:
        return await client.get(path)


async def post(api: Api, someone: Someone, path: str, body: Any = None) -> httpx.Response:
    async with api.client(someone) as client:
        return await client.post(path, json=body)


async def test_a_reviewer_sees_what_waits_with_all_that_a_decision_needs(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)

    listed = (await get(api, DANA, "/api/approvals")).json()

    found = next(approval for approval in listed if approval["id"] == request.approval)
    assert found["state"] == "pending"
    assert found["principal"] == "agent-7"
    assert found["principal_kind"] == "agent"
    assert found["groups"] == ["agents"]
    assert found["resource"] == "orders"
    assert found["command"] == "delete from orders where id = 7"
    assert found["rule"] == "changes need a DBA"
    assert found["intents"] == ["write"]
    assert found["tables"] == ["public.orders"]
    assert found["reviewers"] == ["dba"]
    assert found["approvals_needed"] == 1
    assert found["digest"] == request.digest
    assert found["context"] == {"role": "app", "search_path": "public"}
    assert found["can_decide"] is True
    assert found["cannot_decide_because"] is None
    assert datetime.fromisoformat(found["requested_at"]) == request.envelope.time
    assert datetime.fromisoformat(found["expires_at"]) == request.expires_at


async def test_a_unique_prefix_of_the_id_is_enough(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)

    shown = await get(api, DANA, f"/api/approvals/{request.approval[:8].upper()}")
    too_short = await get(api, DANA, f"/api/approvals/{request.approval[:5]}")

    assert shown.json()["id"] == request.approval
    assert too_short.status_code == 422


async def test_approving_publishes_the_signed_decision_and_answers_when_it_is_settled(
    api: Api, processors: Bus
) -> None:
    request = await ask(processors, api)
    processing = asyncio.create_task(answer_as_processors(processors, request, ApprovalState.APPROVED))

    answer = await post(
        api,
        DANA,
        f"/api/approvals/{request.approval[:8]}/approve",
        {"comment": "OPS-12, fine", "digest": request.digest},
    )

    assert answer.status_code == 200, answer.text
    approval = answer.json()
    assert approval["state"] == "approved"
    assert approval["decided_by"] == ["dana"]
    assert [(d["reviewer"], d["answer"], d["comment"]) for d in approval["decisions"]] == [
        ("dana", "approve", "OPS-12, fine")
    ]
    assert approval["can_decide"] is False
    decision = await processing
    assert decision.reviewer == DANA_PRINCIPAL
    assert decision.answer is Answer.APPROVE
    assert decision.digest == request.digest
    assert decision.envelope.session == request.envelope.session
    assert decision.envelope.command == request.envelope.command
    settled_list = (await get(api, DANA, "/api/approvals?state=approved")).json()
    assert request.approval in [found["id"] for found in settled_list]
    pending_list = (await get(api, DANA, "/api/approvals")).json()
    assert request.approval not in [found["id"] for found in pending_list]


async def test_a_decision_that_is_not_the_last_one_needed_is_recorded(api: Api, processors: Bus) -> None:
    request = await ask(processors, api, approvals=2)

    first = await post(api, DANA, f"/api/approvals/{request.approval}/approve")
    again = await post(api, DANA, f"/api/approvals/{request.approval}/approve")

    assert first.status_code == 200
    assert first.json()["state"] == "pending"
    assert [decision["reviewer"] for decision in first.json()["decisions"]] == ["dana"]
    assert again.status_code == 409
    assert "decided already" in again.json()["detail"]


async def test_rejecting_needs_a_comment(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)

    silent = await post(api, DANA, f"/api/approvals/{request.approval}/reject", {"comment": "  "})
    processing = asyncio.create_task(answer_as_processors(processors, request, ApprovalState.REJECTED))
    told = await post(api, DANA, f"/api/approvals/{request.approval}/reject", {"comment": "Use staging."})

    assert silent.status_code == 422
    assert silent.json()["type"].endswith(":comment-missing")
    assert told.status_code == 200
    assert told.json()["state"] == "rejected"
    assert (await processing).comment == "Use staging."


@pytest.mark.parametrize(
    ("principal", "someone", "reason"),
    [
        (None, AGENT, "yourself"),
        (None, AUDREY, "Only members of dba"),
        (DANA_PRINCIPAL, DANA, "yourself"),
    ],
)
async def test_who_may_not_decide_is_told_why(
    api: Api, processors: Bus, principal: Principal | None, someone: Someone, reason: str
) -> None:
    request = await ask(processors, api, **({"principal": principal} if principal else {}))

    for answer in ("approve", "reject"):
        refused = await post(
            api, someone, f"/api/approvals/{request.approval}/{answer}", {"comment": "please"}
        )
        assert refused.status_code == 403
        assert refused.headers["content-type"] == "application/problem+json"
        assert reason in refused.json()["detail"]
        assert refused.json()["action"]
    shown = (await get(api, someone, f"/api/approvals/{request.approval}")).json()
    assert shown["decisions"] == []
    assert shown["can_decide"] is False
    assert reason in shown["cannot_decide_because"]


async def test_a_stranger_sees_nothing_of_it(api: Api, processors: Bus) -> None:
    stranger = Principal("agent-9", PrincipalKind.AGENT, ("agents",))
    request = await ask(processors, api, principal=stranger)

    shown = await get(api, AGENT, f"/api/approvals/{request.approval}")
    listed = await get(api, AGENT, "/api/approvals?state=all")
    decided = await post(api, AGENT, f"/api/approvals/{request.approval}/approve")

    assert shown.status_code == 404
    assert request.approval not in [found["id"] for found in listed.json()]
    assert decided.status_code == 403


async def test_what_is_settled_cannot_be_decided_and_the_answer_says_how_it_ended(
    api: Api, processors: Bus
) -> None:
    request = await ask(processors, api)
    await processors.publish_durably(settled(request, ApprovalState.APPROVED, decided_by=("erin",)))

    async def is_settled() -> bool | None:
        shown = await get(api, DANA, f"/api/approvals/{request.approval}")
        return bool(shown.json()["state"] == "approved")

    await eventually(is_settled)
    late = await post(api, DANA, f"/api/approvals/{request.approval}/approve")

    assert late.status_code == 409
    assert late.json()["type"] == "urn:countersign:problem:already-settled"
    assert "approved by erin" in late.json()["detail"]
    assert late.json()["state"] == "approved"


async def test_settled_otherwise_while_deciding_is_a_conflict(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)
    processing = asyncio.create_task(answer_as_processors(processors, request, ApprovalState.REJECTED))

    answer = await post(api, DANA, f"/api/approvals/{request.approval}/approve")

    assert answer.status_code == 409
    assert "rejected by dana" in answer.json()["detail"]
    await processing


async def test_a_digest_of_something_else_decides_nothing(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)

    answer = await post(api, DANA, f"/api/approvals/{request.approval}/approve", {"digest": "0" * 64})

    assert answer.status_code == 409
    assert answer.json()["type"].endswith(":another-command")
    assert answer.json()["digest"] == request.digest


async def test_when_its_time_is_up_it_cannot_be_decided(api: Api, processors: Bus) -> None:
    request = await ask(processors, api, lasts=timedelta(seconds=0))

    answer = await post(api, DANA, f"/api/approvals/{request.approval}/approve")

    assert answer.status_code == 409
    assert "ran out" in answer.json()["detail"]


async def test_silent_processors_are_said_to_be_silent(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)

    answer = await post(api, DANA, f"/api/approvals/{request.approval}/approve")

    assert answer.status_code == 504
    assert "decision is recorded" in answer.json()["detail"]
    shown = (await get(api, ERIN, f"/api/approvals/{request.approval}")).json()
    assert shown["state"] == "pending"
    assert [decision["reviewer"] for decision in shown["decisions"]] == ["dana"]


@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", "Basic ZGFuYTp4", "Bearer", "Bearer dana:no"]
)
async def test_without_a_right_token_nothing_is_shown(api: Api, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}
    async with httpx.AsyncClient(base_url=api.url, headers=headers) as nobody:
        answer = await nobody.get("/api/approvals")

    assert answer.status_code in (401, 429)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_name_may_stand_before_the_token(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.url) as client:
        answer = await client.get("/api/me", headers={"Authorization": f"Bearer dana:{DANA.token}"})

    known = {"name": "dana", "kind": "person", "groups": ["dba", "reviewers"], "acts_for": ""}
    assert answer.json() == known


@pytest.mark.parametrize("path", ["/api/approvals/ffffffff", "/api/nothing"])
async def test_what_is_not_there_is_a_problem_document(api: Api, path: str) -> None:
    answer = await get(api, DANA, path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "action"} <= answer.json().keys()


async def test_a_comment_cannot_carry_terminal_escapes(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)

    answer = await post(
        api, DANA, f"/api/approvals/{request.approval}/approve", {"comment": "fine\x1b]0;owned\x07"}
    )

    assert answer.status_code == 422
    assert "\\u001b" not in answer.text


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.url) as nobody:
        form = await nobody.post("/sign-in", data={"name": "x" * 100_000, "token": "y"})
    body = await post(api, DANA, "/api/approvals/3f9a01bc/approve", {"comment": "x" * 100_000})

    assert form.status_code == 413
    assert body.status_code == 413


async def test_no_token_reaches_the_log(api: Api) -> None:
    await get(api, DANA, "/api/approvals")

    assert DANA.token not in api.log.read_text()


async def test_the_documentation_describes_what_is_there(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.url) as client:
        described = (await client.get("/api/openapi.json")).json()

    assert {
        "/api/approvals",
        "/api/approvals/{approval}",
        "/api/approvals/{approval}/approve",
        "/api/approvals/{approval}/reject",
        "/api/stream",
        "/api/me",
        "/healthz",
        "/readyz",
    } <= described["paths"].keys()
    assert described["components"]["schemas"]["ApprovalView"]["examples"]


async def test_a_list_is_read_page_by_page(api: Api, processors: Bus) -> None:
    made = [(await ask(processors, api)).approval for _ in range(5)]
    ids: list[str] = []
    async with api.client(DANA) as client:
        path: str | None = "/api/approvals?limit=2"
        while path is not None:
            answer = await client.get(path)
            assert len(answer.json()) <= 2
            ids += [one["id"] for one in answer.json()]
            path = answer.links["next"]["url"] if "next" in answer.links else None
        assert (await client.get("/api/approvals?cursor=x")).status_code == 400
    assert [id for id in ids if id in made] == made
    assert len(ids) == len(set(ids))


async def test_an_unchanged_approval_is_not_sent_again(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)
    path = f"/api/approvals/{request.approval}"
    async with api.client(DANA) as client:
        tag = (await client.get(path)).headers["etag"]
        same = await client.get(path, headers={"If-None-Match": f'"other", {tag}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        await processors.publish_durably(settled(request))

        async def is_changed() -> bool:
            return (await client.get(path, headers={"If-None-Match": tag})).status_code == 200

        await eventually(is_changed)


async def test_a_decision_may_be_sent_again_with_its_key(api: Api, processors: Bus) -> None:
    request = await ask(processors, api, approvals=2)
    path = f"/api/approvals/{request.approval}"
    body, key = {"comment": "fine", "digest": request.digest}, {"Idempotency-Key": "one"}
    async with api.client(DANA) as client:
        first = await client.post(f"{path}/approve", json=body, headers=key)
        again = await client.post(f"{path}/approve", json=body, headers=key)
        without = await client.post(f"{path}/approve", json=body)
        another = await client.post(f"{path}/reject", json=body, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["decisions"] == again.json()["decisions"]
    assert (without.status_code, another.status_code) == (409, 409)


async def test_an_answer_is_for_those_identical_requests_that_it_names(api: Api, processors: Bus) -> None:
    first, second, third = [await ask(processors, api, approvals=2, digest="d" * 64) for _ in range(3)]
    another = await ask(processors, api, approvals=2)
    path = f"/api/approvals/{first.approval}"

    async def decisions(request: ApprovalRequested) -> int:
        return len((await get(api, DANA, f"/api/approvals/{request.approval}")).json()["decisions"])

    shown = (await get(api, DANA, path)).json()
    assert shown["identical"] == [second.approval, third.approval]
    for wrong in (another.approval, "none"):
        refused = await post(api, DANA, f"{path}/approve", {"identical": [second.approval, wrong]})
        assert (refused.status_code, refused.json()["title"]) == (409, "Not identical")
    assert [await decisions(one) for one in (first, second)] == [0, 0]

    async with api.client(DANA) as client:
        for _ in range(2):
            answer = await client.post(
                f"{path}/approve", json={"identical": [second.approval]}, headers={"Idempotency-Key": "1"}
            )
            assert answer.status_code == 200, answer.text
    assert [await decisions(one) for one in (first, second, third, another)] == [1, 1, 0, 0]
