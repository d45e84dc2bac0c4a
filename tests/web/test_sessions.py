"""Sessions at the page: what went through is replayed to whom it may be shown, and one is ended."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from playwright.async_api import Browser, expect
from support.browser import barriers, sign_in, tab
from support.builders import AGENT, AUDREY, DANA, ERIN, Someone
from support.deciding import decide
from support.gateway import Gateway
from support.sshd import Client, Sshd
from support.wait import eventually


async def connected(gateway: Gateway) -> tuple["asyncpg.Connection[Any]", str]:
    """agent-7's session on orders, and its id once the audit log has it."""
    marker = f"web-test-{uuid.uuid4()}"
    connection: asyncpg.Connection[Any] = await asyncpg.connect(
        gateway.conninfo("orders"), server_settings={"application_name": marker}
    )
    await connection.fetch("select id, email from customers order by id limit 2")

    async def known() -> str | None:
        rows = gateway.audit(f"select session from sessions where client_name = '{marker}'")
        return str(rows[0]["session"]) if rows else None

    return connection, await eventually(known, what="the session in the audit log")


async def status(gateway: Gateway, someone: Someone, path: str) -> int:
    async with gateway.api(someone) as client:
        return (await client.get(path)).status_code


async def test_a_recording_is_for_its_own_for_who_decided_in_it_and_for_auditors(gateway: Gateway) -> None:
    connection, session = await connected(gateway)
    path = f"/api/sessions/{session}/recording"

    async def recorded() -> bool:
        return await status(gateway, AUDREY, path) == 200

    await eventually(recorded, what="the recording")
    assert await status(gateway, AGENT, path) == 200
    assert await status(gateway, DANA, path) == 403
    assert await status(gateway, DANA, f"/api/sessions/{session}") == 200

    held = asyncio.create_task(connection.execute("update orders set note = 'x' where id = 21"))

    async def waiting() -> str | None:
        async with gateway.api(DANA) as client:
            found = (await client.get("/api/approvals")).json()
        return next((str(one["id"]) for one in found if one["session"] == session), None)

    await decide(gateway, DANA, await eventually(waiting), "approve", "fine")
    await held

    async def dana_may() -> bool:
        return await status(gateway, DANA, path) == 200

    await eventually(dana_may, what="the decision in the audit log")
    assert await status(gateway, ERIN, path) == 403
    await connection.close()


async def test_a_session_is_ended_and_its_client_is_told_why(gateway: Gateway, browser: Browser) -> None:
    connection, session = await connected(gateway)
    running = asyncio.create_task(connection.execute("select pg_sleep(60)"))
    async with tab(browser, gateway.api_url) as page:
        await sign_in(page, DANA, f"/sessions/{session}")
        await page.get_by_label("Reason").fill("it scans")
        await page.get_by_role("button", name="End the session").click()

        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await running

        async def is_closed() -> bool:
            (row,) = gateway.audit(f"select state from sessions where session = '{session}'")
            return bool(row["state"] == "closed")

        await eventually(is_closed, what="the end of the session in the audit log")
        await page.reload()
        await expect(page.locator(".what")).to_contain_text("dana ended the session: it scans")
    other, _ = await connected(gateway)  # it was this session alone
    await other.close()


@pytest.mark.parametrize(("someone", "answer"), [(AUDREY, 403), (DANA, 422)], ids=["auditor", "no reason"])
async def test_a_session_is_not_ended_by_just_anybody_or_without_a_reason(
    gateway: Gateway, someone: Someone, answer: int
) -> None:
    connection, session = await connected(gateway)
    async with gateway.api(someone) as client:
        reason = "" if someone is DANA else "because"
        done = await client.post(f"/api/sessions/{session}/end", json={"reason": reason})
    assert done.status_code == answer, done.text
    assert await connection.fetchval("select 1") == 1
    await connection.close()


