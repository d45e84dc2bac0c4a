"""The reviewer's page in a real browser, before the api role and a real Kafka."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from support.api_role import Api
from support.browser import barriers, running_browser, sign_in, tab
from support.builders import AUDREY, DANA, Someone
from support.reviews import DANA as DANA_PRINCIPAL
from support.reviews import ERIN as ERIN_PRINCIPAL
from support.reviews import decided, requested, settled
from support.wait import eventually

from infra.kafka.address import KafkaAddress
from infra.kafka.bus import Bus, Received
from infra.kafka.embedded import EmbeddedKafka
from infra.keys import keyring, signer
from schemas.events import ApprovalRequested, ReviewDecided
from schemas.topics import APPROVALS
from schemas.vocabulary import (
    Answer,
    ApprovalState,
    ChangedRows,
    Facts,
    Intent,
    Lock,
    Outcome,
    RanStatement,
    Role,
    SampledRow,
    Transaction,
)

_EVIL = "delete from orders\n where note = '\u202e; -- <script>alert(1)</script> \x1b[2J'\n   and id = $1"


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as running:
        yield running


async def ask(processors: Bus, api: Api, **more: Any) -> ApprovalRequested:
    request = requested(datetime.now(UTC), **more)
    await processors.publish_durably(request)
    async with api.client(AUDREY) as auditor:

        async def is_seen() -> bool:
            return (await auditor.get(f"/api/approvals/{request.approval}")).is_success

        await eventually(is_seen)
    return request


async def settle_when_decided(
    processors: Bus, request: ApprovalRequested, state: ApprovalState
) -> ReviewDecided:
    subscription = await processors.consume_since(APPROVALS, request.envelope.time)
    try:
        async for batch in subscription.batches(wait=0.1):
            for received in batch:
                assert isinstance(received, Received)
                event = received.event
                if isinstance(event, ReviewDecided) and event.approval == request.approval:
                    end = settled(request, state, decided_by=(event.reviewer.name,), comment=event.comment)
                    await processors.publish_durably(end)
                    return event
    finally:
        await subscription.close()
    raise AssertionError("a subscription ended")


async def test_a_request_appears_live_is_opened_and_approved(
    browser: Browser, api: Api, processors: Bus
) -> None:
    async with tab(browser, api.url) as page:
        await sign_in(page, DANA)
        await expect(page.locator(".line")).to_have_text("live")
        request = await ask(processors, api, text="delete from orders where id = 4711")
        row = page.locator(f'a[href="/approvals/{request.approval}"]')
        await expect(row).to_contain_text("delete from orders where id = 4711")

        await row.click()
        await expect(page.locator("pre.command")).to_have_text("delete from orders where id = 4711")
        for fact in (
            "changes data",
            "public.orders",
            "changes need a DBA",
            "127.0.0.1:53122",
            request.digest,
        ):
            await expect(page.locator("main")).to_contain_text(fact)
        await expect(page.locator(".heading .left")).to_have_text(re.compile(r"^9m \d+s left$"))
        settling = asyncio.create_task(settle_when_decided(processors, request, ApprovalState.APPROVED))
        await page.get_by_label("Comment").fill("OPS-12, fine")
        await page.get_by_role("button", name="Approve").click()

        await expect(page.locator(".outcome")).to_have_text("approved")
        await expect(page.locator("main")).to_contain_text("OPS-12, fine")
        decision = await settling
        assert decision.reviewer == DANA_PRINCIPAL
        assert decision.comment == "OPS-12, fine"

        await page.get_by_role("link", name="History").click()
        await expect(page.locator(f'a[href="/approvals/{request.approval}"]')).to_be_visible()


async def test_what_was_approved_is_revoked(browser: Browser, api: Api, processors: Bus) -> None:
    request = await ask(processors, api, unmask=("public.customers.email",))
    await processors.publish_durably(settled(request))
    async with tab(browser, api.url) as page:
        await sign_in(page, DANA, f"/approvals/{request.approval}")
        await expect(page.locator(".outcome")).to_have_text("approved")
        await expect(page.locator("main")).to_contain_text("It asks to see masked values as they are")
        await expect(page.locator(".notice")).to_contain_text("public.customers.email")
        settling = asyncio.create_task(settle_when_decided(processors, request, ApprovalState.REVOKED))
        await page.get_by_label("Comment").fill("wrong table")
        await page.get_by_role("button", name="Revoke").click()

        await expect(page.locator(".outcome")).to_have_text("revoked")
        await expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
        decision = await settling
        assert (decision.reviewer, decision.comment) == (DANA_PRINCIPAL, "wrong table")


async def test_a_rejection_needs_a_comment_and_keeps_what_was_typed(
    browser: Browser, api: Api, processors: Bus
) -> None:
    request = await ask(processors, api)
    async with tab(browser, api.url) as page:
        await sign_in(page, DANA, f"/approvals/{request.approval}")
        await expect(page).to_have_url(f"{api.url}/approvals/{request.approval}")

        await page.get_by_role("button", name="Reject").click()
        assert await page.get_by_label("Comment").evaluate("field => !field.validity.valid")

        settling = asyncio.create_task(settle_when_decided(processors, request, ApprovalState.REJECTED))
        await page.get_by_label("Comment").fill("Use staging.")
        await page.get_by_role("button", name="Reject").click()
        await expect(page.locator(".outcome")).to_have_text("rejected")
        await settling


@pytest.mark.parametrize(
    ("state", "revocable"),
    [(ApprovalState.TIMED_OUT, 0), (ApprovalState.APPROVED, 1)],
    ids=str,
)
async def test_the_page_of_a_request_follows_what_others_decide(
    browser: Browser,
    api: Api,
    processors: Bus,
    kafka: EmbeddedKafka,
    state: ApprovalState,
    revocable: int,
) -> None:
    request = await ask(processors, api, approvals=2)
    bus = Bus(KafkaAddress(kafka.bootstrap), signer(api.state, Role.API), keyring(api.state))
    await bus.start()
    async with tab(browser, api.url) as page:
        await sign_in(page, DANA, f"/approvals/{request.approval}")
        await expect(page.locator(".line")).to_have_text("live")
        await page.get_by_label("Comment").fill("half a sentence")

        await bus.publish_durably(decided(request, ERIN_PRINCIPAL, comment="looks right"))
        await expect(page.locator(".decision")).to_contain_text("looks right")
        await expect(page.get_by_label("Comment")).to_have_value("half a sentence")

        await processors.publish_durably(settled(request, state, decided_by=()))
        await expect(page.locator(".outcome")).to_have_text(state.value.replace("_", " "))
        await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        await expect(page.get_by_role("button", name="Revoke")).to_have_count(revocable)
    await bus.stop()


async def test_the_exact_command_is_shown_whole_and_harmless(
    browser: Browser, api: Api, processors: Bus
) -> None:
    text = _EVIL + "\n-- " + "long " * 3000 + "end"
    facts = Facts(intents=(Intent.WRITE, Intent.UNKNOWN), unproven=("<b>why</b> not",))
    request = await ask(processors, api, text=text, facts=facts, parameters=("7", None))
    async with tab(browser, api.url) as page:
        await sign_in(page, DANA, f"/approvals/{request.approval}")

        shown = await page.locator("pre.command").inner_text()

        assert shown == text.replace("\u202e", "U+202E").replace("\x1b", "U+001B")
        await expect(page.locator("pre.command .odd").first).to_have_attribute(
            "title", "RIGHT-TO-LEFT OVERRIDE"
        )
        await expect(page.locator("main")).to_contain_text("<b>why</b> not")
        await expect(page.locator("main")).to_contain_text("does something that cannot be proven")
        await expect(page.locator("main")).to_contain_text("NULL")


async def test_without_a_script_the_essential_works(browser: Browser, api: Api, processors: Bus) -> None:
    request = await ask(processors, api)
    async with tab(browser, api.url, scripts=False) as page:
        await sign_in(page, DANA)
        await page.locator(f'a[href="/approvals/{request.approval}"]').click()
        await page.get_by_role("button", name="Reject").click()
        await expect(page.get_by_role("alert")).to_contain_text("A rejection needs a comment.")

        settling = asyncio.create_task(settle_when_decided(processors, request, ApprovalState.REJECTED))
        await page.get_by_label("Comment").fill("Use staging.")
        await page.get_by_role("button", name="Reject").click()
        await expect(page.locator(".outcome")).to_have_text("rejected")
        await settling
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        await page.goto("/")
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_requester_sees_why_they_cannot_decide(browser: Browser, api: Api, processors: Bus) -> None:
    request = await ask(processors, api, principal=DANA_PRINCIPAL)
    async with tab(browser, api.url) as page:
        await sign_in(page, DANA, f"/approvals/{request.approval}")

        await expect(page.locator("main")).to_contain_text("somebody else must decide")
        await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


async def test_it_can_be_used_with_the_keyboard_alone(browser: Browser, api: Api, processors: Bus) -> None:
    request = await ask(processors, api)
    settling = asyncio.create_task(settle_when_decided(processors, request, ApprovalState.APPROVED))
    async with tab(browser, api.url) as page:
        await page.goto(f"/approvals/{request.approval}")
        await page.keyboard.type(DANA.name)
        await page.keyboard.press("Tab")
        await page.keyboard.type(DANA.token)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Approve")).to_be_visible()
        for _ in range(30):
            await page.keyboard.press("Tab")
            focused = await page.evaluate("document.activeElement.textContent")
            if focused == "Approve":
                break
        await page.keyboard.press("Enter")

        await expect(page.locator(".outcome")).to_have_text("approved")
    await settling


# What a browser would not do, over plain HTTP.


@asynccontextmanager
async def signed_in(api: Api, someone: Someone) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=api.url, timeout=30) as client:
        await client.post("/sign-in", data={"name": someone.name, "token": someone.token})
        yield client


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.url) as client:
        answer = await client.post("/sign-in", data={"name": DANA.name, "token": DANA.token})

    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert DANA.token not in cookie
    assert DANA.token not in answer.headers["location"]


@pytest.mark.parametrize(
    "forged",
    [
        {"form_token": ""},
        {"form_token": "0" * 64},
        {},
    ],
)
async def test_a_decision_without_the_sessions_form_token_is_refused(
    api: Api, processors: Bus, forged: dict[str, str]
) -> None:
    request = await ask(processors, api)
    async with signed_in(api, DANA) as client:
        answer = await client.post(
            f"/approvals/{request.approval}",
            data={"answer": "approve", "digest": request.digest, **forged},
        )
        shown = await client.get(f"/api/approvals/{request.approval}")

    assert answer.status_code == 403
    assert shown.json()["decisions"] == []


async def test_another_site_cannot_post(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)
    async with signed_in(api, DANA) as client:
        page = (await client.get(f"/approvals/{request.approval}")).text
        [form_token, *_] = re.findall(r'name="form_token" value="([0-9a-f]{64})"', page)
        answer = await client.post(
            f"/approvals/{request.approval}",
            data={"answer": "approve", "digest": request.digest, "form_token": form_token},
            headers={"Origin": "https://evil.example"},
        )

    assert answer.status_code == 403


async def test_the_cookie_alone_decides_nothing_in_the_api(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)
    async with signed_in(api, DANA) as client:
        answer = await client.post(f"/api/approvals/{request.approval}/approve", json={})

    assert answer.status_code == 401


async def test_a_command_that_changed_under_the_reviewer_is_not_approved(api: Api, processors: Bus) -> None:
    request = await ask(processors, api)
    async with signed_in(api, DANA) as client:
        page = (await client.get(f"/approvals/{request.approval}")).text
        [form_token, *_] = re.findall(r'name="form_token" value="([0-9a-f]{64})"', page)
        answer = await client.post(
            f"/approvals/{request.approval}",
            data={"answer": "approve", "digest": "0" * 64, "form_token": form_token},
        )

    assert answer.status_code == 409
    assert "not what you were shown" in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/history", "/sessions", "/approvals/3f9a01bc", "/static/countersign.js", "/none"]
)
async def test_every_answer_carries_the_security_headers(api: Api, path: str) -> None:
    async with httpx.AsyncClient(base_url=api.url) as client:
        answer = await client.get(path)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.url) as client:
        answer = await client.get("/approvals/3f9a01bc")
        wrong = await client.post("/sign-in", data={"name": "dana", "token": "guess"})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/approvals/3f9a01bc"
    assert wrong.status_code == 401
    assert "guess" not in wrong.text


async def test_a_pause_is_lifted_by_keyboard(
    browser: Browser, api: Api, processors: Bus, kafka: EmbeddedKafka
) -> None:
    request = await ask(processors, api, rule="tiresome", text="select 'tiresome'")
    other = await ask(processors, api, text="select 'of a rule that pauses nobody'")
    for one in (request, other):
        await processors.publish_durably(settled(one, ApprovalState.REJECTED, comment="no"))
    subscription = await processors.consume_since(APPROVALS, request.envelope.time)
    async with tab(browser, api.url) as page:
        await sign_in(page, DANA, f"/approvals/{other.approval}")
        await expect(page.locator(".outcome")).to_have_text("rejected")
        await expect(page.get_by_role("button", name="Lift the pause")).to_have_count(0)
        await page.goto(f"{api.url}/approvals/{request.approval}")
        await page.get_by_label("Lift a pause").focus()
        await page.keyboard.type("the prompt is fixed")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("agent-7 is heard again")
        await expect(page.locator("main")).to_contain_text("rule “tiresome”")
        await expect(page.locator("main")).not_to_contain_text("changes need a DBA")
        assert await barriers(page) == []
        forged = await page.request.post(
            f"{api.url}/agents/agent-7/resume", form={"reason": "x", "form_token": "guess"}
        )
        assert forged.status == 403
    async for batch in subscription.batches(wait=0.1):
        said = [one.event for one in batch if isinstance(one, Received)]
        resumed = [one for one in said if isinstance(one, ReviewDecided) and one.answer is Answer.RESUME]
        if resumed:
            assert [(one.approval, one.comment) for one in resumed] == [
                (request.approval, "the prompt is fixed")
            ]
            break
    await subscription.close()


async def test_a_commit_shows_what_it_makes_last(browser: Browser, api: Api, processors: Bus) -> None:
    delete = requested()
    ran = RanStatement(
        command=delete.envelope.command,
        digest=delete.digest,
        text=_EVIL,
        parameters=("7", None),
        facts=delete.facts,
        context=(),
        reason="",
        ticket="",
        rows=3,
        outcome=Outcome.SUCCEEDED,
        at_commit=True,
    )
    locks = (Lock("public.orders", "RowExclusiveLock"),)
    rows = (
        SampledRow(("7", "j***@example.com"), ("7", None)),
        SampledRow((), ("8", "<b>x</b>")),
        SampledRow(("9", ""), ()),
    )
    changed = (
        ChangedRows("public.orders", 1, 1, 1, ("id", "mail"), rows),
        ChangedRows("public.notes", 0, 1, 0, not_sampled="it has no primary key"),
    )
    transaction = Transaction(datetime.now(UTC), (ran,), locks, changed)
    facts = Facts((Intent.SESSION,), ("commit",))
    request = await ask(processors, api, text="commit", facts=facts, transaction=transaction)
    async with tab(browser, api.url) as page:
        await sign_in(page, DANA)
        await page.goto(f"{api.url}/approvals/{request.approval}")
        what = page.locator(".what")
        await expect(what).to_contain_text("makes 1 statement last that ran; 3 rows changed under the rule")
        await expect(what).to_contain_text("deletes from public.orders")
        await expect(what.get_by_label("Statement 1")).to_contain_text("<script>alert(1)</script>")
        await expect(what).to_contain_text("3 rows, succeeded, by this review; parameters 7, NULL")
        await expect(what).to_contain_text("public.orders (RowExclusiveLock)")
        cells = await what.locator("table tr").all_inner_texts()
        assert [re.split(r"\s+", line.strip()) for line in cells] == [
            ["id", "mail"],
            ["before", "7", "j***@example.com"],
            ["after", "7", "NULL"],
            ["new", "8", "<b>x</b>"],
            ["deleted", "9"],
        ]
        await expect(what).to_contain_text("no rows to see: it has no primary key")
        assert await barriers(page) == []
