"""`countersign login`, `logout`, `token`: single sign-on from a terminal (RFC 8628), through the gateway."""

import base64
import hashlib
import os
import secrets
import sys
import time
from typing import Annotated, Any

import typer

from api.cli.credentials import Store
from api.cli.gateway import (
    ConfigOption,
    Exit,
    Place,
    checked,
    current_token,
    fail,
    kept,
    locate,
    reaching,
    received,
)
from api.cli.kubeconfig import exec_credential, with_words
from api.cli.ssh_cert import forget_certificate
from api.cli.web_clients import header_fields
from api.visible import visible
from api.web.words import duration
from infra.clock import now

app = typer.Typer(add_completion=False)

_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER = 5.0  # seconds: RFC 8628, section 3.5, slow_down

Gateway = Annotated[
    str, typer.Argument(metavar="[URL]", help="The gateway; else COUNTERSIGN_URL or the configuration's.")
]


@app.command()
def login(
    url: Gateway = "",
    config: ConfigOption = None,
    page: Annotated[
        bool, typer.Option("--page", help="On the gateway's web page, for providers without a device flow.")
    ] = False,
) -> None:
    """Signs you in: shows a link to your identity provider and waits until you have confirmed there."""
    place = locate(config, url)
    credentials = received(_by_page(place) if page else _by_device(place))
    store = Store()
    with store.alone():
        kept(lambda: store.put(place.url, credentials))
    forget_certificate(place.url)
    left = duration(credentials.expires_at - now())
    print(f"Signed in to {place.url} as {visible(credentials.principal)}; the token lasts {left}.")


def _by_device(place: Place) -> dict[str, Any]:
    """The token, by what the person confirms at the identity provider, or on the page where it knows none."""
    with reaching(place), place.client() as client:
        begun = client.post("/api/device")
    if begun.status_code == 400 and begun.json().get("type", "").endswith(":sign-in-by-page"):
        return _by_page(place)
    device: dict[str, Any] = checked(begun).json()
    print("Open this in a browser, on any device, and confirm:")
    print(f"\n    {visible(device['verification_uri_complete'] or device['verification_uri'])}\n")
    print(
        f"Code: {visible(device['user_code'])}   Waiting, up to {device['expires_in'] // 60} minutes …",
        flush=True,
    )
    return _confirmed(place, device)


def _by_page(place: Place) -> dict[str, Any]:
    """The token, by a code that the gateway's page shows who signed in there."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    print("Open this in a browser, on any device, and sign in:")
    print(f"\n    {place.url}/sign-in/terminal?challenge={challenge}\n", flush=True)
    code = typer.prompt("Code that it shows", hide_input=sys.stdin.isatty())
    return _post(
        place,
        "/api/token",
        {"grant_type": "authorization_code", "code": code.strip(), "code_verifier": verifier},
    )


@app.command()
def token(
    url: Gateway = "",
    config: ConfigOption = None,
    kubernetes: Annotated[
        bool, typer.Option("--kubernetes", help="As a credential plugin of kubectl prints it.")
    ] = False,
    headers: Annotated[
        bool, typer.Option("--headers", help="As header fields, for an MCP client's headersHelper.")
    ] = False,
) -> None:
    """Prints the token, renewed where needed: PGPASSWORD=$(countersign token) psql …"""
    place = locate(config, url)
    asked_by_client = kubernetes or headers
    found = (os.environ.get("COUNTERSIGN_TOKEN", "") if asked_by_client else "") or current_token(place)
    if not found:
        fail(Exit.REFUSED, f"not signed in to {place.url}, or no longer: run `countersign login`")
    if kubernetes:
        reason, ticket = (os.environ.get(f"COUNTERSIGN_{name}", "") for name in ("REASON", "TICKET"))
        found = exec_credential(with_words(found, reason, ticket))
    elif headers:
        found = header_fields(found)
    print(found)


@app.command()
def logout(url: Gateway = "", config: ConfigOption = None) -> None:
    """Ends the sign-in here, at the gateway and at the identity provider; sessions opened with it end."""
    place = locate(config, url)
    store = Store()
    with store.alone():
        credentials = kept(lambda: store.get(place.url))
        if credentials is None:
            print(f"Not signed in to {place.url}.")
            return
        store.put(place.url, None)
    forget_certificate(place.url)
    with reaching(place), place.client() as client:
        form = {"token": credentials.access_token, "refresh_token": credentials.refresh_token}
        answer = client.post("/api/revoke", data=form)
    if answer.status_code == 401:  # the token has ended already
        print(f"Signed out of {place.url}.")
        return
    checked(answer)
    print(f"Signed out of {place.url}; its sessions end now.")


def _confirmed(place: Place, device: dict[str, Any]) -> dict[str, Any]:
    """The token, once the person has confirmed. Ends the command when they refuse, or it takes too long."""
    pause, deadline = float(device["interval"]), time.monotonic() + device["expires_in"]
    form = {"grant_type": _DEVICE, "device_code": device["device_code"]}
    while time.monotonic() < deadline:
        time.sleep(pause)
        with reaching(place), place.client() as client:
            answer = client.post("/api/token", data=form)
        error = answer.json().get("error") if answer.status_code == 400 else None
        if error == "slow_down":
            pause += _SLOWER
        elif error != "authorization_pending":
            confirmed: dict[str, Any] = checked(answer).json()
            return confirmed
    return fail(Exit.REFUSED, "nobody confirmed in time: run `countersign login` again")


def _post(place: Place, path: str, form: dict[str, str]) -> dict[str, Any]:
    with reaching(place), place.client() as client:
        answer: dict[str, Any] = checked(client.post(path, data=form)).json()
    return answer
