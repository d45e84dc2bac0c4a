"""Messages about a request -> its one ticket."""

import json

import httpx

from api.inbox import Change, Kind
from api.notifications.backoff import GONE
from api.notifications.outbox import Message, Outbox
from api.notifications.payload import concerns, link, plain_message
from api.notifications.receiver import Answer
from api.notifications.tickets.tracker import Refused, Ticket, Tracker
from infra.config import TicketsOf

_MALFORMED = (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY)  # the same again does not help


class Tickets:
    """The tickets in one tracker. `url`: of the gateway's page, for links."""

    def __init__(self, about: TicketsOf, tracker: Tracker, url: str, outbox: Outbox) -> None:
        self._about = about
        self._tracker = tracker
        self._url = url
        self._outbox = outbox

    @property
    def name(self) -> str:
        return self._about.name

    def maybe_payload(self, change: Change) -> str | None:
        if not concerns(self._about.resources, change):
            return None
        title, text = plain_message(change, self._url)
        told = {"title": title, "text": text, "link": link(change, self._url)}
        is_end = change.kind is Kind.SETTLED
        return json.dumps({"approval": change.approval.id, "is_end": is_end, **told})

    async def send(self, message: Message) -> Answer:
        told = json.loads(message.body)
        ticket = Ticket(f"countersign-{told['approval']}", told["title"], told["text"], told["link"])
        place = self._outbox.posted(self.name, told["approval"])
        if told["is_end"] and place is None:
            return Answer(False, "the ticket that it ends is not there yet")
        try:
            if place is None:
                # It may have been opened by an attempt whose answer did not arrive.
                place = await self._tracker.find(ticket.key) or await self._tracker.open(ticket)
                self._outbox.keep_posted(self.name, told["approval"], place)
            if told["is_end"]:
                await self._tracker.end(place, ticket)
        except httpx.HTTPError as error:
            return Answer(False, f"it could not be reached: {type(error).__name__}")
        except Refused as error:
            status = GONE if error.status in _MALFORMED else error.status
            return Answer(False, str(error), status, error.retry_after)
        return Answer(True)
