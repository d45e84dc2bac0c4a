"""The resources of the gateway, and how a client reaches them: what `countersign connect` needs."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.auth import SignIn
from api.problems import documented
from infra.certificates import ca_path, server_certificate
from infra.config import Config, HttpResource, Resource
from infra.ssh_keys import ssh_host_line
from schemas.vocabulary import Principal


class ResourceView(BaseModel):
    """One resource, as a client sees it."""

    name: str = Field(examples=["orders"])
    protocol: str = Field(examples=["postgres"])
    host: str | None = Field(description="where to connect; none: where the API is", examples=["127.0.0.1"])
    port: int = Field(examples=[15432])
    labels: dict[str, str]
    host_key: str | None = Field(
        default=None, description="of SSH: the gateway's public key, as in known_hosts without the host"
    )
    mcp: str | None = Field(default=None, description="of an MCP server: its path", examples=["/mcp"])


class ResourcesView(BaseModel):
    """What is behind the gateway."""

    resources: list[ResourceView]
    ca: str | None = Field(description="what verifies the gateway's certificate, PEM; none: the system's CAs")


class Resources:
    """The resources that are served."""

    def __init__(self, config: Config) -> None:
        served = []
        for resource in config.resources:
            address = getattr(config.gateway.listen, resource.protocol)
            if address is not None:
                host = None if address.host in ("0.0.0.0", "::") else address.host  # noqa: S104  not bound here
                served.append(
                    ResourceView(
                        name=resource.name,
                        protocol=resource.protocol,
                        host=host,
                        port=address.port,
                        labels=dict(resource.labels),
                        host_key=ssh_host_line(config.state) if resource.protocol == "ssh" else None,
                        mcp=_mcp_path(resource),
                    )
                )
        authority = ca_path(config)
        if authority is not None:
            server_certificate(config)  # makes the CA where there is none yet
        self._view = ResourcesView(
            resources=served, ca=authority.read_text() if authority is not None else None
        )

    @property
    def served(self) -> list[ResourceView]:
        """Each, as a client sees it."""
        return self._view.resources

    def router(self, sign_in: SignIn) -> APIRouter:
        router = APIRouter(tags=["resources"])

        @router.get("/resources", responses=documented(HTTPStatus.UNAUTHORIZED))
        async def resources(_who: Annotated[Principal, Depends(sign_in)]) -> ResourcesView:
            """What is behind the gateway, and where clients connect."""
            return self._view

        return router


def _mcp_path(resource: Resource) -> str | None:
    return resource.mcp.path if isinstance(resource, HttpResource) and resource.mcp is not None else None
