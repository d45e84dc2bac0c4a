"""`countersign connect` to an API: curl and Python's clients, and the token shown to nobody else."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.builders import AGENT, DANA
from support.command_line import Ran, run_command, start_command
from support.gateway import Gateway
from support.http_client import http_client, pending_approval
from support.json_server import Answer, running_json_server
from support.wait import eventually

from api.cli.credentials import Credentials, Store
from infra.clock import now

_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Terminal:
    """A user's, signed in."""

    folder: Path
    variables: dict[str, str]

    async def connect(self, resource: str, *command: str) -> Ran:
        arguments = ("connect", resource, *(("--", *command) if command else ()))
        return await run_command(self.folder, *arguments, seconds=_SECONDS, **self.variables)

    def scratch(self) -> list[Path]:
        """What is left of what connect wrote for a client."""
        return list((self.folder / "runtime").iterdir())


@pytest.fixture
def terminal(gateway: Gateway, tmp_path: Path) -> Terminal:
    (tmp_path / "runtime").mkdir()
    path = tmp_path / "config" / "countersign" / "credentials.json"
    path.parent.mkdir(parents=True)
    Store(path).put(gateway.api_url, Credentials(AGENT.name, AGENT.token, now() + timedelta(hours=1)))
    variables = {
        "COUNTERSIGN_URL": gateway.api_url,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_RUNTIME_DIR": str(tmp_path / "runtime"),
    }
    return Terminal(tmp_path, variables)


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[Message]]]:
    """Another server, by another name of this machine, and the header fields it was sent."""
    seen: list[Message] = []

    def answer(_method: str, _path: str, headers: Message, _body: dict[str, Any]) -> Answer:
        seen.append(headers)
        return 200, {}

    with running_json_server(answer) as url:
        yield url.replace("127.0.0.1", "localhost"), seen


async def test_curl_asks_by_the_path_alone(gateway: Gateway, terminal: Terminal) -> None:
    ran = await terminal.connect("shop", "curl", "-sS", "/v1/customers/1")
    assert (ran.status, ran.err) == (0, "")
    assert json.loads(ran.out)["customer"]["email"] == "j***@example.com"

    whole = f"https://{gateway.listen['http']}/shop/v1/customers/1"
    assert (await terminal.connect("shop", "curl", "-sS", whole)).out == ran.out
    kept = await terminal.connect(
        "shop", "curl", "-sSo", str(terminal.folder / "kept"), "--url", "/v1/customers/1"
    )
    assert (kept.status, (terminal.folder / "kept").read_text()) == (0, ran.out)
    assert terminal.scratch() == []


async def test_its_exit_status_is_the_clients(terminal: Terminal) -> None:
    assert (await terminal.connect("shop", "curl", "-sSf", "/admin")).status == 22
    assert (await terminal.connect("shop", "sh", "-c", "kill -9 $$")).status == 137
    missing = await terminal.connect("shop", "no-such-client")
    assert (missing.status, missing.err) == (
        2,
        "no-such-client cannot be started: No such file or directory\n",
    )
    assert terminal.scratch() == []


async def test_the_token_is_in_no_argument_and_no_environment(gateway: Gateway, terminal: Terminal) -> None:
    process = await start_command(
        terminal.folder,
        "connect",
        "shop",
        "--",
        "curl",
        "-sS",
        "-d",
        "{}",
        "/v1/orders?waits=1",
        **terminal.variables,
    )

    def client() -> psutil.Process | None:
        found = psutil.Process(process.pid).children(recursive=True)
        return next((one for one in found if one.cmdline()[-1:] and "waits=1" in one.cmdline()[-1]), None)

    await pending_approval(gateway, DANA, "waits=1")
    curl = await eventually(client, seconds=_SECONDS, what="curl")
    (folder,) = terminal.scratch()
    said = " ".join((*curl.cmdline(), *curl.environ().values()))
    assert str(folder) in said
    assert AGENT.token not in said
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        ".curlrc": 0o600,
        "netrc": 0o600,
    }

    process.terminate()
    assert await asyncio.wait_for(process.wait(), _SECONDS) == 143
    assert terminal.scratch() == []
    await eventually(lambda: not curl.is_running(), what="curl's end")


async def test_nobody_else_is_shown_the_token(
    terminal: Terminal, elsewhere: tuple[str, list[Message]]
) -> None:
    url, seen = elsewhere
    ran = await terminal.connect("shop", "curl", "-sS", url)
    assert ran.status == 0, ran.err
    led = await terminal.connect("open", "curl", "-sSL", f"/redirect?to={url}/")
    assert led.status == 0, led.err
    assert len(seen) == 2
    assert [headers["Authorization"] for headers in seen] == [None, None]


@pytest.mark.parametrize(
    "program",
    [
        "import requests; answer = requests.get(url)",
        "import httpx; answer = httpx.get(url, auth=httpx.NetRCAuth(os.environ['NETRC']))",
    ],
)
async def test_programs_read_the_netrc(terminal: Terminal, program: str) -> None:
    url = "import os; url = os.environ['COUNTERSIGN_BASE_URL'] + '/v1/customers/1'"
    ran = await terminal.connect("shop", sys.executable, "-c", f"{url}\n{program}\nprint(answer.text)")
    assert ran.status == 0, ran.err
    assert json.loads(ran.out)["customer"]["email"] == "j***@example.com"


async def test_without_a_command_it_says_how_to_go_on(gateway: Gateway, terminal: Terminal) -> None:
    ran = await terminal.connect("shop")
    assert ran.status == 0, ran.err
    assert AGENT.token not in ran.out + ran.err
    assert "countersign connect shop -- curl /…" in ran.err
    # What it prints is for a shell; what it says prints the token.
    token = ran.err.strip().rpartition(": ")[2]
    asks = 'curl -sS --cacert "$SSL_CERT_FILE" "$COUNTERSIGN_BASE_URL/v1/customers/1"'
    script = f'{ran.out}{asks} --oauth2-bearer "$({token})"'
    shell = await asyncio.create_subprocess_exec(
        *("sh", "-c", script),
        env={"PATH": os.environ["PATH"], **terminal.variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(shell.communicate(), _SECONDS)
    assert json.loads(out)["customer"]["email"] == "j***@example.com", err


async def test_a_wrong_password_is_a_wrong_token(gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        for user, token, status in (
            (AGENT.name, AGENT.token, 200),
            ("", AGENT.token, 200),
            ("dana", AGENT.token, 401),
            (AGENT.name, "", 401),
        ):
            answer = await client.get("/open/v1/customers", auth=(user, token))
            assert answer.status_code == status, user
            assert "Basic" not in answer.headers.get("www-authenticate", "")
        for field in ("Basic", "Basic !", "Basic /w==", "Basic YQ", "Basic YQ==,x"):
            answer = await client.get("/open/v1/customers", headers={"Authorization": field})
            assert answer.status_code == 401, field


async def test_curl_says_why(terminal: Terminal) -> None:
    """The rule asks for a reason."""
    curl = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "/v1/orders/1")
    assert (await terminal.connect("open", *curl)).out == "403"
    why = ("--reason", 'a "customer\'s" \\ call', "--ticket", "OPS-12")
    for command, status, said in (
        (curl, 0, "200"),
        (("python3", "-c", ""), 2, "reach curl alone"),
        ((), 2, "reach curl alone"),
    ):
        ran = await run_command(
            terminal.folder, "connect", "open", *why, "--", *command, seconds=_SECONDS, **terminal.variables
        )
        assert ran.status == status, ran.err
        assert said in ran.out + ran.err
