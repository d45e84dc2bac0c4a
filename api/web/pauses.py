"""The form that lifts a pause: it stands on the page of a request that was rejected."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.pauses import Pauses
from api.web import forms
from api.web.site import Site


class PausePages:
    """Lifts pauses from the page."""

    def __init__(self, site: Site, pauses: Pauses) -> None:
        self._site = site
        self._pauses = pauses

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.post("/agents/{name}/resume")(self.resume)
        return router

    async def resume(
        self,
        request: Request,
        name: str,
        reason: Annotated[str, Form()] = "",
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        session = self._site.posted_by(request, form_token)
        resumed = await self._pauses.lift(
            session.principal, name, forms.reason(reason, "the pause is lifted")
        )
        return self._site.page(request, "resumed.html", session=session, resumed=resumed)
