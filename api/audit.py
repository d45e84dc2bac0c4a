"""Reads of the audit log."""

from infra.config import Config


class AuditLog:
    def __init__(self, config: Config) -> None:
        self._config = config

    async def obstacle(self) -> str | None:
        return "later"
