"""Grants at the page: given along with an approval, used without a review, revoked."""

import re

import httpx
import pytest
from playwright.async_api import Browser, expect
from support.browser import barriers, sign_in, tab
from support.builders import DANA
from support.gateway import Gateway
from support.postgres import Postgres
from support.psql import running_psql
from support.wait import eventually

_SLOW = "update orders set note = '{}' where id = {} and pg_sleep({}) is not null;\n"


async def test_what_is_like_it_runs_until_the_grant_is_revoked(
    gateway: Gateway, browser: Browser, postgres: Postgres
) -> None:
    async with (
        running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql,
        tab(browser, gateway.api_url) as page,
    ):
        await psql.send(_SLOW.format("granted", 31, 0))
        first = (await psql.said(r"approval (\S+), http"))[1]
        await sign_in(page, DANA, f"/approvals/{first}")
        await expect(page.locator(".grant")).to_contain_text("update orders set note")
        await expect(page.get_by_label("reading in this session")).to_have_count(0)  # it changes rows
        await page.get_by_label("this and what is like it").check()
        await page.get_by_label("Minutes").fill("5")
        assert await barriers(page) == []
        await page.get_by_role("button", name="Approve").click()
        await expect(page.locator(".outcome")).to_have_text("approved")
        await psql.said("UPDATE 1")

        await page.get_by_role("link", name="commands like it").click()
        await expect(page.locator(".grant-active").first).to_be_visible()
        await psql.send(_SLOW.format("again", 32, 0) + "select 'ran', note from orders where id = 32;\n")
        await psql.said(r"ran\|again")
        await psql.send(_SLOW.format("never", 33, 600))
        running = (
            "select count(*) from pg_stat_activity where state = 'active'"
            " and query like '%never%600%' and pid != pg_backend_pid()"
        )
        await eventually(lambda: postgres.execute(running) == "1", what="the command under the grant")

        await page.goto("/grants")
        assert await barriers(page) == []
        own = page.locator("section.rule").filter(has=page.locator(f'a[href="/approvals/{first}"]'))
        await own.get_by_label("Reason").fill("enough")
        await own.get_by_role("button", name="Revoke").click()
        await expect(own).to_contain_text("by dana: “enough”")
        await psql.said(r'stopped: dana revoked grant \S+: "enough"')
        assert postgres.execute(running) == "0"
        await psql.send(_SLOW.format("never", 34, 0))
        await psql.said(rf"approval (?!{first})(\S+), http")


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"grant": "pattern", "minutes": "x"}, 422),
        ({"grant": "pattern", "minutes": "5", "uses": "0"}, 422),
        ({"grant": "window", "minutes": "5"}, 422),
        ({"grant": "pattern", "minutes": "600"}, 403),  # longer than the rule permits
        ({"grant": "session", "minutes": "5"}, 403),  # of what does more than read
    ],
)
async def test_a_grant_that_cannot_be_is_said_and_nothing_is_decided(
    gateway: Gateway, wanted: dict[str, str], status: int
) -> None:
    async with (
        running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql,
        httpx.AsyncClient(base_url=gateway.api_url, timeout=30) as client,
    ):
        await psql.send("delete from orders where id = 34;\n")
        approval = (await psql.said(r"approval (\S+), http"))[1]
        await client.post("/sign-in", data={"name": DANA.name, "token": DANA.token})

        async def fields() -> dict[str, str] | None:
            page = (await client.get(f"/approvals/{approval}")).text
            found = dict(re.findall(r'name="(form_token|digest)" value="([0-9a-f]{64})"', page))
            return found if len(found) == 2 else None

        form = await eventually(fields)
        answer = await client.post(f"/approvals/{approval}", data={"answer": "approve", **form, **wanted})
        assert answer.status_code == status
        assert "waits for a decision" in (await client.get(f"/approvals/{approval}")).text
        psql.interrupt()
