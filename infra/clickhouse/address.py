"""Where the embedded ClickHouse of a state folder listens for the gateway's own roles."""

from pathlib import Path

from infra.config import Config, ConfigError


def address_file(state: Path) -> Path:
    """The file that says so: "host:port" on loopback, there while it runs."""
    return state / "clickhouse" / "address"


def embedded_address(config: Config) -> str:
    """What stands in it. Raises ConfigError when the embedded ClickHouse does not run."""
    try:
        return address_file(config.state).read_text().strip()
    except FileNotFoundError as error:
        raise ConfigError(
            [
                f"the embedded ClickHouse of {config.state} does not run: start `countersign up`, "
                "or name another with gateway.clickhouse: {url: …}"
            ]
        ) from error
    except OSError as error:
        raise ConfigError([f"{address_file(config.state)} cannot be read: {error.strerror}"]) from error
