"""The API, asked as its caller: the same routes, the same checks."""

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.types import ASGIApp


class OwnApi:
    """`app`: the application that serves the API, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def ask(
        self,
        token: str,
        host: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """The answer's document, whether it is what was asked for or a problem. `host`: of the caller, whose
        guesses are counted."""
        transport = httpx.ASGITransport(self._app, client=(host, 0))
        async with httpx.AsyncClient(transport=transport, base_url="http://countersign") as client:
            answer = await client.request(
                method, path, params=query, json=body, headers={"Authorization": f"Bearer {token}"}
            )
        return answer.json()
