"""No secret of a run is written anywhere: topics, tables, logs, pages, arguments and environments."""

import asyncio
import re
import secrets
import subprocess
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from credentials.conftest import World
from support.builders import AGENT, AUDREY, DANA
from support.gateway import Gateway, countersign
from support.http_client import http_client
from support.postgres import PASSWORD
from support.sshd import Client
from support.wait import eventually
from support.written import all_written

from ingress.web.credentials import forms_of

CARD = "5555555555554444"
LAST = "select 'the last of it'"
_PAGES = ("/", "/history", "/sessions", "/healthz", "/readyz", "/openapi.json", "/metrics", "/sign-in")
_API = ("/api/me", "/api/approvals", "/api/sessions", "/api/resources")
_LINKS = re.compile(r"(?:/api)?/(?:sessions|approvals)/[0-9a-f-]{36}")


async def test_no_secret_is_written_down(world: World) -> None:
    gateway, wrong = world.gateway, secrets.token_urlsafe(12)
    await _use_everything(world, wrong)
    found = "select count() as n from commands where text = '" + LAST.replace("'", "\\'") + "'"
    await eventually(
        lambda: int(gateway.audit(found)[0]["n"]) > 0, seconds=90, what="all commands in the audit log"
    )
    written = await all_written(gateway)
    written |= await _pages(gateway)
    written |= _processes(gateway)
    written["the target's log"] = world.postgres.log.read_bytes()
    assert {"countersign.commands", "commands", "ingress.log", "/sessions", "ingress: arguments"} <= {
        re.sub(r"\d+ ", "", place) for place in written
    }
    everything = b"".join(written.values())
    assert b"agent-7" in everything
    assert CARD[-4:].encode() in everything, "the masked card number is there, so that the rest was looked at"
    held = _secrets(world, wrong)
    assert len(held) > 15
    leaked = [
        (name, place)
        for name, secret in held.items()
        for form in forms_of(secret)
        for place, data in written.items()
        if form in data and (name, place) not in _MAY
    ]
    assert leaked == []


_MAY = {("literal of a command", "the target's log")}  # a statement that failed stands there


async def _use_everything(world: World, wrong: str) -> None:
    """Sessions on every protocol, and every sign-in that fails."""
    gateway = world.gateway
    for resource in ("made", "rotated", "vaulted", "leased", "in-cluster"):
        connection = await asyncpg.connect(gateway.conninfo(resource))
        await connection.fetch(f"select 'card {CARD}'")
        await connection.fetch("select $1::text", CARD)
        with pytest.raises(asyncpg.PostgresError):
            await connection.fetch(f"select '{CARD}'::int")
        await connection.close()
    for resource, token in (("lost", AGENT.token), ("vaulted", wrong)):
        with pytest.raises(asyncpg.PostgresError):
            await asyncpg.connect(gateway.conninfo(resource, token=token))
    file = gateway.folder / "rotated.password"
    right = file.read_text()
    file.write_text(wrong)
    try:
        with pytest.raises(asyncpg.PostgresError):
            await asyncpg.connect(gateway.conninfo("rotated"))
    finally:
        file.write_text(right)
    state = gateway.folder / "state"
    port = int(gateway.listen["ssh"].rpartition(":")[2])
    client = Client(gateway.folder, state / "ssh" / "known_hosts", port)
    assert (await client.run("echo hello")).stdout == "hello\n"
    assert (await client.run("echo hello", token=wrong)).status == 255
    async with http_client(gateway) as http:
        assert (await http.get("/billing/v1/customers")).is_success
        assert (await http.post("/billing/echo", json={"note": "none"})).is_success
        refused = await http.get("/billing/v1/customers", headers={"Authorization": f"Bearer {wrong}"})
        assert refused.status_code == 401
    connection = await asyncpg.connect(gateway.conninfo("vaulted"))
    await connection.fetch(LAST)
    await connection.close()


def _secrets(world: World, wrong: str) -> dict[str, str]:
    """All that must not be seen, by what it is. Of keys, a line in their middle."""
    vault, state = world.vault, world.gateway.folder / "state"
    held = {f"token of {one.name}": one.token for one in (AGENT, DANA, AUDREY)}
    held |= {
        "password of the target": PASSWORD,
        "what was wrong": wrong,
        "credential of the API": world.api_key,
        "secret of the gateway at Vault": vault.secret_id,
        "token of Vault's root": vault.root,
        "token at Kubernetes": world.kubernetes.token,
        "key for the host": world.sshd.private_key.read_text().splitlines()[2],
        "literal of a command": CARD,
    }
    for folder in ("keys", "tls", "ssh"):
        for path in sorted((state / folder).iterdir()):
            if path.suffix in (".key", ".secret") or path.name in ("host_key", "target_ca"):
                held[path.name] = _middle(path)
    return held


def _middle(path: Path) -> str:
    data = path.read_bytes()
    if b"PRIVATE KEY" in data:
        return data.decode().splitlines()[1]
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        return data.hex()


async def _pages(gateway: Gateway) -> dict[str, bytes]:
    """What the API and the web page show a reviewer and an auditor."""
    shown: dict[str, bytes] = {}
    for someone in (DANA, AUDREY):
        async with httpx.AsyncClient(base_url=gateway.api_url, timeout=30, trust_env=False) as page:
            await page.post("/sign-in", data={"name": someone.name, "token": someone.token})
            async with gateway.api(someone) as api:
                waiting = [*_PAGES, *_API]
                while waiting and len(shown) < 200:
                    path = waiting.pop(0)
                    if path in shown:
                        continue
                    client = api if path.startswith("/api/") else page
                    text = (await client.get(path)).text
                    shown[path] = shown.get(path, b"") + text.encode()
                    links = set(_LINKS.findall(text))
                    links |= {f"/api{link}" for link in links if not link.startswith("/api")}
                    waiting += sorted(links - shown.keys())
        shown = {(path if path in _PAGES else f"{path} "): text for path, text in shown.items()}
    return shown


def _processes(gateway: Gateway) -> dict[str, bytes]:
    """Arguments and environment of every process of the gateway's."""
    top = psutil.Process(gateway.process.pid)
    found = {}
    for process in (top, *top.children(recursive=True)):
        arguments = process.cmdline()
        role = next((word for word in arguments if word in _ROLES), process.name())
        found[f"{process.pid} {role}: arguments"] = "\0".join(arguments).encode()
        found[f"{process.pid} {role}: environment"] = repr(process.environ()).encode()
    return found


_ROLES = ("up", "ingress", "processors", "projections", "api", "clickhouse")


async def test_the_doctor_finds_nothing_of_the_gateways_own_open(world: World) -> None:
    argv = countersign("doctor", "--config", str(world.gateway.config))
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, check=False)
    wrong = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("WRONG")}
    assert wrong - {"web-1", "web-2"} == {"lost"}, done.stdout  # this sshd may offer a sign-in by password
    assert "state/keys/ingress.key" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
