"""What is needed of a configured MCP server: an API of `ingress/http/` is one."""

from typing import Protocol

from infra.config import HttpResource
from ingress.web.credentials import Granted
from ingress.web.selectors import Selectors
from ingress.web.target_connection import Target


class Server(Protocol):
    """One resource."""

    @property
    def resource(self) -> HttpResource: ...
    @property
    def target(self) -> Target: ...
    @property
    def selectors(self) -> Selectors: ...
    async def granted(self) -> Granted: ...
    def refused_credential(self) -> None: ...
