"""Access asked for beforehand: a window of time in which commands on a resource need no review."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api.auth import SignIn
from api.deciding import clean_comment
from api.feed import Behind, Feed
from api.inbox import Approval
from api.problems import Problem, documented, key_used, unavailable
from api.repeating import Repeatable
from api.showing import view
from api.views import ApprovalView
from infra.clock import Clock
from infra.kafka.bus import Bus, BusUnavailable
from schemas.envelope import envelope
from schemas.events import AccessRequested
from schemas.ids import approval_id, derived_id, uuid7
from schemas.vocabulary import Access, Intent, Principal

_MOST_WAITING = 5  # requests of one principal that reviewers have not decided on


class Ask(BaseModel):
    """What is asked for: commands of these intents on this resource, for so long."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"resource": "orders", "intents": ["write"], "seconds": 1800, "reason": "repair OPS-12"}
            ]
        },
    )

    resource: Annotated[str, AfterValidator(clean_comment)] = Field(
        min_length=1, max_length=200, pattern=r"^[^:/\s]+$"
    )
    intents: tuple[Intent, ...] = Field(min_length=1)
    seconds: float = Field(gt=0, le=366 * 86400)
    starts_at: AwareDatetime | None = Field(
        default=None, le=datetime(2200, 1, 1, tzinfo=UTC), description="null: from the approval on"
    )
    reason: Annotated[str, AfterValidator(clean_comment)] = ""
    ticket: Annotated[str, AfterValidator(clean_comment)] = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """Where access is asked for. `within`: how long the processors may take to answer."""

    feed: Feed
    bus: Bus
    node: str
    within: timedelta
    clock: Clock

    async def ask(self, who: Principal, wanted: Ask, address: str, key: str | None = None) -> Approval:
        """The request for review, once it waits for reviewers; again by the same `key`, it is the same one.

        Raises Problem: 403 no reviewer can grant it, 422 the key is used, 429 too many of theirs
        wait, 503 no Kafka, 504 the processors do not answer.
        """
        if self.feed.obstacle is not None:
            raise unavailable(self.feed.obstacle)
        event = self._event(who, wanted, address, self.clock(), key)
        is_repeat = self._answered(event.approval) is not None
        waiting = sum(_is_theirs(approval, who) for approval in self.feed.inbox.pending())
        if waiting >= _MOST_WAITING and not is_repeat:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-requests",
                f"{waiting} requests of yours for access wait already.",
                "Nothing was asked. Wait until reviewers have decided on one of them.",
            )
        with self.feed.listen() as listener:
            try:
                if not is_repeat:
                    await self.bus.publish_durably(event)
                async with asyncio.timeout(self.within.total_seconds()):
                    while (asked := self._answered(event.approval)) is None:
                        await listener.next()
            except BusUnavailable as error:
                raise unavailable(str(error)) from error
            except (TimeoutError, Behind) as error:
                raise _no_answer(event.approval, self.within) from error
        about = asked.request
        if (about.envelope.resource, about.facts.intents, about.access) != (
            event.envelope.resource,
            event.intents,
            event.access,
        ):
            raise key_used()
        if asked.settlement is not None and not asked.request.reviewers:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "access-refused",
                f"This access cannot be granted: {asked.settlement.comment}.",
                "Ask for less, or whoever keeps the gateway's rules for `review.grants` with kind window.",
                extra={"approval": asked.id, "rule": asked.request.rule},
            )
        return asked

    def _answered(self, approval: str) -> Approval | None:
        """The request, once it is clear whether anybody can grant it."""
        found = self.feed.inbox.get(approval)
        is_clear = found is not None and (found.request.reviewers or found.settlement is not None)
        return found if is_clear else None

    def _event(
        self, who: Principal, wanted: Ask, address: str, at: datetime, key: str | None
    ) -> AccessRequested:
        command = uuid7(at) if key is None else derived_id("access asked for", who.name, key)
        return AccessRequested(
            envelope=envelope(at, self.node, command=command, principal=who.name, resource=wanted.resource),
            approval=approval_id(command),
            principal=who,
            intents=tuple(sorted(set(wanted.intents))),
            access=Access(wanted.seconds, wanted.starts_at),
            reason=wanted.reason,
            ticket=wanted.ticket,
            client_address=address,
        )


def routes(asking: Asking, sign_in: SignIn) -> APIRouter:
    router = APIRouter(tags=["grants"])

    @router.post(
        "/access",
        status_code=HTTPStatus.CREATED,
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
            HTTPStatus.GATEWAY_TIMEOUT,
        ),
    )
    async def ask(
        wanted: Ask,
        who: Annotated[Principal, Depends(sign_in)],
        request: Request,
        idempotency_key: Repeatable = None,
    ) -> ApprovalView:
        """Asks reviewers for access in a window of time. The answer is the approval that waits for them; once
        they approve it, a grant of kind window is in force."""
        address = f"{request.client.host}:{request.client.port}" if request.client is not None else ""
        return view(await asking.ask(who, wanted, address, idempotency_key), who, asking.clock())

    return router


def _is_theirs(approval: Approval, who: Principal) -> bool:
    request = approval.request
    return request.access is not None and request.principal.name == who.name


def _no_answer(approval: str, within: timedelta) -> Problem:
    return Problem(
        HTTPStatus.GATEWAY_TIMEOUT,
        "no-answer-yet",
        f"You have asked, and the processors have not answered within {within.total_seconds():g} s.",
        "Do not ask again: look at the approval in a moment. If it is not there, see to the processors.",
        extra={"approval": approval},
    )
