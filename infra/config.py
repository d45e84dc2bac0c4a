"""The configuration file: one YAML document, checked as a whole before anything starts.

Its names are a contract with users (docs/configuration.md). Errors name file, line and what was expected.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infra.amounts import Amounts, parse_amounts
from schemas.vocabulary import Fallback, Intent, Principal, PrincipalKind, Verdict

DEFAULT_PATH = Path("countersign.yaml")


class ConfigError(Exception):
    """The configuration cannot be used; each problem names file, line and what was expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Names:
    """The words a configuration may use that other packages define; handed in by the caller."""

    protocols: frozenset[str]
    statements: frozenset[str]
    masks: frozenset[str]
    detectors: frozenset[str]


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    if isinstance(value, timedelta):
        return value
    raise ValueError("expected a duration such as 30s, 10m or 2h")


Duration = Annotated[timedelta, BeforeValidator(_duration)]


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def parse_address(value: Any) -> Address:
    """ "host:port" or "[v6]:port". Raises ValueError."""
    if isinstance(value, Address):
        return value
    host, colon, port = str(value).rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError("expected host:port")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


HostPort = Annotated[Address, BeforeValidator(parse_address)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Secret(_Model):
    """Where a secret is; it is read when it is used and never kept in the configuration."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("expected exactly one of env and file")
        return self

    def read(self, base: Path) -> str:
        """The secret. Raises ConfigError where it is not there. `base`: the configuration's folder."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                raise ConfigError([f"the environment variable {self.env} is not set"])
            return value
        assert self.file is not None
        path = base / self.file
        try:
            return path.read_text().strip()
        except OSError as error:
            raise ConfigError([f"the secret file {self.file} cannot be read: {error.strerror}"]) from error


class KafkaSecurity(_Model):
    """How to sign in to an external Kafka; the words are Kafka's own."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username: str | None = None
    password: Secret | None = None
    ca: Secret | None = None
    certificate: Path | None = None
    key: Path | None = None


class ExternalKafka(_Model):
    bootstrap: str
    security: KafkaSecurity = KafkaSecurity()


class ExternalClickHouse(_Model):
    url: str


def _is_served(address: Any, info: ValidationInfo) -> Any:
    names: Names | None = info.context
    if names is not None and info.field_name not in names.protocols:
        raise ValueError(f"this version does not serve it, only {', '.join(sorted(names.protocols))}")
    return address


Ingress = Annotated[HostPort, AfterValidator(_is_served)]


class Listen(_Model):
    """Where each ingress listens; one that is not listed does not start."""

    api: HostPort | None = None
    clickhouse: HostPort | None = None
    postgres: Ingress | None = None
    mysql: Ingress | None = None
    ssh: Ingress | None = None
    kubernetes: Ingress | None = None
    http: Ingress | None = None


class Tls(_Model):
    """The gateway's own certificate: made by its own CA, or the user's."""

    mode: Literal["auto"] | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _auto_or_files(self) -> Self:
        if self.mode is None and (self.certificate is None or self.key is None):
            raise ValueError("expected mode: auto, or both certificate and key")
        return self


class Gateway(_Model):
    state: Path = Path(".countersign")
    kafka: Literal["embedded"] | ExternalKafka = "embedded"
    clickhouse: Literal["embedded"] | ExternalClickHouse = "embedded"
    listen: Listen = Listen()
    tls: Tls = Tls(mode="auto")
    auditors: tuple[str, ...] = ()
    url: str | None = None  # how reviewers reach the API, for links; from listen.api when absent
    verdict_timeout: Duration = timedelta(seconds=15)  # without a verdict by then a command is refused


class User(_Model):
    name: str = Field(min_length=1, pattern=r"^[^:/\s]+$")
    kind: PrincipalKind
    groups: tuple[str, ...] = ()
    token_hash: str
    expires: str | None = None  # a date and time (ISO 8601) after which the token is refused

    @property
    def principal(self) -> Principal:
        return Principal(self.name, self.kind, self.groups)


class Identity(_Model):
    users: tuple[User, ...] = ()

    @model_validator(mode="after")
    def _no_doubles(self) -> Self:
        names = [user.name for user in self.users]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"user {name} is there twice")
        return self


def _is_mask(mask: str, info: ValidationInfo) -> str:
    return _known(mask, info, "masks", "mask")


def _is_detector(detector: str, info: ValidationInfo) -> str:
    return _known(detector, info, "detectors", "detector")


def _known(value: str, info: ValidationInfo, kind: str, word: str) -> str:
    names: Names | None = info.context
    if names is not None:
        known = getattr(names, kind)
        if value not in known:
            raise ValueError(f"expected a {word}, one of {', '.join(sorted(known))}")
    return value


def _is_column_pattern(pattern: str) -> str:
    if pattern.count(".") != 2 or not all(pattern.split(".")):
        raise ValueError('expected "schema.table.column", each a name or *')
    return pattern


class Sensitive(_Model):
    columns: dict[
        Annotated[str, AfterValidator(_is_column_pattern)], Annotated[str, AfterValidator(_is_mask)]
    ] = {}
    detect: tuple[Annotated[str, AfterValidator(_is_detector)], ...] = ()


class Credentials(_Model):
    """What the gateway signs in to the target with; the client never sees it."""

    user: str
    password: Secret | None = None


def _is_protocol(protocol: str, info: ValidationInfo) -> str:
    return _known(protocol, info, "protocols", "protocol this version serves")


class Resource(_Model):
    name: str = Field(min_length=1, pattern=r"^[^:/\s]+$")
    protocol: Annotated[str, AfterValidator(_is_protocol)]
    address: HostPort
    database: str | None = None
    labels: dict[str, str] = {}
    credentials: Credentials
    tls: Literal["verify-full", "require", "disable"] = "verify-full"
    ca: Secret | None = None
    sensitive: Sensitive = Sensitive()
    recording: Literal["full", "preview", "metadata"] = "full"


def _is_statement(statement: str, info: ValidationInfo) -> str:
    return _known(statement, info, "statements", "statement kind")


def _is_network(network: str) -> str:
    import ipaddress

    ipaddress.ip_network(network)
    return network


def _is_regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from error
    return pattern


class Hours(_Model):
    """A daily window in a time zone: {from: "08:00", to: "18:00", zone: Europe/Berlin, days: [mon, …]}."""

    start: str = Field(alias="from", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(alias="to", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    zone: str = "UTC"
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
    )

    @model_validator(mode="after")
    def _zone_exists(self) -> Self:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"expected a time zone such as Europe/Berlin, found {self.zone!r}") from error
        return self


class When(_Model):
    """What a rule matches on. All given keys must match; in a list, any entry."""

    users: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    kinds: tuple[PrincipalKind, ...] | None = None
    resources: tuple[str, ...] | None = None  # names and globs
    labels: dict[str, str] | None = None
    intents: tuple[Intent, ...] | None = None
    statements: tuple[Annotated[str, AfterValidator(_is_statement)], ...] | None = None
    tables: tuple[str, ...] | None = None  # globs over schema.table
    columns: tuple[str, ...] | None = None  # globs over schema.table.column
    functions: tuple[str, ...] | None = None  # globs over schema.function
    programs: tuple[str, ...] | None = None
    command: Annotated[str, AfterValidator(_is_regular_expression)] | None = None
    hours: Hours | None = None
    networks: tuple[Annotated[str, AfterValidator(_is_network)], ...] | None = None
    expression: str | None = None  # CEL


class Review(_Model):
    """Who reviews, how many must approve, and what happens when nobody does."""

    reviewers: tuple[str, ...] = Field(min_length=1)  # groups
    approvals: int = Field(default=1, ge=1)
    timeout: Duration = timedelta(minutes=10)
    on_timeout: Fallback = Fallback.DENY
    on_unavailable: Literal["deny"] = "deny"
    valid_for: Duration = timedelta(minutes=5)


def _only_rates(amounts: Amounts) -> Amounts:
    if amounts.each is not None:
        raise ValueError("expected an amount and a window, such as 500/h")
    return amounts


class Limits(_Model):
    """Obligations on one command, and budgets: what of a principal's commands together is permitted."""

    rows: Annotated[Amounts, BeforeValidator(parse_amounts)] = Amounts()
    bytes: Annotated[Amounts, BeforeValidator(parse_amounts)] = Amounts()
    commands: Annotated[Amounts, BeforeValidator(parse_amounts), AfterValidator(_only_rates)] = Amounts()
    time: Duration | None = None
    cost: float | None = Field(default=None, gt=0)
    read_only: bool = False
    over: Literal[Verdict.REVIEW, Verdict.DENY] = Verdict.DENY  # what happens when a budget is used up

    @property
    def has_budgets(self) -> bool:
        return bool(self.rows.rates or self.bytes.rates or self.commands.rates)


class Policy(_Model):
    name: str = Field(min_length=1)
    when: When
    verdict: Verdict
    review: Review | None = None
    limits: Limits = Limits()
    require: tuple[Literal["reason", "ticket"], ...] = ()
    message: str = ""

    @model_validator(mode="after")
    def _review_has_reviewers(self) -> Self:
        reviews = self.verdict is Verdict.REVIEW or self.limits.over is Verdict.REVIEW
        if reviews != (self.review is not None):
            raise ValueError(
                "expected review: {reviewers: [...]} exactly where the verdict, or limits.over, is review"
            )
        return self

    @model_validator(mode="after")
    def _budgets_have_a_use(self) -> Self:
        if self.verdict is Verdict.DENY and (self.limits != Limits() or self.require):
            raise ValueError("expected neither limits nor require where the verdict is deny: nothing runs")
        if self.limits.over is Verdict.REVIEW and (
            self.verdict is Verdict.REVIEW or not self.limits.has_budgets
        ):
            raise ValueError(
                "expected over: review beside a budget, such as commands: 500/h, of an allow rule"
            )
        return self


class Config(_Model):
    gateway: Gateway = Gateway()
    identity: Identity = Identity()
    resources: tuple[Resource, ...] = ()
    policies: tuple[Policy, ...] = ()
    _base: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for word, names in (
            ("resource", [resource.name for resource in self.resources]),
            ("policy", [policy.name for policy in self.policies]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{word} {name!r} is there twice")
        return self

    @property
    def base(self) -> Path:
        """The folder of the configuration file; relative paths start there."""
        return self._base

    @property
    def state(self) -> Path:
        """The state folder."""
        return self._base / self.gateway.state

    @property
    def api_url(self) -> str:
        """How reviewers reach the API, without a slash at the end."""
        if self.gateway.url:
            return self.gateway.url.rstrip("/")
        address = self.gateway.listen.api
        if address is None:
            return ""
        return f"{'http' if address.is_loopback else 'https'}://{address}"

    def resource(self, name: str) -> Resource | None:
        return next((resource for resource in self.resources if resource.name == name), None)


def load(path: Path, names: Names | None = None) -> Config:
    """The configuration of this file. `names`: the words other packages define, to check against.

    Raises ConfigError with one line a problem: file:line: where: what was expected.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    try:
        document = YAML(typ="rt").load(StringIO(text))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigError([f"{path}{line}: not valid YAML: {problem}"]) from error
    if not isinstance(document, dict):
        raise ConfigError([f"{path}:1: expected a mapping with gateway, identity, resources and policies"])
    try:
        config = Config.model_validate(_plain(document), context=names)
    except ValidationError as error:
        raise ConfigError(list(_problems(path, document, error))) from error
    config._base = path.resolve().parent
    return config


def _plain(node: Any) -> Any:
    """The document without ruamel's own types."""
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for plain in (int, float, str):
        if isinstance(node, plain):
            return plain(node)
    return node


def _problems(path: Path, document: Any, error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        location = [part for part in problem["loc"] if part not in ("ExternalKafka", "ExternalClickHouse")]
        line, where = _find(document, location)
        expected = problem["msg"].removeprefix("Value error, ")
        unknown = problem["type"] == "extra_forbidden"
        if unknown:
            expected = "this key is not known here"
        found = problem.get("input")
        # What stands under an unknown key may be a secret under a misspelt one.
        showable = isinstance(found, str | int | float) and not unknown and not _secret(where)
        shown = f"; found {found!r}" if showable else ""
        yield f"{path}:{line}: {where or 'document'}: {expected}{shown}"


def _secret(where: str) -> bool:
    words = ("password", "token", "url", "credentials", "gateway.kafka", "gateway.clickhouse")
    return any(word in where for word in words)


def _find(document: Any, location: list[Any]) -> tuple[int, str]:
    """The line of the deepest part of `location` that is there, and the location in words."""
    node, line, where = document, 1, ""
    for part in location:
        if isinstance(part, int):
            where += f"[{part}]"
        elif part != "[key]":
            where += f".{part}" if where else str(part)
        try:
            position = node.lc.item(part) if isinstance(part, int) else node.lc.key(part)
            line = position[0] + 1
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            continue
    return line, where
