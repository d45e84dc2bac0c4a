"""The way to the MCP server: a bearer token with every request, and no page in a browser.

The server is loaded when somebody first comes: that takes a second and some 60 MiB, which most gateways never
need.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from api import problems
from api.auth import SignIn, unauthenticated

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

PATH = "/mcp"


class McpEndpoint:
    """The server, for those who show a token. Who it is stands in the request's state.

    `load`: makes the server. It is called in a thread, so that nobody else waits meanwhile.
    """

    def __init__(self, load: "Callable[[], MCPServer]", sign_in: SignIn) -> None:
        self._load = load
        self._sign_in = sign_in
        self._is_wanted = asyncio.Event()
        self._app: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()

    def route(self) -> Route:
        """What the API's application serves it by."""
        return Route(PATH, endpoint=self)

    async def run(self) -> None:
        """Serves who comes. To be run while the application does."""
        await self._is_wanted.wait()
        server, app = await asyncio.to_thread(self._loaded)
        async with server.session_manager.run():
            self._app.set_result(app)
            await asyncio.get_running_loop().create_future()

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
        self._is_wanted.set()
        app = await asyncio.shield(self._app)
        await app(scope, receive, send)

    def _loaded(self) -> "tuple[MCPServer, ASGIApp]":
        from api.mcp.server import application

        server = self._load()
        return server, application(server, PATH)
