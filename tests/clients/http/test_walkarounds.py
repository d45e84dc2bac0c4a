"""No rule is walked around: the corpus of walkarounds.yaml, as bytes that no client would tidy up."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.builders import AGENT
from support.gateway import Gateway
from support.raw_http import say
from support.web_api import WebApi

ATTEMPTS = [
    {"section": section, "resource": found.get("resource", "shop"), "status": found["status"], **attempt}
    for section, found in YAML(typ="safe").load(Path(__file__).with_name("walkarounds.yaml")).items()
    for attempt in found["attempts"]
]


def _name(attempt: dict[str, Any]) -> str:
    told = [attempt.get("method", "GET"), attempt["path"], attempt.get("type", ""), attempt.get("body", "")]
    return f"{attempt['section']}: {' '.join(told)} {attempt.get('headers', '')}"


def test_there_are_enough() -> None:
    assert len({_name(attempt) for attempt in ATTEMPTS}) == len(ATTEMPTS) >= 130


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=_name)
def test_it_does_not_reach_the_api(attempt: dict[str, Any], gateway: Gateway, web_api: WebApi) -> None:
    web_api.reset()
    body = attempt.get("body", "")
    headers = {
        "Host": gateway.listen["http"],
        "X-Countersign-Token": AGENT.token,
        "Prefer": "respond-async",
        "Connection": "close",
        **({"Content-Type": attempt["type"]} if "type" in attempt else {}),
        **({"Content-Length": str(len(body))} if body else {}),
        **attempt.get("headers", {}),
    }
    target = f"/{attempt['resource']}{attempt['path']}"
    lines = [f"{attempt.get('method', 'GET')} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
    came = say(gateway.listen["http"], ("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    assert (came.status, came.answers) == (attempt["status"], 1), came.data
    assert web_api.seen() == []
