"""A client's channel, a target's channel, and the session between them: who may read when.

Nothing is read faster than the other side takes it: a slow client holds the target back, a recording that
Kafka does not take holds the target back, and a conversation with enough to do holds the client back.
"""

from collections.abc import Callable

from ingress.channel import Channel
from ingress.interface import Conversation
from ingress.session import Session


class Connection:
    """Drives one session over its two channels. `on_closed` is called once, at the end."""

    def __init__(self, client: Channel, target: Channel, on_closed: Callable[[], None]) -> None:
        self._client = client
        self._target = target
        self._on_closed = on_closed
        self._session: Session | None = None
        self._conversation: Conversation | None = None
        self._closed = False

    def run(self, session: Session, conversation: Conversation, leftover: bytes) -> None:
        """The session begins. `leftover`: bytes of the client that came with its login."""
        self._session, self._conversation = session, conversation
        session.open(conversation)
        if leftover:
            session.client_data(leftover)
        self._target.deliver(session.target_data, session.target_lost, self.pressure)
        self._client.deliver(session.client_data, session.client_lost, self.pressure)

    def write_client(self, pieces: list[bytes]) -> None:
        self._client.write(pieces)

    def write_target(self, pieces: list[bytes]) -> None:
        self._target.write(pieces)

    def pressure(self) -> None:
        """Looks again at who may read."""
        if self._session is None or self._conversation is None or self._closed:
            return
        self._client.read_on(self._conversation.wants_client_data and not self._target.is_congested)
        self._target.read_on(not self._client.is_congested and not self._session.recorder.is_behind)

    def close(self) -> None:
        """Writes what is waiting and closes both sides."""
        if self._closed:
            return
        self._closed = True
        self._client.close()
        self._target.close()
        self._on_closed()
