"""The folder of a demo: configuration, tokens and passwords, written at its first start and kept."""

import json
import os
import socket
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from infra.config import ConfigError
from infra.identity import hash_token, new_token

AGENT, REVIEWER, AUDITOR = "agent-7", "dana", "audrey"

_USUAL_PORTS = {"api": 8080, "clickhouse": 8123, "postgres": 15432, "target": 15433}
_ANY = 0


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """What a demo was set up with. Everything is under `path`."""

    path: Path
    target_port: int  # of the sample PostgreSQL

    @property
    def config(self) -> Path:
        return self.path / "countersign.yaml"

    @property
    def ca(self) -> Path:
        """The gateway's own CA, there once the gateway has started."""
        return self.path / "state" / "tls" / "ca.crt"

    @property
    def target_password(self) -> str:
        return (self.path / "app-password").read_text().strip()

    def token_file(self, user: str) -> Path:
        return self.path / "tokens" / user

    def token(self, user: str) -> str:
        return self.token_file(user).read_text().strip()


def open_folder(path: Path) -> DemoFolder:
    """The demo of this folder, set up if it is new. Raises ConfigError when it cannot be used."""
    path = path.absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not (path / "demo.json").exists():
            _set_up(path)
        target_port = int(json.loads((path / "demo.json").read_text())["target_port"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            [f"{path}: this folder cannot be used for the demo: {error}; remove it, or name another"]
        ) from error
    return DemoFolder(path, target_port)


def _set_up(path: Path) -> None:
    if any(path.iterdir()) and not (path / "tokens").exists():
        raise ValueError("it holds something else")
    hashes = {}
    for user in (AGENT, REVIEWER, AUDITOR):
        token = new_token()
        _write_secret(path / "tokens" / user, token)
        hashes[user.replace("-", "_")] = hash_token(token)
    _write_secret(path / "app-password", new_token())
    ports = _free_ports()
    template = Template((files("infra.demo") / "countersign.yaml").read_text())
    (path / "state").mkdir(mode=0o700, exist_ok=True)
    (path / "countersign.yaml").write_text(template.substitute(ports, **hashes))
    # Last: a folder without it is set up again.
    (path / "demo.json").write_text(json.dumps({"target_port": ports["target"]}) + "\n")


def _write_secret(path: Path, secret: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")


def _free_ports() -> dict[str, int]:
    """The usual port of each listener, or another where that one is taken."""
    found: dict[str, int] = {}
    held: list[socket.socket] = []
    try:
        for name, usual in _USUAL_PORTS.items():
            probe = _bind(usual) or _bind(_ANY)
            if probe is None:
                raise ValueError("no port is free on 127.0.0.1")
            held.append(probe)
            found[name] = probe.getsockname()[1]
    finally:
        for probe in held:
            probe.close()
    return found


def _bind(port: int) -> socket.socket | None:
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        probe.close()
        return None
    return probe
