"""What of the gateway's own lies open on this machine: keys, secret files, credentials in the configuration.

`observe` looks; the checks are functions of what was seen, or of what the configuration says.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel

from infra.config import Config, Gateway, Secret, StoredSecret
from infra.config.values import is_loopback
from infra.findings import Finding, State

_OTHERS = 0o007
_GROUP = 0o070
_PUBLIC = (".pub", ".crt", "known_hosts", ".lock")  # files of the state folder that hold no secret
_URL_PASSWORD = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file that holds a secret; `mode`: its permissions, None where it is not there."""

    name: str
    mode: int | None


@dataclass(frozen=True, slots=True)
class Observed:
    """`inline`: the keys of the configuration under which a credential itself stands."""

    configuration: SeenFile
    inline: tuple[str, ...]
    own: tuple[SeenFile, ...]
    secrets: tuple[SeenFile, ...]


def observe(config: Config, path: Path) -> Observed:
    """Reads no secret, only permissions. `path`: of the configuration file."""
    folders = (config.state / name for name in ("keys", "tls", "ssh"))
    own = (file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir()))
    return Observed(
        configuration=_seen(path, config.base),
        inline=tuple(dict.fromkeys(_inline(config, ""))),
        own=tuple(
            _seen(file, config.base) for file in own if file.is_file() and not file.name.endswith(_PUBLIC)
        ),
        secrets=tuple(_seen(config.base / file, config.base) for file in dict.fromkeys(_files(config))),
    )


def check(observed: Observed) -> Iterator[Finding]:
    """All checks of what was seen."""
    yield check_inline(observed)
    for file in observed.own:
        yield check_own(file)
    for file in observed.secrets:
        yield check_secret(file)


def check_inline(observed: Observed) -> Finding:
    """Whether the configuration holds a credential that others can read."""
    name, mode = observed.configuration.name, observed.configuration.mode or 0
    if not observed.inline:
        return Finding(name, State.OK, "no credential stands in it")
    where = ", ".join(observed.inline)
    if mode & (_GROUP | _OTHERS):
        return Finding(
            name,
            State.WRONG,
            f"a credential stands in it, under {where}, and others than its owner can read it",
            f"Say where the secret is, {{file: …}} or {{env: …}}; or chmod 600 {name}",
        )
    return Finding(name, State.OK, f"a credential stands in it, under {where}; only its owner can read it")


def check_ways(gateway: Gateway) -> Iterator[Finding]:
    """Whether events go to Kafka and ClickHouse so that nobody on the way reads them."""
    kafka, clickhouse = gateway.kafka, gateway.clickhouse
    if not isinstance(kafka, str):
        is_local = all(
            is_loopback(place.strip().rpartition(":")[0].strip("[]")) for place in kafka.bootstrap.split(",")
        )
        if kafka.security.protocol in ("SSL", "SASL_SSL") or is_local:
            yield Finding("gateway.kafka", State.OK, "nobody on the way to Kafka can read events")
        else:
            said = f"events go to Kafka in the clear ({kafka.security.protocol})"
            yield Finding(
                "gateway.kafka", State.WRONG, said, "Set security: {protocol: SASL_SSL, …}, or SSL."
            )
    if not isinstance(clickhouse, str):
        place = urlsplit(clickhouse.url)
        if place.scheme == "https" or is_loopback(place.hostname or ""):
            yield Finding("gateway.clickhouse", State.OK, "nobody on the way to ClickHouse can read events")
        else:
            said = "the audit log, and the password for it, go to ClickHouse in the clear"
            yield Finding("gateway.clickhouse", State.WRONG, said, "Set url: https://…")


def check_own(file: SeenFile) -> Finding:
    """A key of the gateway's own: for its owner alone."""
    if (file.mode or 0) & (_GROUP | _OTHERS):
        said = "others than its owner can use it"
        return Finding(
            file.name, State.WRONG, said, f"chmod 600 {file.name}; whoever could read it may have a copy"
        )
    return Finding(file.name, State.OK, "only its owner can read it")


def check_secret(file: SeenFile) -> Finding:
    """A secret file that the configuration names: a group may read it, everybody may not."""
    if file.mode is None:
        return Finding(
            file.name, State.WRONG, "it is not there, or not to be seen", "Write the secret there."
        )
    if file.mode & _OTHERS or file.mode & 0o020:
        return Finding(
            file.name,
            State.WRONG,
            f"everybody on this machine can use it (mode {file.mode:o})",
            f"chmod 600 {file.name}, or 640 with the gateway's group; then replace the secret",
        )
    return Finding(file.name, State.OK, "not everybody can read it")


def _seen(path: Path, base: Path) -> SeenFile:
    name = str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
    try:
        return SeenFile(name, path.stat().st_mode & 0o777)
    except OSError:
        return SeenFile(name, None)


def _files(model: BaseModel) -> Iterator[Path]:
    """The files that hold secrets; CA certificates have a secret's form and are none."""
    for name, value in _fields(model):
        if name.rpartition(".")[2] == "ca":
            continue
        if isinstance(value, Secret | StoredSecret) and value.file is not None:
            yield value.file
        elif isinstance(value, Path) and name.rpartition(".")[2] in ("key", "token"):
            yield value


def _inline(model: BaseModel, prefix: str) -> Iterator[str]:
    for name, value in _fields(model, prefix):
        if isinstance(value, str) and (_URL_PASSWORD.search(value) or _PRIVATE_KEY.search(value)):
            yield name


def _fields(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, object]]:
    """All fields with all that is in them, by their place in the configuration."""
    for name in type(model).model_fields:
        yield from _values(f"{prefix}{name}", getattr(model, name))


def _values(name: str, value: object) -> Iterator[tuple[str, object]]:
    yield name, value
    if isinstance(value, BaseModel):
        yield from _fields(value, f"{name}.")
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _values(f"{name}[{number}]", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _values(f"{name}.{key}", item)
