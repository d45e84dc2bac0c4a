"""No masked value and no credential leaves, however an API says it: the corpus of leaks.yaml."""

import base64
import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML
from support.gateway import Gateway
from support.http_client import http_client
from support.web_api import PIN, RAW, tagged_body

CORPUS = YAML(typ="safe").load(Path(__file__).with_name("leaks.yaml"))
CREDENTIAL = "the-api-credential-of-the-gateway"
REQUESTS = [
    *({"name": kind, "get": f"/leak/{kind}"} for kind in CORPUS["leaks"]),
    *CORPUS["requests"],
]


def test_there_are_enough() -> None:
    assert len({one["name"] for one in REQUESTS}) == len(REQUESTS) >= 80


@pytest.mark.parametrize("resource", ["fields", "shop"])
@pytest.mark.parametrize("request_", REQUESTS, ids=[one["name"] for one in REQUESTS])
async def test_it_does_not_leave(request_: dict[str, Any], resource: str, gateway: Gateway) -> None:
    method = "head" if "head" in request_ else "get"
    said = b""
    async with http_client(gateway) as client:
        try:
            url = f"/{resource}{request_[method]}"
            async with client.stream(method, url, headers=request_.get("headers")) as answer:
                said = b"\n".join(name + b": " + value for name, value in answer.headers.raw) + b"\n\n"
                async for piece in answer.aiter_raw():
                    said += piece
        except httpx.RemoteProtocolError:
            pass  # cut off: what came until then counts
    for form in _forms(said):
        for value in (*RAW, CREDENTIAL):
            assert value not in form, said


@pytest.mark.parametrize("kind", CORPUS["fields"])
async def test_a_field_does_not_leave_wherever_it_stands(kind: str, gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        answer = await client.get(f"/fields/leak/{kind}")
    for form in _forms(answer.content):
        assert PIN not in form, answer.text
    masked = answer.status_code == 200 and "[masked]" in answer.text
    assert masked or "withheld" in answer.text, answer.text


@pytest.mark.parametrize("resource", ["fields", "shop"])
@pytest.mark.parametrize(
    "kind", ["json", "ndjson", "csv", "xml", "multipart", "events", "gzip", "deflate", "escaped"]
)
async def test_what_can_be_masked_is_not_withheld(kind: str, resource: str, gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        answer = await client.get(f"/{resource}/leak/{kind}")
    assert answer.status_code == 200
    assert "j***@example.com" in answer.text
    assert "************1111" in answer.text


async def test_what_cannot_be_inspected_says_so(gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        pdf = await client.get("/shop/leak/pdf")
        error = await client.get("/shop/leak/error-pdf")
    assert (pdf.status_code, error.status_code) == (502, 500)
    assert "application/pdf" in pdf.json()["detail"]
    assert "was carried out" in pdf.json()["hint"]


@pytest.mark.parametrize("resource", ["fields", "shop"])
async def test_no_digest_says_whether_a_guess_is_right(resource: str, gateway: Gateway) -> None:
    digest = hashlib.md5(tagged_body(1)).hexdigest()
    async with http_client(gateway) as client:
        came = await client.get(f"/{resource}/tagged/1")
        guessed = await client.get(f"/{resource}/tagged/1", headers={"If-None-Match": f'"{digest}"'})
        held_to = await client.get(f"/{resource}/tagged/1", headers={"If-Match": f'"{digest}"'})
    for answer in (came, guessed):
        assert answer.status_code == 200
        assert digest not in str(answer.headers)
        assert not [name for name in answer.headers if "checksum" in name]
    assert held_to.status_code == 412


@pytest.mark.parametrize("resource", ["fields", "shop"])
async def test_conditions_hold_with_the_tags_that_came(resource: str, gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        tag = (await client.get(f"/{resource}/tagged/1")).headers["etag"]
        known = await client.get(f"/{resource}/tagged/1", headers={"If-None-Match": f'"x", {tag}'})
        kept = await client.get(f"/{resource}/tagged/1", headers={"If-Match": tag})
        other = await client.get(f"/{resource}/tagged/2", headers={"If-Match": tag})
        any_ = await client.get(f"/{resource}/tagged/2", headers={"If-None-Match": "*"})
    assert (known.status_code, known.headers["etag"], known.content) == (304, tag, b"")
    assert (kept.status_code, other.status_code, any_.status_code) == (200, 412, 200)


async def test_a_resource_without_secrets_passes_what_it_is(gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        pdf = await client.get("/open/leak/pdf")
        echoed = await client.get("/open/echo")
    assert pdf.content.startswith(b"%PDF-1.4")
    assert CREDENTIAL not in echoed.text
    assert "*" * len(CREDENTIAL) in echoed.text


def _forms(said: bytes) -> list[str]:
    """What came, and what a client could make of it."""
    forms = [
        said.decode("latin-1"),
        said.decode("utf-16-le", "replace"),
        said.replace(b"\0", b"").decode("latin-1"),
    ]
    text = forms[0].replace("\\u0040", "@").replace("&#64;", "@").replace("&#x40;", "@").replace("%40", "@")
    forms.append(text)
    body = said.partition(b"\n\n")[2]
    for decode in (gzip.decompress, zlib.decompress, base64.b64decode):
        try:
            forms.append(decode(body).decode("latin-1"))
        except (OSError, EOFError, ValueError, zlib.error):
            continue
    return forms
