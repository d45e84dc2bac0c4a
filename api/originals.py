"""What of a command was sealed, opened for a reviewer who may see it.

Each opening is logged, with who and which approval; what was opened is in no log, and in one answer alone.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

import structlog
from cryptography.exceptions import InvalidTag
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from api.access import Access
from api.auth import SignIn
from api.deciding import Desk
from api.inbox import SHORTEST_PREFIX, Approval
from api.past import Past
from api.problems import Problem, documented
from infra.keys import Sealer
from schemas.vocabulary import Principal

log = structlog.get_logger()


class Original(BaseModel):
    """A command as it was sent, sensitive literals included."""

    command: str
    parameters: list[str | None]


@dataclass(frozen=True, slots=True)
class Originals:
    """Opens what was sealed."""

    sealer: Sealer
    access: Access

    def open(self, who: Principal, approval: Approval) -> Original:
        """The command as it was sent. Raises Problem 403, and 409 where it cannot be opened here."""
        request = approval.request
        if not self.access.opens(who, approval):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "sealed",
                "Nothing of this command is sealed that you may see.",
                "Only its reviewers in a group under the resource's sensitive.shown_to see its literals.",
            )
        try:
            text, parameters = self.sealer.open(request.envelope.command, request.sealed)
        except InvalidTag as error:
            raise Problem(
                HTTPStatus.CONFLICT,
                "sealed-elsewhere",
                "What was sealed cannot be opened by this API: it has another sealing key.",
                "Give the API the ingress's state/keys/sealing.key.",
            ) from error
        log.info("sealed_command_shown", reviewer=who.name, approval=approval.id)
        return Original(command=text, parameters=list(parameters))


def routes(originals: Originals, desk: Desk, past: Past, sign_in: SignIn) -> APIRouter:
    router = APIRouter(prefix="/approvals", tags=["approvals"])

    @router.post(
        "/{approval}/original",
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
    )
    async def original(
        approval: Annotated[str, Path(min_length=SHORTEST_PREFIX, max_length=36)],
        who: Annotated[Principal, Depends(sign_in)],
    ) -> Original:
        """The command with its sensitive literals, for a reviewer who may see them. Each time is logged."""
        return originals.open(who, await past.find(desk, approval, who))

    return router
