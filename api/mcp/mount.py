"""The way to the MCP server: a bearer token with every request, and no page in a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api import problems
from api.auth import SignIn, unauthenticated
from api.mcp.runs import Runs

PATH = "/mcp"
_LARGEST = 1024 * 1024  # bytes of a message


class SignedInOnly:
    """The server, for those who show a token. Who it is stands in the request's state."""

    def __init__(self, server: MCPServer, sign_in: SignIn) -> None:
        # Nothing is kept between two requests: each is signed in by itself.
        self._app = server.streamable_http_app(
            streamable_http_path=PATH,
            stateless_http=True,
            max_request_body_size=_LARGEST,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            if request.headers.get("origin") is not None:
                raise problems.Problem(
                    HTTPStatus.FORBIDDEN,
                    "page-in-a-browser",
                    "The request comes from a page in a browser.",
                    "Use an MCP client; people have the page of the gateway.",
                )
            if request.headers.get("authorization") is None:
                raise unauthenticated("The request carries no token.")  # a browser's cookie is none
            request.state.signed_in = await self._sign_in.signed_in(request)
        except problems.Problem as problem:
            await problems.response(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def route(server: MCPServer, sign_in: SignIn) -> Route:
    """What the API's application serves it by."""
    return Route(PATH, endpoint=SignedInOnly(server, sign_in))


@asynccontextmanager
async def running(server: MCPServer, runs: Runs) -> AsyncIterator[None]:
    """While the application runs."""
    async with server.session_manager.run():
        try:
            yield
        finally:
            await runs.stop()
