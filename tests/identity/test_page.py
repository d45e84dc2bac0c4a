"""The web page's single sign-on in a real browser: cookies, redirects and content policy are what counts."""

import shutil

import pytest
from playwright.async_api import async_playwright, expect
from support.gateway import Gateway
from support.keycloak import Keycloak

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]


async def test_a_person_signs_in_goes_where_they_wanted_and_signs_out(
    gateway: Gateway, keycloak: Keycloak
) -> None:
    path = shutil.which("chromium")
    assert path is not None, "chromium is not installed: run `make test`, which installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = await browser.new_page(base_url=gateway.api_url)
        faults: list[str] = []
        page.on("console", lambda m: faults.append(m.text) if "Content Security Policy" in m.text else None)

        await page.goto("/history")
        await page.get_by_role("link", name="Single sign-on").click()
        assert page.url.startswith(keycloak.url)
        await page.get_by_label("Username or email").fill("alice")
        await page.locator("#password").fill("password-of-alice")
        await page.get_by_role("button", name="Sign In").click()

        await page.wait_for_url("**/history", timeout=30_000)
        await expect(page.get_by_text("alice")).to_be_visible()
        (cookie,) = [c for c in await page.context.cookies(gateway.api_url) if c["name"] == "countersign"]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

        await page.get_by_role("button", name="Sign out").click()
        await page.goto("/history")
        await expect(page.get_by_role("link", name="Single sign-on")).to_be_visible()
        assert faults == []
        await browser.close()
