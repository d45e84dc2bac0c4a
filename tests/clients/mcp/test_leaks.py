"""No masked value and no credential leaves, however a server says it: the corpus of leaks.yaml."""

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ruamel.yaml import YAML
from support.gateway import Gateway
from support.mcp_client import post

CORPUS: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("leaks.yaml"))
RAW = ("jane@example.com", "4111111111111111", "the-credential-of-the-gateway-there")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


def test_there_are_enough() -> None:
    assert len(CORPUS) >= 90


@pytest.fixture(scope="module", autouse=True)
def _listed(gateway: Gateway) -> None:
    """The gateway has seen the server's tools."""
    for resource in ("raw", "rawfields"):
        assert "say" in post(gateway, f"/{resource}/raw", "tools/list").text


@pytest.mark.parametrize("resource", ["raw", "rawfields"])
@pytest.mark.parametrize("name", CORPUS)
def test_it_does_not_leave(name: str, resource: str, gateway: Gateway) -> None:
    said = _said(gateway, resource, CORPUS[name])
    for form in _forms(said):
        assert [value for value in RAW if value in form] == []


@pytest.mark.parametrize("resource", ["raw", "rawfields"])
@pytest.mark.parametrize("name", ["json in text", "structured", "blob of json", "structured wrapped json"])
def test_what_can_be_masked_is_not_withheld(name: str, resource: str, gateway: Gateway) -> None:
    assert any("j***@example.com" in form for form in _forms(_said(gateway, resource, CORPUS[name])))


def test_what_cannot_be_looked_into_says_so(gateway: Gateway) -> None:
    picture = _said(gateway, "raw", CORPUS["picture"])
    prose = _said(gateway, "rawfields", CORPUS["text"])
    assert "cannot look into image/png" in picture
    assert "no fields that could be told apart" in prose


def _said(gateway: Gateway, resource: str, say: dict[str, Any]) -> str:
    """All that comes back."""
    # What the gateway and the server are told must hold no raw value, or it would be sealed: in base64.
    params = {"name": "say", "arguments": {"say64": base64.b64encode(json.dumps(say).encode()).decode()}}
    try:
        answer = post(gateway, f"/{resource}/raw", "tools/call", params)
    except httpx2.RemoteProtocolError as cut_off:
        return str(cut_off)
    return "\n".join(f"{name}: {value}" for name, value in answer.headers.items()) + "\n\n" + answer.text


def _forms(said: str) -> list[str]:
    """What came, and what a client could make of it."""
    forms = [
        said,
        said.encode().decode("unicode_escape", "replace"),
        html.unescape(said),
        said.replace("\0", ""),
    ]
    forms += [_decoded(found) for found in _BASE64.findall(said)]
    return forms


def _decoded(text: str) -> str:
    whole = text.rstrip("=")
    return base64.b64decode(whole[: len(whole) // 4 * 4]).decode("latin-1")
