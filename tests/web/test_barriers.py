"""Every page, in every state that looks different: no barriers, light and dark, wide and on a phone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect
from support.browser import barriers, sign_in, tab
from support.builders import AUDREY, DANA, Someone
from support.deciding import decide
from support.gateway import Gateway
from support.psql import running_psql
from support.wait import eventually

_ASKED = """\
select id, email from customers order by id limit 2;
/* reason: the customer ordered twice, ticket: OPS-12 */ delete from orders where id = 16;
"""
_LONG = f"/* reason: {'because ' * 60} */ delete from orders where note = '{'x' * 300}' or true;\n"


# What axe sees of colours and sizes; the rest of a page is the same however it looks.
_OF_LOOKS = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
_LOOKS: tuple[tuple[Literal["light", "dark"], int, tuple[str, ...]], ...] = (
    ("light", 1280, ()),
    ("dark", 390, _OF_LOOKS),
)


@dataclass(frozen=True, slots=True)
class World:
    """What the pages are about."""

    waiting: str
    settled: str
    session: str
    proposal: str

    def pages(self) -> dict[Someone, tuple[str, ...]]:
        """Those of each person."""
        return {
            DANA: (
                "/",
                f"/approvals/{self.waiting}",
                f"/approvals/{self.settled}",
                "/approvals/ffffffff",
                "/history",
                "/history?before=1",
                "/grants",
                "/grants?state=all",
                "/sessions",
                "/sessions?state=lost",
                f"/sessions/{self.session}",
                "/rules",
                f"/rules/{self.proposal}",
                "/gateway",
                f"/sign-in/terminal?challenge={'a' * 43}",
            ),
            AUDREY: (
                "/audit",
                "/audit?text=nobody+ever+asked+for+this",
                f"/sessions/{self.session}",
                f"/sessions/{self.session}/replay",
                f"/rules/{self.proposal}",
            ),
        }


@asynccontextmanager
async def world(gateway: Gateway) -> AsyncIterator[World]:
    """One request that is settled and a long one that waits, their session, and proposed rules."""
    async with (
        running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql,
        gateway.api(DANA) as dana,
        gateway.api(AUDREY) as audrey,
    ):
        await psql.send(_ASKED)
        settled = (await psql.said(r"approval (\S+), http"))[1]
        await decide(gateway, DANA, settled, "reject", "not this one")
        await psql.send(_LONG)
        waiting = (await psql.said(rf"approval (?!{settled})(\S+), http"))[1]
        session = (await dana.get(f"/api/approvals/{settled}")).json()["session"]

        async def is_recorded() -> bool:
            return (await audrey.get(f"/api/sessions/{session}/recording")).is_success

        await eventually(is_recorded, seconds=60, what="the recording")
        rules = (await dana.get("/api/policies")).json()["text"]
        rules += "- {name: more, when: {resources: [plain], statements: [delete]}, verdict: deny}\n"
        proposed = (await dana.post("/api/policies/proposals", json={"text": rules})).json()
        yield World(waiting, settled, session, proposed["id"])
        path = f"/api/policies/proposals/{proposed['id']}/reject"
        await dana.post(path, json={"digest": proposed["digest"], "comment": "it was to be looked at"})
        psql.interrupt()


async def seen(page: Page) -> list[str]:
    """What axe-core finds on the page (WCAG 2.2 AA), and where one has to scroll sideways."""
    found: list[str] = []
    for scheme, width, rules in _LOOKS:
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": 900})
        found += [f"{scheme}: {barrier}" for barrier in await barriers(page, rules)]
        if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"it scrolls sideways at {width}")
    return found


@pytest.mark.timeout(600)
async def test_no_page_has_barriers(gateway: Gateway, browser: Browser) -> None:
    found: dict[str, list[str]] = {}
    async with world(gateway) as made:
        for someone, paths in made.pages().items():
            async with tab(browser, gateway.api_url) as page:
                await page.goto("/")
                found["the sign-in"] = await seen(page)
                await page.get_by_label("Name").fill(someone.name)
                await page.get_by_label("Token").fill("a guess")
                await page.get_by_role("button", name="Sign in").click()
                await expect(page.get_by_role("alert")).to_be_visible()
                found["a wrong token"] = await seen(page)
                await sign_in(page, someone)
                for path in paths:
                    await page.goto(path)
                    found[path] = await seen(page)
    assert {where: what for where, what in found.items() if what} == {}
