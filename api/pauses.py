"""Lifting the pause of one whom reviewers rejected again and again (docs/rules.md, "Reviewers are people").

It is an answer to what was rejected: who may decide on that may say that it counts no longer. Whether it does
is for the processors to say, as with any decision.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.access import obstacle_to_resuming
from api.auth import SignIn
from api.deciding import clean_comment
from api.feed import Feed
from api.inbox import Approval
from api.problems import Problem, documented, unavailable
from infra.clock import Clock
from infra.config import Policy
from infra.kafka.bus import Bus, BusUnavailable
from schemas.envelope import envelope
from schemas.events import ReviewDecided
from schemas.vocabulary import Answer, ApprovalState, Principal


class Resume(BaseModel):
    """Why somebody may go on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"comment": "prompt fixed"}]})

    comment: Annotated[str, AfterValidator(clean_comment)] = Field(min_length=1)


class Resumed(BaseModel):
    """Whose pause is lifted, and under which rules."""

    name: str
    rules: list[str]


@dataclass(frozen=True, slots=True)
class Pauses:
    """Where pauses are lifted. `pausing`: the names of the rules in force whose rejections lead to one."""

    feed: Feed
    bus: Bus
    node: str
    clock: Clock
    pausing: Callable[[], Collection[str]]

    async def lift(self, who: Principal, name: str, comment: str) -> Resumed:
        """Says for each rule under which `who` may decide that the rejections so far count no longer. Raises
        Problem: 403 not theirs, 404 nothing of this principal's was rejected lately, 503 no Kafka."""
        if self.feed.obstacle is not None:
            raise unavailable(self.feed.obstacle)
        rejected = self._rejected(name)
        if not rejected:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "nothing-rejected",
                f"No rule that pauses had {name} rejected lately: there is no pause to lift.",
                "See `countersign approvals list`.",
            )
        obstacles = [obstacle_to_resuming(who, approval, self.clock()) for approval in rejected]
        theirs = [one for one, found in zip(rejected, obstacles, strict=True) if found is None]
        if not theirs:
            reason = next(found.reason for found in obstacles if found is not None)
            raise Problem(
                HTTPStatus.FORBIDDEN, "not-yours-to-decide", reason, "Ask one of the reviewers of its rule."
            )
        for approval in theirs:
            try:
                await self.bus.publish_durably(self._event(who, approval, comment))
            except BusUnavailable as error:
                raise unavailable(str(error)) from error
        return Resumed(name=name, rules=[approval.request.rule for approval in theirs])

    def may_lift(self, who: Principal, approval: Approval) -> bool:
        """Whether `who` may say that this rejection counts no longer, and it counted towards a pause."""
        return self._counts(approval) and obstacle_to_resuming(who, approval, self.clock()) is None

    def _counts(self, approval: Approval) -> bool:
        return approval.state is ApprovalState.REJECTED and approval.request.rule in self.pausing()

    def _rejected(self, name: str) -> list[Approval]:
        """The newest rejection under each rule that pauses."""
        newest: dict[str, Approval] = {}
        for approval in self.feed.inbox.settled():
            if approval.request.principal.name == name and self._counts(approval):
                newest.setdefault(approval.request.rule, approval)
        return list(newest.values())

    def _event(self, who: Principal, approval: Approval, comment: str) -> ReviewDecided:
        about = approval.request.envelope
        return ReviewDecided(
            envelope=envelope(
                self.clock(),
                self.node,
                session=about.session,
                command=about.command,
                principal=about.principal,
                resource=about.resource,
                trace=about.trace,
            ),
            approval=approval.id,
            reviewer=who,
            answer=Answer.RESUME,
            comment=comment,
            digest=approval.request.digest,
        )


def rules_that_pause(policies: Iterable[Policy]) -> frozenset[str]:
    """The names of those with `limits.rejections`."""
    return frozenset(policy.name for policy in policies if policy.limits.rejections.rates)


def routes(pauses: Pauses, sign_in: SignIn) -> APIRouter:
    router = APIRouter(tags=["approvals"])

    @router.post(
        "/agents/{name}/resume",
        status_code=HTTPStatus.ACCEPTED,
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
    )
    async def resume(name: str, why: Resume, who: Annotated[Principal, Depends(sign_in)]) -> Resumed:
        """Lifts the pause that rejections led to (`limits.rejections`), under every rule whose reviewer one
        is. Within moments what the principal asks for is heard again."""
        return await pauses.lift(who, name, why.comment)

    return router