async def test_a_transcript_is_masked_and_an_auditor_finds_it(gateway: Gateway, browser: Browser) -> None:
    connection, session = await connected(gateway)
    mark = uuid.uuid4().hex
    email = await connection.fetchval(f"select email from customers /* {mark} */ order by id limit 1")
    await connection.close()
    async with tab(browser, gateway.api_url) as page:
        await sign_in(page, AUDREY, "/audit")

        async def is_found() -> bool:
            await page.goto(f"/audit?text={mark}")
            return await page.locator("table.found tbody tr").count() == 1

        await eventually(is_found, what="the command in the audit log")
        assert await barriers(page) == []
        await page.goto(f"/sessions/{session}/replay")
        await expect(page.locator(".transcript")).to_contain_text(mark)
        await expect(page.locator("table.answer").first).to_contain_text(email)
        assert await barriers(page) == []
    async with httpx.AsyncClient(base_url=gateway.api_url) as client:
        await client.post("/sign-in", data={"name": DANA.name, "token": DANA.token})
        assert (await client.get("/audit?text=x")).status_code == 403


async def session_of(gateway: Gateway, text: str) -> str:
    """The session of the command that has this in its text, once the audit log has it."""

    async def known() -> str | None:
        rows = gateway.audit(f"select session from commands where position(text, '{text}') > 0")
        return str(rows[0]["session"]) if rows else None

    found = await eventually(known, what="the command in the audit log")
    assert found is not None
    return found


async def test_a_terminal_is_played(gateway: Gateway, browser: Browser, ssh: Client) -> None:
    mark = uuid.uuid4().hex
    async with ssh.running(["ssh", *ssh.options(), "127.0.0.1", f"echo {mark}"]) as running:
        assert mark in (await running.finish()).stdout

    session = await session_of(gateway, mark)
    async with tab(browser, gateway.api_url) as page:
        await sign_in(page, AGENT, f"/sessions/{session}")

        async def is_recorded() -> bool:
            await page.goto(f"/sessions/{session}/replay")
            return await page.locator(".transcript").count() == 1

        await eventually(is_recorded, what="the recording")
        await page.locator(".ap-player").click()
        await expect(page.locator(".ap-player")).to_contain_text(mark)
        await expect(page.locator(".transcript")).to_contain_text(mark)


async def test_files_are_listed_and_downloaded(
    gateway: Gateway, browser: Browser, ssh: Client, tmp_path: Path, sshd: Sshd
) -> None:
    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    where = sshd.files / f"{uuid.uuid4()}.html"
    scp = ["scp", *ssh.options(), str(tmp_path / "page.html"), f"127.0.0.1:{where}"]
    assert (await ssh.run_any(scp)).status == 0

    session = await session_of(gateway, where.name)
    async with tab(browser, gateway.api_url) as page:
        await sign_in(page, AGENT, f"/sessions/{session}")
        link = page.get_by_role("link", name=str(where))

        async def is_listed() -> bool:
            await page.reload()
            return await link.count() == 1

        await eventually(is_listed, what="the file in the recording")
        assert await barriers(page) == []
        async with page.expect_download() as downloading:
            await link.click()
        download = await downloading.value
        assert download.suggested_filename == where.name
        assert (await download.path()).read_text() == "<script>alert(1)</script>"


async def test_the_gateway_says_how_it_is_and_what_is_behind_it(gateway: Gateway, browser: Browser) -> None:
    async with tab(browser, gateway.api_url) as page:
        await sign_in(page, DANA, "/gateway")
        await expect(page.locator("section:has(> #health) .good")).to_have_count(3)
        for role in ("api", "ingress", "processors"):
            await expect(page.get_by_role("cell", name=role, exact=True)).to_be_visible()
        for name in ("orders", "plain", "web-1"):
            await expect(page.locator("section:has(> #resources)")).to_contain_text(f"connect {name}")


async def test_a_draft_of_rules_is_checked_and_changes_nothing(gateway: Gateway, browser: Browser) -> None:
    async with tab(browser, gateway.api_url) as page:
        await sign_in(page, DANA, "/rules")
        rules = await page.locator(".rule").count()
        await page.locator("#draft").fill("policies: [{name: all, when: {}, verdict: alow}]")
        await page.get_by_role("button", name="Check").click()
        await expect(page.get_by_role("alert")).to_contain_text("draft:1: policies[0].verdict")
        await page.locator("#draft").fill("policies: [{name: all of it, when: {}, verdict: allow}]")
        await page.get_by_role("button", name="Check").click()
        await expect(page.locator(".notice.good")).to_contain_text("It is good: 1 rule.")
        assert await barriers(page) == []
        await page.goto("/rules")
        await expect(page.locator(".rule")).to_have_count(rules)
