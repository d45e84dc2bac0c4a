"""`countersign approvals` as processes, before the api role and a real Kafka."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.api_role import Api
from support.builders import AGENT, AUDREY, DANA, Someone
from support.command_line import Ran, run_command, start_command
from support.processes import free_port
from support.reviews import requested, settled
from support.wait import eventually

from infra.kafka.bus import Bus, Received
from schemas.events import ApprovalRequested, ReviewDecided
from schemas.topics import APPROVALS
from schemas.vocabulary import ApprovalState


async def countersign(api: Api, folder: Path, someone: Someone, *arguments: str) -> Ran:
    return await run_command(
        folder, "approvals", *arguments, COUNTERSIGN_URL=api.url, COUNTERSIGN_TOKEN=someone.token
    )


async def ask(processors: Bus, api: Api, text: str = "delete from orders where id = 7") -> ApprovalRequested:
    request = requested(datetime.now(UTC), text=text)
    await processors.publish_durably(request)
    async with api.client(AUDREY) as auditor:

        async def is_seen() -> bool:
            return (await auditor.get(f"/api/approvals/{request.approval}")).is_success

        await eventually(is_seen)
    return request


async def settle_when_decided(processors: Bus, request: ApprovalRequested, state: ApprovalState) -> None:
    subscription = await processors.consume_since(APPROVALS, request.envelope.time)
    try:
        async for batch in subscription.batches(wait=0.1):
            for received in batch:
                assert isinstance(received, Received)
                event = received.event
                if isinstance(event, ReviewDecided) and event.approval == request.approval:
                    end = settled(request, state, decided_by=("dana",), comment=event.comment)
                    await processors.publish_durably(end)
                    return
    finally:
        await subscription.close()


async def test_list_prints_a_line_an_approval(api: Api, processors: Bus, tmp_path: Path) -> None:
    request = await ask(processors, api)

    ran = await countersign(api, tmp_path, DANA, "list")

    assert ran.status == 0, ran.err
    [line] = [line for line in ran.out.splitlines() if line.startswith(request.approval[:8])]
    assert 'agent-7 → orders  write  "delete from orders where id = 7"' in line
    assert line.endswith("left")


async def test_what_nobody_reviewed_for_a_day_is_listed(api: Api, processors: Bus, tmp_path: Path) -> None:
    """It ran by break-glass."""
    days: dict[str, Any] = {"afterwards": True, "lasts": timedelta(days=7)}
    for age, text in ((timedelta(hours=25), "delete 25 h ago"), (timedelta(hours=23), "delete 23 h ago")):
        await processors.publish_durably(requested(datetime.now(UTC) - age, text=text, **days))
    await ask(processors, api, "delete now")

    ran = await countersign(api, tmp_path, DANA, "list", "--overdue")

    assert "delete 25 h ago" in ran.out
    assert "it ran" in ran.out
    assert "23 h" not in ran.out
    assert "delete now" not in ran.out


async def test_list_as_json_is_one_array_for_scripts(api: Api, processors: Bus, tmp_path: Path) -> None:
    request = await ask(processors, api)

    ran = await countersign(api, tmp_path, DANA, "list", "--json")

    [found] = [a for a in json.loads(ran.out) if a["id"] == request.approval]
    assert {
        "id",
        "state",
        "principal",
        "resource",
        "command",
        "rule",
        "requested_at",
        "expires_at",
    } <= found.keys()
    assert found["principal"] == "agent-7"


async def test_show_has_the_whole_command_and_no_terminal_escapes(
    api: Api, processors: Bus, tmp_path: Path
) -> None:
    long = "select '" + "x" * 5000 + "\x1b[2J\u202e'"
    request = await ask(processors, api, text=long)

    ran = await countersign(api, tmp_path, DANA, "show", request.approval[:8])

    assert ran.status == 0, ran.err
    assert "x" * 5000 + "<U+001B>[2J<U+202E>" in ran.out
    assert "\x1b" not in ran.out
    assert request.digest in ran.out
    as_json = await countersign(api, tmp_path, DANA, "show", request.approval, "--json")
    assert json.loads(as_json.out)["command"] == long


async def test_approve_waits_for_the_end(api: Api, processors: Bus, tmp_path: Path) -> None:
    request = await ask(processors, api)
    settling = asyncio.create_task(settle_when_decided(processors, request, ApprovalState.APPROVED))

    ran = await countersign(api, tmp_path, DANA, "approve", request.approval[:8], "--comment", "OPS-12")

    assert ran.status == 0, ran.err
    assert "approved by dana" in ran.out
    await settling


async def test_reject_with_a_comment(api: Api, processors: Bus, tmp_path: Path) -> None:
    request = await ask(processors, api)
    settling = asyncio.create_task(settle_when_decided(processors, request, ApprovalState.REJECTED))

    ran = await countersign(
        api, tmp_path, DANA, "reject", request.approval, "--comment", "Use staging.", "--json"
    )

    assert ran.status == 0, ran.err
    assert json.loads(ran.out)["state"] == "rejected"
    await settling


async def test_revoke_waits_until_it_is_taken_back(api: Api, processors: Bus, tmp_path: Path) -> None:
    request = await ask(processors, api)
    await processors.publish_durably(settled(request))
    settling = asyncio.create_task(settle_when_decided(processors, request, ApprovalState.REVOKED))

    ran = await countersign(api, tmp_path, DANA, "revoke", request.approval, "--comment", "wrong table")

    assert ran.status == 0, ran.err
    assert "revoked by dana" in ran.out
    await settling


async def test_a_refusal_is_on_stderr_with_status_1(api: Api, processors: Bus, tmp_path: Path) -> None:
    request = await ask(processors, api)

    own = await countersign(api, tmp_path, AGENT, "approve", request.approval)
    unknown = await countersign(api, tmp_path, DANA, "show", "ffffffff")
    nobody = await run_command(
        tmp_path, "approvals", "list", COUNTERSIGN_URL=api.url, COUNTERSIGN_TOKEN="nobody:nothing"
    )

    assert (own.status, own.out) == (1, "")
    assert "yourself" in own.err
    assert (unknown.status, unknown.out) == (1, "")
    assert (nobody.status, nobody.out) == (1, "")
    assert "not accepted" in nobody.err
    assert "nothing" not in nobody.err


async def test_wrong_usage_has_status_2(api: Api, tmp_path: Path) -> None:
    no_token = await run_command(tmp_path, "approvals", "list", COUNTERSIGN_URL=api.url)
    nowhere = await run_command(tmp_path, "approvals", "list", COUNTERSIGN_TOKEN=DANA.token)
    not_a_url = await run_command(
        tmp_path, "approvals", "list", COUNTERSIGN_URL="gateway", COUNTERSIGN_TOKEN=DANA.token
    )
    no_comment = await countersign(api, tmp_path, DANA, "reject", "3f9a01bc")

    assert [ran.status for ran in (no_token, nowhere, not_a_url, no_comment)] == [2, 2, 2, 2]
    assert "COUNTERSIGN_TOKEN" in no_token.err
    assert "COUNTERSIGN_URL" in nowhere.err
    assert "COUNTERSIGN_URL" in not_a_url.err


async def test_a_gateway_that_is_not_there_has_status_3(tmp_path: Path) -> None:
    for command in ("list", "watch"):
        ran = await run_command(
            tmp_path,
            "approvals",
            command,
            COUNTERSIGN_URL=f"http://127.0.0.1:{free_port()}",
            COUNTERSIGN_TOKEN=DANA.token,
        )
        assert ran.status == 3
        assert "cannot be reached" in ran.err
        assert "Traceback" not in ran.err


async def test_the_configuration_says_where_the_gateway_is(api: Api, tmp_path: Path) -> None:
    ran = await run_command(
        tmp_path, "approvals", "list", "--config", str(api.config), COUNTERSIGN_TOKEN=DANA.token
    )

    assert ran.status == 0, ran.err


async def test_watch_prints_what_happens_live(api: Api, processors: Bus, tmp_path: Path) -> None:
    watching = await start_command(
        tmp_path, "approvals", "watch", COUNTERSIGN_URL=api.url, COUNTERSIGN_TOKEN=DANA.token
    )
    try:
        request = await ask(processors, api)
        asked = await line_about(watching, request)
        await processors.publish_durably(settled(request))
        ended = await line_about(watching, request)
        assert "requested" in asked
        assert "left" in asked
        assert "settled" in ended
        assert "approved by dana" in ended
    finally:
        watching.terminate()
        await watching.wait()


async def line_about(watching: asyncio.subprocess.Process, request: ApprovalRequested) -> str:
    """The next line that this command prints about the request."""
    assert watching.stdout is not None
    async with asyncio.timeout(30):
        while line := (await watching.stdout.readline()).decode():
            if request.approval[:8] in line:
                return line
    raise AssertionError("the command ended")
