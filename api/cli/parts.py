"""The parts of a gateway, from its configuration: which run, in which order, and where they listen."""

import sys
from collections.abc import Iterator
from pathlib import Path

from infra.config import Config
from infra.kafka.jars import Progress
from infra.kafka.part import KafkaPart
from infra.role import RoleProcess
from infra.supervisor import Part
from ingress.protocols import PROTOCOLS


def make_parts(config: Config, path: Path, progress: Progress) -> list[Part]:
    """What `config`, read from `path`, asks for, in the order in which it is needed.

    A client that is let in finds everything behind it running, and what stops first lets nobody in.
    """
    listen = config.gateway.listen
    config.state.mkdir(mode=0o700, parents=True, exist_ok=True)

    def role(name: str, *after: str) -> RoleProcess:
        command = [sys.executable, "-P", "-m", "api.cli", name, "--config", str(path.absolute())]
        return RoleProcess(name, command, config.state / "log" / f"{name}.log", after)

    parts: list[Part] = [KafkaPart(config, progress)]
    if config.gateway.clickhouse == "embedded":
        parts.append(role("clickhouse"))
    parts += [role("projections", "kafka", "clickhouse"), role("processors", "kafka")]
    if listen.api is not None:
        parts.append(role("api", "kafka"))
    if any(getattr(listen, protocol) is not None for protocol in PROTOCOLS):
        parts.append(role("ingress", "kafka"))
    return parts


def listeners(config: Config) -> Iterator[tuple[str, str]]:
    """What clients connect to: (name, address), in words."""
    listen = config.gateway.listen
    if config.gateway.clickhouse == "embedded" and listen.clickhouse is not None:
        yield "clickhouse", f"http://{listen.clickhouse}"
    if listen.api is not None:
        yield "api", config.api_url
    for protocol in PROTOCOLS:
        address = getattr(listen, protocol)
        if address is not None:
            yield protocol, str(address)
