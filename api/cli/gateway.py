"""The gateway's API as the client commands see it: where it is, who asks, and what an answer means.

`COUNTERSIGN_URL` and `COUNTERSIGN_TOKEN` say where and who. Without the first, the configuration's own
`gateway.url` or `listen.api` is meant, without the second what `countersign login` left. Exit codes: 0 done;
1 refused or failed; 2 wrong usage or configuration; 3 the gateway cannot be reached.
"""

import os
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import httpx
import typer

from api.cli.credentials import Credentials, CredentialsExposed, Store
from api.visible import visible
from infra.clock import now
from infra.config import DEFAULT_PATH, Config, ConfigError, load

T = TypeVar("T")
_TIMEOUT = httpx.Timeout(30, connect=5)  # an answer to a decision may take 10 s

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", help="The configuration, for where the gateway is unless COUNTERSIGN_URL says so."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For scripts: JSON on standard output.")]


class Exit(IntEnum):
    """The exit codes of client commands."""

    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3


def fail(code: Exit, *lines: str) -> NoReturn:
    """Ends the command with these lines on standard error."""
    for line in lines:
        print(visible(line), file=sys.stderr)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a gateway's API is, and how to know that it is the right one."""

    url: str
    tls: ssl.SSLContext | bool = True
    headers: dict[str, str] = field(default_factory=dict, repr=False)  # they hold the token

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=self.headers, timeout=_TIMEOUT, verify=self.tls)


def find(path: Path | None, url: str = "") -> Place:
    """The gateway, as `locate` finds it, and who asks: COUNTERSIGN_TOKEN, or what `countersign login` left.
    Ends the command where one is missing."""
    place = locate(path, url)
    token = os.environ.get("COUNTERSIGN_TOKEN", "") or current_token(place)
    if not token:
        fail(
            Exit.USAGE,
            f"not signed in to {place.url}: run `countersign login`, or set COUNTERSIGN_TOKEN to your token",
        )
    if not token.isascii() or not token.isprintable():
        fail(Exit.USAGE, "COUNTERSIGN_TOKEN is not a token: expected printable ASCII characters")
    return replace(place, headers={"Authorization": f"Bearer {token}"})


def locate(path: Path | None, url: str = "") -> Place:
    """The gateway: `url`, or what the environment or the configuration names, or the one that somebody is
    signed in to. Ends the command where there is none."""
    config = configuration(path)
    url = url or os.environ.get("COUNTERSIGN_URL", "") or (config.api_url if config is not None else "")
    if not url:
        signed_in = kept(Store().urls)
        if len(signed_in) != 1:
            fail(Exit.USAGE, "no gateway: set COUNTERSIGN_URL, or name a configuration with --config")
        url = signed_in[0]
    return Place(url.rstrip("/"), trust(config))


def current_token(place: Place) -> str:
    """The token that `countersign login` left, renewed where it ends soon; empty when there is none."""
    store = Store()
    credentials = kept(lambda: store.get(place.url))
    if credentials is None or credentials.lasts(now()):
        return credentials.access_token if credentials is not None else ""
    with store.alone():
        credentials = kept(lambda: store.get(place.url))
        if credentials is None or credentials.lasts(now()) or not credentials.refresh_token:
            still = credentials is not None and now() < credentials.expires_at
            return credentials.access_token if credentials is not None and still else ""
        form = {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token}
        with reaching(place), place.client() as client:
            answer = client.post("/api/token", data=form)
        renewed = received(checked(answer).json(), credentials.refresh_token)
        store.put(place.url, renewed)
    return renewed.access_token


def received(answer: dict[str, Any], refresh_token: str = "") -> Credentials:
    """What POST /api/token answered."""
    return Credentials(
        answer["principal"],
        answer["access_token"],
        datetime.fromisoformat(answer["expires_at"]),
        answer.get("refresh_token", refresh_token),
    )


def kept(read: Callable[[], T]) -> T:
    """What the user's credentials hold. Ends the command when others may read them."""
    try:
        return read()
    except CredentialsExposed as error:
        fail(Exit.USAGE, str(error))


def configuration(path: Path | None) -> Config | None:
    """The configuration that was named, or the one in this folder; None where there is none."""
    if path is None and not DEFAULT_PATH.exists():
        return None
    try:
        return load(path or DEFAULT_PATH)
    except ConfigError as error:
        fail(Exit.USAGE, *error.problems)


def trust(config: Config | None) -> ssl.SSLContext | bool:
    """The system's authorities, and the gateway's own where its state folder is at hand."""
    if config is None:
        return True
    # Here, not above: it takes time that a command without a configuration need not spend.
    from infra.certificates import ca_path

    authority = ca_path(config)
    if authority is None or not authority.is_file():
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(authority)
    return context


@contextmanager
def reaching(place: Place) -> Iterator[None]:
    """Turns what goes wrong on the way to the gateway into a message and an exit code."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        fail(Exit.USAGE, f"COUNTERSIGN_URL is not a URL of a gateway: {error}")
    except httpx.TransportError as error:
        fail(
            Exit.UNREACHABLE,
            f"the gateway at {place.url} cannot be reached: {error or type(error).__name__}",
            "check COUNTERSIGN_URL, and that `countersign up` or the api role runs there",
        )


def call(
    place: Place, method: str, path: str, *, query: dict[str, str] | None = None, body: Any = None
) -> Any:
    """The answer's JSON. Ends the command when the gateway cannot be reached or refuses."""
    with reaching(place), place.client() as client:
        answer = client.request(method, path, params=query, json=body)
    return checked(answer).json()


def checked(answer: httpx.Response) -> httpx.Response:
    """The answer, unless it is a refusal: that ends the command with what happened and what to do."""
    if answer.is_success:
        return answer
    code = Exit.UNREACHABLE if answer.status_code in (502, 503, 504) else Exit.REFUSED
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = answer.json()
        # 504 is the processors' silence: the gateway was reached, and the decision stands.
        code = Exit.REFUSED if answer.status_code == 504 else code
        fail(code, problem["detail"], problem["action"])
    fail(
        code, f"{answer.url.host} answered {answer.status_code} {answer.reason_phrase}: is that the gateway?"
    )
