"""A real browser before the pages: Chromium as apt installs it, tabs that must not fail, and axe-core."""

import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect
from support.builders import Someone
from support.repository import ROOT

_AXE = ROOT / ".tools" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
_PATIENCE = 20_000  # milliseconds: other tests use this machine as well
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    path = shutil.which("chromium")
    assert path is not None, "chromium is not installed: run `make test`, which installs it"
    expect.set_options(timeout=_PATIENCE)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        await running.close()


@asynccontextmanager
async def tab(browser: Browser, url: str, *, scripts: bool = True, **more: Any) -> AsyncIterator[Page]:
    """A tab on this site whose scripts must not fail and that must ask nobody else; `more`: its settings."""
    context = await browser.new_context(base_url=url, java_script_enabled=scripts, **more)
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if "Content Security Policy" in m.text else None)
    page.on("request", lambda r: None if _is_own(r.url, url) else faults.append(r.url))
    yield page
    await context.close()
    assert faults == []


async def sign_in(page: Page, someone: Someone, path: str = "/") -> None:
    await page.goto(path)
    await page.get_by_label("Name").fill(someone.name)
    await page.get_by_label("Token").fill(someone.token)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


async def barriers(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core finds on the page against WCAG 2.2 AA: rule, and where. `rules`: these of axe's alone."""
    assert _AXE.exists(), "axe-core is not there: run `make setup-test`, which brings it"
    # By the debugger, which the page's content policy does not bind.
    await page.evaluate(_AXE.read_text() + "; undefined")
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": _RULES}
    found = await page.evaluate("only => axe.run({runOnly: only, resultTypes: ['violations']})", only)
    return [
        f"{violation['id']}: {node['target']}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def _is_own(asked: str, url: str) -> bool:
    return asked.startswith(url) or re.match(r"(?:data|blob):", asked) is not None
