"""Rules at the page: one person proposes them, another approves, and commands are decided by them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from playwright.async_api import Browser, Page, expect
from support.browser import barriers, sign_in, tab
from support.builders import AGENT, AUDREY, DANA, ERIN
from support.gateway import Gateway
from support.psql import running_psql

_HELD = """\
- name: plain is looked after
  when: {resources: [plain], statements: [delete]}
  verdict: review
  review: {reviewers: [dba], timeout: 60s}
"""


@asynccontextmanager
async def restored(gateway: Gateway) -> AsyncIterator[str]:
    """The rules in force, which are so again afterwards."""
    async with gateway.api(DANA) as dana, gateway.api(ERIN) as erin:
        text = (await dana.get("/api/policies")).json()["text"]
        try:
            yield text
        finally:
            if (await dana.get("/api/policies")).json()["text"] != text:
                await publish(dana, erin, text)


async def publish(author: httpx.AsyncClient, other: httpx.AsyncClient, text: str) -> None:
    """Puts these rules in force."""
    asked = await author.post("/api/policies/proposals", json={"text": text})
    assert asked.status_code == 201, asked.text
    path = f"/api/policies/proposals/{asked.json()['id']}/approve"
    answer = await other.post(path, json={"digest": asked.json()["digest"]})
    assert answer.json()["state"] == "published", answer.text


async def propose(page: Page, text: str, comment: str) -> str:
    """Proposes rules at the page; the path of the proposal."""
    await page.goto("/rules")
    await page.locator("#draft").fill(text)
    await page.get_by_label("Comment").fill(comment)
    await page.get_by_role("button", name="Propose").click()
    await expect(page.locator("h1")).to_contain_text("Rules proposed by")
    return page.url.removeprefix(page.url[: page.url.index("/rules/")])


async def test_two_people_publish_a_rule_and_a_statement_is_then_held(
    gateway: Gateway, browser: Browser
) -> None:
    statement = "delete from orders where id = 61;\n"
    async with (
        restored(gateway) as text,
        running_psql(gateway.conninfo("plain"), gateway.psql_environment, "-At") as psql,
        tab(browser, gateway.api_url) as danas,
        tab(browser, gateway.api_url) as erins,
    ):
        await psql.send(statement)
        await psql.said("DELETE")

        await sign_in(danas, DANA, "/rules")
        assert await barriers(danas) == []
        path = await propose(danas, text + _HELD, "OPS-40: too much was deleted")
        assert await barriers(danas) == []
        await expect(danas.get_by_role("button", name="Approve")).to_have_count(0)
        await expect(danas.locator(".diff .added")).to_have_count(len(_HELD.splitlines()))
        await expect(danas.locator(".diff .removed")).to_have_count(0)

        await sign_in(erins, ERIN, path)
        await erins.get_by_role("button", name="Simulate").click()
        await expect(erins.locator(".simulation")).to_contain_text("allow to review")
        await expect(erins.locator(".simulation")).to_contain_text("plain is looked after")
        assert await barriers(erins) == []
        await erins.get_by_label("Comment").fill("OPS-40, yes")
        await erins.get_by_role("button", name="Approve").click()
        await expect(erins.locator(".outcome")).to_have_text("published")

        await psql.send(statement)
        await psql.said(r'held for review by rule "plain is looked after"')
        await danas.goto("/rules")
        await expect(danas.locator("main")).to_contain_text("proposed by dana, approved by erin")

        # What waits under a rule that is gone waits no longer.
        async with gateway.api(DANA) as dana, gateway.api(ERIN) as erin:
            await publish(dana, erin, text)
        await psql.said("the rules changed while it waited")


async def test_nobody_approves_their_own_rules_and_agents_none(gateway: Gateway) -> None:
    async with (
        restored(gateway) as text,
        gateway.api(DANA) as dana,
        gateway.api(AGENT) as agent,
        gateway.api(AUDREY) as audrey,
    ):
        for client in (agent, audrey):
            refused = await client.post("/api/policies/proposals", json={"text": text + _HELD})
            assert refused.status_code == 403
        asked = (await dana.post("/api/policies/proposals", json={"text": text + _HELD})).json()
        path = f"/api/policies/proposals/{asked['id']}"
        for client, status in ((dana, 403), (agent, 403), (audrey, 403)):
            answer = await client.post(f"{path}/approve", json={"digest": asked["digest"]})
            assert answer.status_code == status
        withdrawn = await dana.post(f"{path}/reject", json={"digest": asked["digest"], "comment": "no"})
        assert withdrawn.json()["state"] == "withdrawn"
        assert (await dana.get("/api/policies")).json()["text"] == text


async def test_a_repeat_changes_nothing_and_a_proposal_for_other_rules_is_outdated(gateway: Gateway) -> None:
    async with restored(gateway) as text, gateway.api(DANA) as dana, gateway.api(ERIN) as erin:
        proposals = "/api/policies/proposals"

        async def propose(rules: str, key: str = "") -> httpx.Response:
            headers = {"Idempotency-Key": key} if key else {}
            return await dana.post(proposals, json={"text": rules}, headers=headers)

        held, other = text + _HELD, text + _HELD.replace("60s", "90s")
        first = (await propose(held, "one")).json()
        assert (await propose(held, "one")).json() == first
        assert (await propose(other, "one")).status_code == 422
        second = (await propose(other)).json()
        assert (await propose(text)).status_code == 409  # it is in force

        wrong = await erin.post(f"{proposals}/{first['id']}/approve", json={"digest": second["digest"]})
        assert wrong.status_code == 409
        said: dict[str, Any] = {"json": {"digest": first["digest"]}, "headers": {"Idempotency-Key": "two"}}
        approved = await erin.post(f"{proposals}/{first['id']}/approve", **said)
        assert approved.json()["state"] == "published"
        assert (await erin.post(f"{proposals}/{first['id']}/approve", **said)).json() == approved.json()
        late = await erin.post(f"{proposals}/{second['id']}/approve", json={"digest": second["digest"]})
        assert (late.status_code, late.json()["state"]) == (409, "outdated")
        assert (await dana.get("/api/policies")).json()["text"] == held

        listed = await dana.get(proposals, params={"limit": "1"})
        assert listed.json()[0]["id"] == second["id"]
        following = (await dana.get(listed.links["next"]["url"])).json()
        assert following[0]["id"] == first["id"]
        one = await dana.get(f"{proposals}/{first['id']}")
        again = await dana.get(f"{proposals}/{first['id']}", headers={"If-None-Match": one.headers["etag"]})
        assert again.status_code == 304
