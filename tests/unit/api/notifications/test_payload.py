import json

from support.reviews import requested, settled

from api.inbox import Change, Inbox, Position
from api.notifications.payload import is_for, message_id, payload, plain_message
from infra.config import WebhookEndpoint
from schemas.events import Event
from schemas.vocabulary import ApprovalState

_SECRET_WORDS = "top-secret-literal"


def changes(*events: Event) -> list[Change]:
    inbox = Inbox()
    found = [inbox.apply(event, Position(0, number)) for number, event in enumerate(events)]
    return [change for change in found if change is not None]


def endpoint(**more: object) -> WebhookEndpoint:
    fields = {"name": "ops", "url": "https://hooks.example/x", "secret": {"env": "SECRET"}}
    return WebhookEndpoint.model_validate(fields | more)


def test_it_says_what_a_reviewer_needs_and_nothing_of_the_command() -> None:
    request = requested(
        text=f"delete from orders where note = '{_SECRET_WORDS}'",
        parameters=(_SECRET_WORDS,),
        sealed=_SECRET_WORDS.encode(),
        reason=f"because {_SECRET_WORDS}",
    )
    (change,) = changes(request)
    text = payload(change, "https://gateway.example")
    said = json.loads(text)
    assert said["type"] == "approval.requested"
    assert said["data"]["does"] == ["deletes from public.orders"]
    assert said["data"]["link"] == f"https://gateway.example/approvals/{request.approval}"
    assert (said["data"]["state"], said["data"]["ended"]) == ("pending", None)
    assert _SECRET_WORDS not in text


def test_what_ran_by_break_glass_says_so() -> None:
    (change,) = changes(requested(afterwards=True))
    assert json.loads(payload(change, ""))["data"]["afterwards"] is True
    title, _ = plain_message(change, "")
    assert title == "agent-7 → orders: ran at once, by break-glass, and waits for its review"


def test_each_end_is_a_message_of_its_own() -> None:
    request = requested()
    found = changes(request, settled(request), settled(request, ApprovalState.REVOKED))
    ids = [message_id(change) for change in found]
    assert ids == [f"msg_{request.approval}.{state}" for state in ("requested", "approved", "revoked")]
    assert json.loads(payload(found[1], ""))["data"]["ended"] == "approved by dana"


def test_an_endpoint_hears_of_what_it_asked_for() -> None:
    request = requested(resource="orders-eu")
    asked, ended = changes(request, settled(request))
    assert is_for(endpoint(), asked)
    assert is_for(endpoint(resources=["orders*"]), asked)
    assert not is_for(endpoint(resources=["billing"]), asked)
    assert not is_for(endpoint(events=["approval.settled"]), asked)
    assert is_for(endpoint(events=["approval.settled"]), ended)
