"""A reviewer at the page and psql behind the gateway: what is decided is what happens."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, expect
from support.browser import barriers, sign_in, tab
from support.builders import AGENT, AUDREY, DANA
from support.command_line import run_command
from support.deciding import decide
from support.gateway import Gateway
from support.psql import Psql, running_psql
from support.wait import eventually

_WHY = "/* reason: the customer ordered twice, ticket: OPS-12 */ "


@asynccontextmanager
async def held(gateway: Gateway, sql: str) -> AsyncIterator[tuple[Psql, str]]:
    """A psql whose statement waits, and the approval that it waits for."""
    async with running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql:
        await psql.send(sql + ";\n")
        found = await psql.said(r"approval (\S+), http")
        yield psql, found[1]


async def test_a_held_statement_is_approved_with_the_keyboard_alone_and_runs(
    gateway: Gateway, browser: Browser
) -> None:
    async with (
        held(gateway, _WHY + "update orders set note = 'seen' where id = 11") as (psql, approval),
        tab(browser, gateway.api_url) as page,
    ):
        await page.goto("/")
        await page.keyboard.type(DANA.name)
        await page.keyboard.press("Tab")
        await page.keyboard.type(DANA.token)
        await page.keyboard.press("Enter")
        row = page.locator(f"#row-{approval}")
        await expect(row).to_contain_text("the customer ordered twice")
        await focus_by_j(page, f"/approvals/{approval}")
        await page.keyboard.press("Enter")

        await expect(page.locator("pre.command .t-w")).to_have_text("update")
        await expect(page.locator(".what")).to_contain_text("OPS-12")
        await page.keyboard.press("c")
        await page.keyboard.type("OPS-12, fine")
        await page.keyboard.press("Tab")
        await expect(page.get_by_label("this once")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="Approve")).to_be_focused()
        await page.keyboard.press("Enter")

        await expect(page.locator(".outcome")).to_have_text("approved")
        await psql.said(r'approved by dana: "OPS-12, fine"')
        await psql.said(r"UPDATE 1")
        await psql.send("select note from orders where id = 11;\n")
        done = await psql.finish()
    assert done.stdout.splitlines()[-1] == "seen"


async def test_why_is_said_on_the_command_line(gateway: Gateway) -> None:
    said = ("--reason", r"the customer's\order, twice", "--ticket", "OPS-12")
    psql = ("psql", "-Atc", "update orders set note = 'said' where id = 18")
    running = asyncio.create_task(
        run_command(
            gateway.folder,
            *("connect", "orders", *said, "--", *psql),
            COUNTERSIGN_URL=gateway.api_url,
            COUNTERSIGN_TOKEN=f"{AGENT.name}:{AGENT.token}",
            PGOPTIONS="-c statement_timeout=60000",
        )
    )

    async def waiting() -> dict[str, str] | None:
        async with gateway.api(DANA) as client:
            found = (await client.get("/api/approvals")).json()
        return next((one for one in found if "id = 18" in one["command"]), None)

    asked = await eventually(waiting, what="the request")
    assert (asked["reason"], asked["ticket"]) == (r"the customer's\order, twice", "OPS-12")
    await decide(gateway, DANA, asked["id"], "approve", "fine")
    done = await running
    assert (done.status, done.out) == (0, "UPDATE 1\n"), done.err


async def test_a_rejection_and_its_comment_reach_psql(gateway: Gateway, browser: Browser) -> None:
    async with (
        held(gateway, "delete from orders") as (psql, approval),
        tab(browser, gateway.api_url) as page,
    ):
        await sign_in(page, DANA, f"/approvals/{approval}")
        await expect(page.locator(".sentences .heavy").first).to_contain_text("without a WHERE")
        await expect(page.locator(".undo.heavy")).to_contain_text("Only from a backup")
        await page.get_by_label("Comment").fill("not all of them")
        await page.get_by_role("button", name="Reject").click()
        await expect(page.locator(".outcome")).to_have_text("rejected")
        await psql.said("not all of them")


async def test_the_page_says_what_was_before_and_how_the_like_ended(
    gateway: Gateway, browser: Browser
) -> None:
    async with (
        running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql,
        tab(browser, gateway.api_url) as page,
    ):
        await psql.send("select count(*) from orders;\nupdate orders set note = 'a' where id = 12;\n")
        first = (await psql.said(r"approval (\S+), http"))[1]
        await sign_in(page, DANA, f"/approvals/{first}")
        await page.get_by_label("Comment").fill("first of two")
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator(".outcome")).to_have_text("approved")
        await psql.said("UPDATE 1")
        await psql.send("update orders set note = 'b' where id = 13;\n")
        second = (await psql.said(rf"approval (?!{first})(\S+), http"))[1]
        await page.goto(f"/approvals/{second}")

        async def is_known() -> bool:  # the audit log is a moment behind
            await page.reload()
            return await page.get_by_text("first of two").count() > 0

        await eventually(is_known, what="the similar request")
        await expect(page.locator("section:has(> #before)")).to_contain_text("select count(*) from orders")
        await expect(page.locator(".lines.similar")).to_contain_text("approved by dana")
        await page.get_by_role("link", name="approved by dana").first.click()
        await expect(page.locator("pre.command")).to_contain_text("id = 12")


async def test_rows_come_and_go_while_one_looks(gateway: Gateway, browser: Browser) -> None:
    async with tab(browser, gateway.api_url) as page:
        await sign_in(page, DANA)
        await expect(page.locator(".line")).to_have_text("live")
        count = page.locator('[data-count="mine"]')
        before = int(await count.inner_text())
        async with held(gateway, "update orders set note = 'never' where id = 14") as (psql, approval):
            await expect(page.locator(f"#row-{approval}")).to_contain_text("id = 14")
            await expect(count).to_have_text(str(before + 1))
            await expect(page.locator(".news")).to_have_text("New request: agent-7 → orders")
            await expect(page).to_have_title(re.compile(rf"^\({before + 1}\) Waiting"))
            psql.interrupt()
            await expect(page.locator(f"#row-{approval}")).to_have_count(0)
            await expect(count).to_have_text(str(before))


async def test_identical_requests_of_one_agent_are_one_row_and_one_answer(
    gateway: Gateway, browser: Browser
) -> None:
    sql = "update orders set note = 'again and again' where id = 17"
    async with (
        held(gateway, sql) as (first, approval),
        held(gateway, sql) as (second, other),
        tab(browser, gateway.api_url) as page,
    ):
        await sign_in(page, DANA)
        await expect(page.locator(".line")).to_have_text("live")
        row = page.locator(f"#row-{approval}")
        await expect(row).to_contain_text("2 times")
        async with held(gateway, sql) as (third, late):
            await expect(row).to_contain_text("3 times")
            for one in (other, late):
                await expect(page.locator(f"#row-{one}")).to_have_count(0)
            await page.goto(f"/approvals/{approval}")
            await expect(page.get_by_label("the 2 identical requests that wait, too")).not_to_be_checked()
            third.interrupt()
            await page.get_by_label("the identical request that waits, too").check()
        assert await barriers(page) == []
        # The answer is for those that were shown: not for one that comes after the box was checked.
        async with held(gateway, sql) as (_, unseen):
            await page.get_by_label("Comment").fill("once is enough")
            await page.get_by_role("button", name="Reject").click()
            await expect(page.locator(".outcome")).to_have_text("rejected")
            for psql in (first, second):
                await psql.said("once is enough")
            async with gateway.api(DANA) as api:
                shown = [(await api.get(f"/api/approvals/{one}")).json() for one in (approval, other, unseen)]
    assert [one["state"] for one in shown] == ["rejected", "rejected", "pending"]


async def test_what_was_settled_is_there_long_after(gateway: Gateway, browser: Browser) -> None:
    async with held(gateway, "update orders set note = 'never' where id = 15") as (psql, approval):
        psql.interrupt()
        await psql.said("cancel")
    async with tab(browser, gateway.api_url) as page:
        await sign_in(page, AUDREY, "/history?before=9999999999999999")

        async def is_there() -> bool:  # from the audit log, not from the queue's memory
            await page.reload()
            return await page.locator(f"#row-{approval}").count() == 1

        await eventually(is_there, what="the request in the audit log")
        await expect(page.locator(f"#row-{approval}")).to_contain_text("withdrawn")


async def test_sensitive_literals_are_shown_to_whom_the_resource_says(
    gateway: Gateway, browser: Browser
) -> None:
    secret = "new-address@example.com"
    async with (
        held(gateway, f"update customers set email = '{secret}' where id = 9") as (psql, approval),
        tab(browser, gateway.api_url) as page,
    ):
        await sign_in(page, DANA, f"/approvals/{approval}")
        await expect(page.locator("pre.command")).to_contain_text("‹sealed›")
        assert secret not in await page.content()
        await page.get_by_role("button", name="Show its sensitive literals").click()
        await expect(page.locator("pre.command")).to_contain_text(secret)
        await page.get_by_role("link", name="without them").click()
        await expect(page.locator("pre.command")).to_contain_text("‹sealed›")
        for someone, status in ((DANA, 200), (AUDREY, 403), (AGENT, 403)):
            async with gateway.api(someone) as client:
                answer = await client.post(f"/api/approvals/{approval}/original")
            assert answer.status_code == status
        psql.interrupt()
    assert "sealed_command_shown" in gateway.logs()
    assert secret not in gateway.logs(1000)


async def focus_by_j(page: Page, path: str) -> None:
    """Presses j until the link there has the focus."""
    for _ in range(200):
        await page.keyboard.press("j")
        if await page.evaluate("document.activeElement.getAttribute('href')") == path:
            return
    raise AssertionError(f"no row of the list leads to {path}")
