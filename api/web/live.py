"""The live stream of the pages: server-sent events that carry rows of HTML, made where the pages are made.

A page says how far it was made (`seen`), so nothing is told twice and nothing is missed. A change costs each
reviewer's browser one row, however many requests wait.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.auth import unauthenticated
from api.feed import Feed
from api.inbox import Change
from api.problems import unavailable
from api.stream import changes, response, seen_by
from api.web.rows import row_of
from api.web.site import Site
from schemas.vocabulary import Principal


class Live:
    """What happens, as pages take it in."""

    def __init__(self, site: Site, feed: Feed) -> None:
        self._site = site
        self._feed = feed

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/live", response_class=EventSourceResponse, response_model=None)(self.live)
        return router

    async def live(
        self, request: Request, seen: str = "", last_event_id: Annotated[str | None, Header()] = None
    ) -> EventSourceResponse:
        session = self._site.session(request)
        if session is None:
            raise unauthenticated("The browser is not signed in.")
        if self._feed.obstacle is not None:
            raise unavailable(self._feed.obstacle)
        site, signed_in = self._site, session.signed_in
        known = seen_by(last_event_id or seen)
        found = changes(self._feed, site.access, site.sign_in.revocations, signed_in, known, site.clock)

        async def events() -> AsyncIterator[ServerSentEvent]:
            async for change, id in found:
                data = msgspec.json.encode(self._message(change, signed_in.principal)).decode()
                yield ServerSentEvent(data=data, event=change.kind.value, id=id)

        return response(events())

    def _message(self, change: Change, who: Principal) -> dict[str, Any]:
        """What the script needs: `mine` whether it waits for `who`; `html` its row while it waits;
        `identical` the others of its row, where it is one of several."""
        row = row_of(change.approval, who, self._site.clock())
        html = self._site.render("row.html", row=row) if row.settled_at is None else ""
        return {
            "id": row.id,
            "mine": row.is_mine,
            "from": f"{row.principal} → {row.resource}",
            "html": html,
            "identical": [other.id for other in self._feed.inbox.identical(change.approval)],
        }
