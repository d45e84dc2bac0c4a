"""Email and the rest, by the library apprise: a short text with the link."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from api.inbox import Change
from api.notifications.outbox import Message
from api.notifications.payload import is_for, plain_message
from api.notifications.receiver import Answer
from infra.config import AppriseEndpoint, ConfigError

if TYPE_CHECKING:
    from apprise import Apprise


class AppriseReceiver:
    """Raises ConfigError where apprise does not know such a URL. `url`: of the gateway's page, for links."""

    def __init__(self, endpoint: AppriseEndpoint, base: Path, url: str) -> None:
        self._endpoint = endpoint
        self._url = url
        self._apprise = _opened(endpoint, base)

    @property
    def name(self) -> str:
        return self._endpoint.name

    def maybe_payload(self, change: Change) -> str | None:
        if not is_for(self._endpoint, change):
            return None
        title, text = plain_message(change, self._url)
        return json.dumps({"title": title, "text": text})

    async def send(self, message: Message) -> Answer:
        told = json.loads(message.body)
        is_taken = await self._apprise.async_notify(
            title=told["title"], body=told["text"], body_format="text", interpret_escapes=False
        )
        # It tells why in its own log, which is not ours: it may hold a part of the URL.
        return Answer(bool(is_taken), "" if is_taken else "apprise could not deliver it")


def _opened(endpoint: AppriseEndpoint, base: Path) -> "Apprise":
    # Here, not above: it loads some hundred services, which who does not use it need not wait for.
    from apprise import Apprise

    opened = Apprise()
    if not opened.add(endpoint.url.read(base)):
        raise ConfigError([f"notifications.apprise: the url of {endpoint.name} is none that apprise knows"])
    return opened
