"""The configuration file of a command: where it is, and the words it may use."""

from pathlib import Path
from typing import Annotated

import typer

from infra.config import DEFAULT_PATH, Config, ConfigError, Names, load
from ingress.http.words import STATEMENTS as HTTP_STATEMENTS
from ingress.kubernetes.words import STATEMENTS as KUBERNETES_STATEMENTS
from ingress.mcp.words import STATEMENTS as MCP_STATEMENTS
from ingress.postgres.sql.statements import STATEMENTS
from ingress.protocols import PROTOCOLS
from ingress.ssh.words import STATEMENTS as SSH_STATEMENTS
from processors.masking.detectors import DETECTORS
from processors.masking.masks import MASKS

ConfigOption = Annotated[
    Path, typer.Option("--config", envvar="COUNTERSIGN_CONFIG", help="The configuration file.")
]
DEFAULT = DEFAULT_PATH


def load_config(path: Path) -> Config:
    """The configuration, checked against all that this version knows. Raises ConfigError."""
    return load(path, names())


def load_checked(path: Path) -> Config:
    """The configuration, its rules tried as well. Raises ConfigError."""
    # Here, not above: what tries an expression takes time, and only the processors need it again.
    from processors.configured import rule_problems

    config = load_config(path)
    if problems := rule_problems(config):
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return config


def names() -> Names:
    """The words that a configuration may use and other packages define."""
    return Names(
        protocols=frozenset(PROTOCOLS),
        statements=frozenset(STATEMENTS)
        | SSH_STATEMENTS
        | KUBERNETES_STATEMENTS
        | HTTP_STATEMENTS
        | MCP_STATEMENTS,
        masks=frozenset(MASKS),
        detectors=frozenset(DETECTORS),
    )
