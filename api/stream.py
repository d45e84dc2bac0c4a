"""The live stream of approvals: server-sent events (HTML Living Standard, section 9.2).

An event's id is how far each partition of the topic was seen, so that a client that comes back with
`Last-Event-ID` gets what it missed, also from another process. Without one it first gets all that waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.access import Access
from api.auth import SignIn
from api.feed import Behind, Feed
from api.inbox import Change, Inbox, Kind
from api.problems import Problem, documented, unavailable
from api.showing import view
from infra.clock import Clock
from infra.identity import Revocations, SignedIn

LASTS = timedelta(minutes=15)  # then the client comes back, and is asked again who it is
_PING = 15  # seconds of silence before a comment shows that the line is open

Seen = Mapping[int, int]  # partition -> the offset of the last event seen


def parse_seen(value: str) -> dict[int, int]:
    """ "0:12.3:7" -> {0: 12, 3: 7}. Raises ValueError."""
    seen = {}
    for part in value.split("."):
        partition, _, offset = part.partition(":")
        seen[int(partition)] = int(offset)
    return seen


def format_seen(seen: Seen) -> str:
    return ".".join(f"{partition}:{offset}" for partition, offset in sorted(seen.items()))


def backlog(inbox: Inbox, seen: Seen | None) -> list[Change]:
    """What a client that has seen so much has missed, in the order it happened; new to all: what waits."""
    changes = sorted(_stored(inbox), key=_moment)
    if seen is None:
        return [change for change in changes if change.approval.settlement is None]
    return [c for c in changes if c.position.offset > seen.get(c.position.partition, -1)]


def reached(inbox: Inbox, seen: Seen | None) -> dict[int, int]:
    """How far a client has seen once it has its backlog."""
    furthest = dict(seen or {})
    for change in _stored(inbox):
        _advance(furthest, change)
    return furthest


def routes(feed: Feed, access: Access, sign_in: SignIn, clock: Clock) -> APIRouter:
    router = APIRouter(tags=["approvals"])

    @router.get(
        "/stream",
        response_class=EventSourceResponse,
        response_description="events named " + ", ".join(Kind),
        responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE),
    )
    async def stream(
        signed_in: Annotated[SignedIn, Depends(sign_in.signed_in)],
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> EventSourceResponse:
        """Approvals as they are asked for, decided and settled; `data` is the approval.

        First comes what was missed since `Last-Event-ID` or, without it, all that waits. The stream ends
        after 15 minutes, or with the token it was opened with; a client comes back with the id of the last
        event it got.
        """
        if feed.obstacle is not None:
            raise unavailable(feed.obstacle)
        found = changes(feed, access, sign_in.revocations, signed_in, seen_by(last_event_id), clock)

        async def events() -> AsyncIterator[ServerSentEvent]:
            async for change, id in found:
                same = feed.inbox.identical(change.approval)
                data = view(change.approval, signed_in.principal, clock(), same).model_dump_json()
                yield ServerSentEvent(data=data, event=change.kind.value, id=id)

        return response(events())

    return router


async def changes(
    feed: Feed,
    access: Access,
    revocations: Revocations,
    signed_in: SignedIn,
    seen: Seen | None,
    clock: Clock,
) -> AsyncIterator[tuple[Change, str | None]]:
    """What somebody may see, from what they missed on, each with the event id for it: how far that is."""
    loop = asyncio.get_running_loop()
    who, lasts = signed_in.principal, LASTS
    if signed_in.until is not None:
        lasts = min(lasts, signed_in.until - clock())
    end = loop.time() + lasts.total_seconds()
    with feed.listen() as listener, _ending(revocations, signed_in, listener.stop):
        missed = [c for c in backlog(feed.inbox, seen) if access.sees(who, c.approval)]
        furthest = reached(feed.inbox, seen)
        for change in missed:
            # Only the last one says how far: a client that loses the line before it gets all of them again.
            yield change, format_seen(furthest) if change is missed[-1] else None
        while True:
            try:
                async with asyncio.timeout_at(end):
                    change = await listener.next()
            except (TimeoutError, Behind):
                return  # the client comes back and gets the rest
            _advance(furthest, change)
            if access.sees(who, change.approval):
                yield change, format_seen(furthest)


@contextmanager
def _ending(revocations: Revocations, signed_in: SignedIn, stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` when what was shown is revoked meanwhile."""
    forget = revocations.watch(signed_in, lambda _reason: stop())
    try:
        yield
    finally:
        forget()


def _stored(inbox: Inbox) -> Iterator[Change]:
    """That each approval was requested, and that it was settled."""
    for approval in (*inbox.settled(), *inbox.pending()):
        yield Change(Kind.REQUESTED, approval, approval.requested)
        if approval.settlement is not None:
            yield Change(Kind.SETTLED, approval, approval.settlement.position)


def _moment(change: Change) -> datetime:
    settlement = change.approval.settlement
    if change.kind is Kind.SETTLED and settlement is not None:
        return settlement.time
    return change.approval.request.envelope.time


def _advance(furthest: dict[int, int], change: Change) -> None:
    position = change.position
    furthest[position.partition] = max(position.offset, furthest.get(position.partition, -1))


def response(events: AsyncIterator[ServerSentEvent]) -> EventSourceResponse:
    """The stream of these events, with a sign of life where there are none."""
    return EventSourceResponse(events, ping=_PING, sep="\n")


def seen_by(last_event_id: str | None) -> Seen | None:
    """What an event id says. Raises Problem 400 for another's."""
    if not last_event_id:
        return None
    try:
        return parse_seen(last_event_id)
    except ValueError as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "unknown-event-id",
            "Last-Event-ID is not one that this stream gave.",
            "Leave it out: the stream then begins with all that waits.",
        ) from error
