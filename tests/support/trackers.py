"""Microsoft Teams, PagerDuty, Jira and ServiceNow, played by one server that checks what they would: who
asks, the form and the limits of what is sent, and known places."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from support.processes import free_port
from support.wait import eventually

ROUTING_KEY = "r" * 32
USER, SECRET = "bot@example.com", "a-token-of-the-bot"
HOOK = "/workflows/1/triggers/manual/paths/invoke?sig=secret-of-the-hook"


@dataclass
class Trackers:
    """What they hold. `fail`: statuses that are answered to the next requests, before anything is looked at;
    `lose`: as many requests are carried out, and their answers lost."""

    port: int = field(default_factory=free_port)
    cards: list[dict[str, Any]] = field(default_factory=list)
    alerts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    fail: list[int] = field(default_factory=list)
    lose: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def stumble(request: Request, proceed: Any) -> Response:
            if self.fail:
                return Response(status_code=self.fail.pop(0), headers={"retry-after": "7"})
            answer: Response = await proceed(request)
            if self.lose and request.method == "POST":
                self.lose -= 1
                return Response(status_code=502)
            return answer

        @app.post("/workflows/1/triggers/manual/paths/invoke", status_code=202)
        async def teams(request: Request) -> None:
            body = await request.body()
            _must(request.query_params.get("sig") == "secret-of-the-hook", 401)
            _must(len(body) <= 28 * 1024, 413)
            message = json.loads(body)
            (attachment,) = message["attachments"]
            _must(message["type"] == "message", 400)
            _must(attachment["contentType"] == "application/vnd.microsoft.card.adaptive", 400)
            card = attachment["content"]
            _must(card["type"] == "AdaptiveCard" and card["version"] in ("1.2", "1.3", "1.4", "1.5"), 400)
            self.cards.append(card)

        @app.post("/v2/enqueue", status_code=202)
        async def pagerduty(event: dict[str, Any]) -> dict[str, str]:
            _must(event["routing_key"] == ROUTING_KEY, 400)
            _must(event["event_action"] in ("trigger", "acknowledge", "resolve"), 400)
            _must(len(event["dedup_key"]) <= 255, 400)
            if event["event_action"] == "trigger":
                payload = event["payload"]
                _must(0 < len(payload["summary"]) <= 1024 and bool(payload["source"]), 400)
                _must(payload["severity"] in ("critical", "error", "warning", "info"), 400)
            self.alerts.setdefault(event["dedup_key"], []).append(event)
            return {"status": "success", "dedup_key": event["dedup_key"]}

        @app.get("/rest/api/3/search/jql")
        async def search(request: Request, jql: str) -> dict[str, Any]:
            _signed_in(request)
            label = jql.removeprefix('labels = "').removesuffix('"')
            found = [key for key, issue in self.issues.items() if label in issue["fields"]["labels"]]
            return {"issues": [{"key": key} for key in found]}

        @app.post("/rest/api/3/issue", status_code=201)
        async def create(request: Request, issue: dict[str, Any]) -> dict[str, str]:
            _signed_in(request)
            fields = issue["fields"]
            _must(fields["project"] == {"key": "OPS"} and fields["issuetype"] == {"name": "Task"}, 400)
            _must(0 < len(fields["summary"]) <= 255 and "\n" not in fields["summary"], 400)
            _must_be_document(fields["description"])
            _must(all(" " not in label for label in fields["labels"]), 400)
            key = f"OPS-{len(self.issues) + 1}"
            self.issues[key] = {"fields": fields, "status": "To Do", "comments": []}
            return {"id": "1", "key": key}

        @app.get("/rest/api/3/issue/{key}/transitions")
        async def transitions(request: Request, key: str) -> dict[str, Any]:
            _signed_in(request)
            is_done = self._issue(key)["status"] == "Done"
            return {
                "transitions": [] if is_done else [{"id": "31", "name": "Finish", "to": {"name": "Done"}}]
            }

        @app.post("/rest/api/3/issue/{key}/transitions", status_code=204)
        async def move(request: Request, key: str, wanted: dict[str, Any]) -> None:
            _signed_in(request)
            _must(wanted["transition"]["id"] == "31", 400)
            self._issue(key)["status"] = "Done"

        @app.get("/rest/api/3/issue/{key}")
        async def issue(request: Request, key: str) -> dict[str, Any]:
            _signed_in(request)
            return {"fields": {"status": {"name": self._issue(key)["status"]}}}

        @app.post("/rest/api/3/issue/{key}/comment", status_code=201)
        async def comment(request: Request, key: str, said: dict[str, Any]) -> dict[str, str]:
            _signed_in(request)
            _must_be_document(said["body"])
            self._issue(key)["comments"].append(said["body"])
            return {"id": "1"}

        @app.get("/api/now/table/incident")
        async def find(request: Request, sysparm_query: str) -> dict[str, Any]:
            _signed_in(request)
            wanted = sysparm_query.removeprefix("correlation_id=")
            found = [id for id, record in self.records.items() if record["correlation_id"] == wanted]
            return {"result": [{"sys_id": id} for id in found]}

        @app.post("/api/now/table/incident", status_code=201)
        async def record(request: Request, values: dict[str, Any]) -> dict[str, Any]:
            _signed_in(request)
            _must(len(values["short_description"]) <= 160 and len(values["correlation_id"]) <= 100, 400)
            id = f"{len(self.records):032x}"
            self.records[id] = values
            return {"result": {"sys_id": id, "number": "INC001"}}

        @app.patch("/api/now/table/incident/{id}")
        async def change(request: Request, id: str, values: dict[str, Any]) -> dict[str, Any]:
            _signed_in(request)
            _must(id in self.records, 404)
            self.records[id] |= values
            return {"result": {"sys_id": id}}

        return app

    def _issue(self, key: str) -> dict[str, Any]:
        _must(key in self.issues, 404)
        return self.issues[key]


@asynccontextmanager
async def running_trackers() -> AsyncIterator[Trackers]:
    found = Trackers()
    server = uvicorn.Server(uvicorn.Config(found.app(), port=found.port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield found
    server.should_exit = True
    await serving


def _must(is_so: bool, status: int) -> None:
    if not is_so:
        raise HTTPException(status)


def _signed_in(request: Request) -> None:
    wanted = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
    _must(request.headers.get("authorization") == f"Basic {wanted}", 401)


def _must_be_document(document: dict[str, Any]) -> None:
    """Atlassian Document Format: a text node is never empty."""
    _must(document["type"] == "doc" and document["version"] == 1, 400)
    for paragraph in document["content"]:
        _must(paragraph["type"] == "paragraph", 400)
        _must(all(node["type"] == "text" and node["text"] for node in paragraph["content"]), 400)
