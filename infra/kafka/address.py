"""Where Kafka is, and how to sign in to it."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.config import Config, ConfigError, ExternalKafka, KafkaSecurity


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """A Kafka to connect to.

    `bootstrap`: "host:port", several with commas. `options`: further keyword arguments of aiokafka's
    clients: `security_protocol`, `sasl_…`, `ssl_context`. They may hold a password, so they are not shown.
    """

    bootstrap: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def address_file(state: Path) -> Path:
    """The file that says where the embedded Kafka of this state folder listens, there while it runs."""
    return state / "kafka" / "address"


def kafka_address(config: Config) -> KafkaAddress:
    """The Kafka this configuration names.

    Raises ConfigError when the embedded one does not run, or a secret or certificate is not there.
    """
    kafka = config.gateway.kafka
    if isinstance(kafka, ExternalKafka):
        return KafkaAddress(kafka.bootstrap, _options(kafka.security, config.base))
    try:
        return KafkaAddress(address_file(config.state).read_text().strip())
    except FileNotFoundError as error:
        raise ConfigError(
            [
                f"the embedded Kafka of {config.state} does not run: start `countersign up`, "
                "or name another with gateway.kafka: {bootstrap: …}"
            ]
        ) from error
    except OSError as error:
        raise ConfigError([f"{address_file(config.state)} cannot be read: {error.strerror}"]) from error


def _options(security: KafkaSecurity, base: Path) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": security.protocol}
    if security.protocol.startswith("SASL_"):
        if security.mechanism is None or security.username is None or security.password is None:
            raise ConfigError(
                [
                    f"gateway.kafka.security: protocol {security.protocol} "
                    "needs mechanism, username and password"
                ]
            )
        options["sasl_mechanism"] = security.mechanism
        options["sasl_plain_username"] = security.username
        options["sasl_plain_password"] = security.password.read(base)
    if security.protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(security, base)
    return options


def _ssl_context(security: KafkaSecurity, base: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=security.ca.read(base) if security.ca else None)
        if security.certificate is not None:
            key = base / security.key if security.key is not None else None
            context.load_cert_chain(base / security.certificate, key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(
            [f"gateway.kafka.security: ca, certificate or key cannot be used: {error}"]
        ) from error
    return context
