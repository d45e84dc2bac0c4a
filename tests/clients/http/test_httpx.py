"""httpx, as an agent uses it, through the whole product."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator

import httpx
import psutil
from support.builders import AGENT, DANA
from support.deciding import decide
from support.gateway import Gateway
from support.http_client import OTHER, http_client, pending_approval
from support.wait import eventually
from support.web_api import WebApi

MIB = 1024 * 1024


def sent(web_api: WebApi, path: str) -> int:
    """How often the API saw this path."""
    return sum(one["path"] == path for one in web_api.seen())


class TestVerdicts:
    async def test_a_held_request_waits_and_is_sent_once(self, gateway: Gateway, web_api: WebApi) -> None:
        web_api.reset()
        async with http_client(gateway) as client:
            asked = asyncio.create_task(client.delete("/shop/v1/orders/7001"))
            approval = await pending_approval(gateway, DANA, "/v1/orders/7001")
            assert sent(web_api, "/v1/orders/7001") == 0
            await decide(gateway, DANA, approval, "approve", "OPS-12, fine")
            assert (await asked).status_code == 204
        assert sent(web_api, "/v1/orders/7001") == 1

    async def test_a_rejected_request_is_not_sent_and_says_why(
        self, gateway: Gateway, web_api: WebApi
    ) -> None:
        web_api.reset()
        async with http_client(gateway) as client:
            asked = asyncio.create_task(client.delete("/shop/v1/orders/7002"))
            approval = await pending_approval(gateway, DANA, "/v1/orders/7002")
            await decide(gateway, DANA, approval, "reject", "not without a ticket")
            answer = await asked
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
        problem = answer.json()
        assert problem["title"] == 'refused by rule "changes need a DBA"'
        assert (problem["approval"], problem["comment"]) == (approval, "not without a ticket")
        assert "Nothing was executed" in problem["hint"]
        assert sent(web_api, "/v1/orders/7002") == 0

    async def test_a_rule_that_denies(self, gateway: Gateway, web_api: WebApi) -> None:
        web_api.reset()
        async with http_client(gateway) as client:
            answer = await client.get("/open/admin/users")
            again = await client.get("/open/v1/customers/1")
        assert answer.status_code == 403
        assert answer.json()["rule"] == "nobody touches admin"
        assert again.status_code == 200, "the connection goes on"
        assert sent(web_api, "/admin/users") == 0

    async def test_a_reason_in_a_header(self, gateway: Gateway) -> None:
        async with http_client(gateway) as client:
            without = await client.get("/open/v1/orders/7")
            reason = {"X-Countersign-Reason": "count what is open", "X-Countersign-Ticket": "OPS-12"}
            having = await client.get("/open/v1/orders/7", headers=reason)
        assert without.status_code == 403
        assert without.json()["missing"] == ["reason"]
        assert "X-Countersign-Reason" in without.json()["hint"]
        assert having.status_code == 200

        def recorded() -> bool:
            rows = gateway.audit("select reason, ticket from commands where text like '%/v1/orders/7'")
            return {"reason": "count what is open", "ticket": "OPS-12"} in rows

        await eventually(recorded, what="the reason in the audit log")

    async def test_leaving_withdraws(self, gateway: Gateway, web_api: WebApi) -> None:
        async with http_client(gateway) as client:
            asked = asyncio.create_task(client.delete("/shop/v1/orders/7003"))
            approval = await pending_approval(gateway, DANA, "/v1/orders/7003")
            asked.cancel()
        async with gateway.api(DANA) as api:

            async def is_withdrawn() -> bool:
                return bool((await api.get(f"/api/approvals/{approval}")).json()["state"] == "withdrawn")

            await eventually(is_withdrawn, what="the approval withdrawn")


ASYNC = {"Prefer": "respond-async"}


class TestDeferred:
    async def test_its_requester_collects_it_once(self, gateway: Gateway, web_api: WebApi) -> None:
        web_api.reset()
        async with http_client(gateway) as client, http_client(gateway, OTHER) as other:
            order = {"id": 8001, "email": "jane@example.com"}
            told = await client.post("/shop/v1/orders?n=8001", json=order, headers=ASYNC)
            assert (told.status_code, told.headers["preference-applied"]) == (202, "respond-async")
            place = told.headers["location"]
            assert told.json()["link"] == f"{gateway.api_url}/approvals/{told.json()['approval']}"
            assert (await client.get(place)).status_code == 202
            assert (await other.get(place)).status_code == 404
            await decide(gateway, DANA, told.json()["approval"], "approve", "fine")

            async def answer() -> httpx.Response | None:
                found = await client.get(place)
                return None if found.status_code == 202 else found

            found = await eventually(answer, what="the answer")
            assert found.status_code == 201
            assert found.headers["location"].startswith("/shop/v1/orders/")
            assert (await other.get(place)).status_code == 404
            assert (await client.get(place)).status_code == 410
        assert sent(web_api, "/v1/orders") == 1

    async def test_it_outlives_its_connection(self, gateway: Gateway) -> None:
        async with http_client(gateway) as client:
            told = await client.delete("/shop/v1/orders/8002", headers=ASYNC)
        await decide(gateway, DANA, told.json()["approval"], "reject", "no")
        async with http_client(gateway) as client:

            async def answer() -> httpx.Response | None:
                found = await client.get(told.headers["location"])
                return None if found.status_code == 202 else found

            refused = await eventually(answer, what="the refusal")
        assert refused.status_code == 403
        assert refused.json()["comment"] == "no"

    async def test_it_can_be_withdrawn(self, gateway: Gateway, web_api: WebApi) -> None:
        async with http_client(gateway) as client, gateway.api(DANA) as api:
            told = await client.delete("/shop/v1/orders/8003", headers=ASYNC)
            assert (await client.delete(told.headers["location"])).status_code == 204

            async def is_withdrawn() -> bool:
                found = await api.get(f"/api/approvals/{told.json()['approval']}")
                return bool(found.json().get("state") == "withdrawn")

            await eventually(is_withdrawn, what="the approval withdrawn")
        assert sent(web_api, "/v1/orders/8003") == 0

    async def test_what_need_not_wait_is_answered_at_once(self, gateway: Gateway) -> None:
        async with http_client(gateway) as client:
            assert (await client.get("/shop/v1/customers/1", headers=ASYNC)).status_code == 200


class TestBodies:
    async def test_a_form_with_files_is_read_as_fields(self, gateway: Gateway) -> None:
        async with http_client(gateway) as client:
            asked = asyncio.create_task(
                client.post(
                    "/shop/files",
                    data={"title": "offer 7005", "contact": "jane@example.com", "password": "hunter2"},
                    files={"upload": ("offer.pdf", b"%PDF-1.7 \xff\x00", "application/pdf")},
                )
            )
            approval = await pending_approval(gateway, DANA, "POST /files")
            async with gateway.api(DANA) as api:
                shown = (await api.get(f"/api/approvals/{approval}")).json()
            await decide(gateway, DANA, approval, "approve", "fine")
            answer = await asked
        assert answer.json()["upload"] == ["offer.pdf", 11]
        assert shown["intents"] == ["write"], "all of it was read"
        text = "\n".join(shown["parameters"])
        assert 'upload: file "offer.pdf", application/pdf, 11 bytes' in text
        assert "title: offer 7005" in text
        assert "hunter2" not in text
        assert "jane@" not in text

    async def test_a_long_upload_is_streamed(self, gateway: Gateway) -> None:
        piece, count = b"0123456789abcdef" * 4096, 320

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(count):
                yield piece

        crc = 0
        for _ in range(count):
            crc = zlib.crc32(piece, crc)
        async with http_client(gateway) as client:
            answer = await client.post("/open/upload", content=pieces())
        assert answer.json() == {"size": len(piece) * count, "crc": crc, "length": None}

    async def test_a_long_upload_that_must_be_read_is_not_sent(
        self, gateway: Gateway, web_api: WebApi
    ) -> None:
        """Its facts are unknown: a rule that reviews writes has a person look at it."""
        web_api.reset()
        async with http_client(gateway) as client:
            answer = await client.request("GET", "/shop/upload", content=b"x" * (2 * MIB))
        assert answer.status_code == 403
        assert web_api.seen() == []

    async def test_a_long_download_in_little_memory(self, gateway: Gateway) -> None:
        size = 256 * MIB
        ingress = next(
            child
            for child in psutil.Process(gateway.process.pid).children(recursive=True)
            if "ingress" in child.cmdline()
        )
        before, most, got = ingress.memory_info().rss, 0, 0
        async with http_client(gateway) as client, client.stream("GET", f"/open/bytes/{size}") as answer:
            async for chunk in answer.aiter_raw():
                got += len(chunk)
                if got % (16 * MIB) < len(chunk):
                    most = max(most, ingress.memory_info().rss)
        assert got == size
        assert most - before < 64 * MIB

    async def test_ndjson_is_masked_row_by_row(self, gateway: Gateway) -> None:
        async with http_client(gateway) as client:
            answer = await client.get("/fields/rows/5000")
        rows = [json.loads(line) for line in answer.text.splitlines()]
        assert len(rows) == 5000
        assert {row["email"] for row in rows} == {"u***@example.com"}

    async def test_server_sent_events_come_as_they_are_sent(self, gateway: Gateway) -> None:
        async with http_client(gateway) as client, client.stream("GET", "/fields/events") as answer:
            lines = [line async for line in answer.aiter_lines()]
        assert lines[0] == "id: 1"
        assert json.loads(lines[1].removeprefix("data: "))["email"] == "j***@example.com"


class TestLimits:
    async def test_rows(self, gateway: Gateway) -> None:
        async with http_client(gateway) as client:
            assert (await client.get("/open/rows/10")).status_code == 200
            try:
                stopped = await client.get("/fields/rows/11")
            except httpx.RemoteProtocolError:  # it had begun: all that is left is not to end it
                pass
            else:
                assert stopped.status_code == 403
                assert 'stopped by rule "few rows" at its limit of 10 rows' in stopped.json()["detail"]
        asked = "select count() as times from commands where limit_rule = 'few rows'"
        await eventually(lambda: gateway.audit(asked)[0]["times"] == 1, what="the limit in the audit log")

    async def test_time(self, gateway: Gateway) -> None:
        async with http_client(gateway) as client:
            stopped = await client.get("/open/slow/5")
            fine = await client.get("/open/slow/0")
        assert (stopped.status_code, fine.status_code) == (504, 200)
        assert 'stopped by rule "quick" at its limit of 0.3 seconds' in stopped.json()["detail"]


async def test_a_redirect_leads_through_the_gateway(gateway: Gateway, web_api: WebApi) -> None:
    async with http_client(gateway) as client:
        for to in ("/v1/customers/1", f"{web_api.origin}/v1/customers/1"):
            answer = await client.get("/open/redirect", params={"to": to})
            assert answer.headers["location"] == "/open/v1/customers/1"


async def test_a_host_name_names_a_resource(gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        answer = await client.get("/v1/customers/1", headers={"Host": "shop.gateway.test"})
    assert answer.json()["customer"]["name"] == "Jane Doe"


async def test_who_is_not_let_in(gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=f"http://{gateway.listen['http']}", trust_env=False) as client:
        nobody = await client.get("/open/v1/customers")
        wrong = await client.get("/open/v1/customers", headers={"Authorization": "Bearer wrong"})
        own = await client.get("/open/v1/customers", headers={"X-Countersign-Token": AGENT.token})
        nowhere = await client.get("/nothere/", headers={"X-Countersign-Token": AGENT.token})
    assert (nobody.status_code, wrong.status_code, own.status_code, nowhere.status_code) == (
        401,
        401,
        200,
        404,
    )
    assert nobody.headers["www-authenticate"] == 'Bearer realm="countersign"'


async def test_over_tls(gateway: Gateway) -> None:
    import ssl

    context = ssl.create_default_context(cafile=str(gateway.ca))
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        answer = await client.get(
            f"https://{gateway.listen['http']}/open/v1/customers",
            headers={"X-Countersign-Token": AGENT.token},
        )
    assert answer.status_code == 200


async def test_what_is_on_record(gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        await client.get("/fields/v1/customers/1?on=record")

    def recorded() -> list[dict[str, object]]:
        query = "select outcome, methods, paths, intents, rows from commands where text like '%on=record'"
        return [row for row in gateway.audit(query) if row["outcome"] == "succeeded"]

    (row,) = await eventually(recorded, what="the command")
    assert (row["outcome"], row["intents"]) == ("succeeded", ["read"])
    assert (row["methods"], row["paths"]) == (["GET"], ["/v1/customers/1"])
