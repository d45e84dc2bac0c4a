"""We are the client: a request -> bytes; bytes of the target -> an answer's head, body, trailers. No I/O."""

from dataclasses import dataclass

import h11

from ingress.errors import TargetError
from ingress.web.client_side import Fields

_LONGEST_HEAD = 128 * 1024


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """The head of the target's answer. Names of fields are in lower case."""

    status: int
    reason: bytes
    fields: tuple[tuple[bytes, bytes], ...]

    def field(self, name: bytes) -> bytes | None:
        return next((value for found, value in self.fields if found == name), None)


class TargetSide:
    """One connection to a target, request by request."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)

    def request(self, method: str, target: str, fields: Fields) -> bytes:
        """A request's head."""
        return self._send(h11.Request(method=method, target=target, headers=list(fields)))

    def data(self, data: bytes) -> bytes:
        return self._send(h11.Data(data=data)) if data else b""

    def end(self, trailers: Fields = ()) -> bytes:
        return self._send(h11.EndOfMessage(headers=list(trailers)))

    def receive(self, data: bytes) -> None:
        """Bytes of the target; b"" when it sends no more. Raises TargetError."""
        try:
            self._h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise TargetError("the target does not speak HTTP/1.1") from error

    def next(self) -> AnswerHead | bytes | Fields | None:
        """The answer's head, pieces of its body, its trailers at the end; None when there is nothing yet.

        Raises TargetError.
        """
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                raise TargetError("the target's answer cannot be read, or was cut off") from error
            if isinstance(event, h11.InformationalResponse):
                if event.status_code == 101:
                    return AnswerHead(101, bytes(event.reason), tuple(event.headers))
                continue  # RFC 9110, section 15.2: it may be left out
            if isinstance(event, h11.Response):
                return AnswerHead(event.status_code, bytes(event.reason), tuple(event.headers))
            if isinstance(event, h11.Data):
                return bytes(event.data)
            if isinstance(event, h11.EndOfMessage):
                return list(event.headers)
            if isinstance(event, h11.ConnectionClosed):
                raise TargetError("the target closed the connection")
            return None

    @property
    def trailing(self) -> bytes:
        """What came after the answer."""
        return self._h11.trailing_data[0]

    def next_request(self) -> bool:
        """Makes ready for the next request; False where the connection cannot be used again."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        if self._h11.trailing_data[0]:
            return False  # it said more than it was asked: no request's answer may be taken for another's
        self._h11.start_next_cycle()
        return True

    def _send(self, event: h11.Event) -> bytes:
        try:
            return self._h11.send(event) or b""
        except h11.LocalProtocolError as error:
            raise TargetError("the request cannot be sent on") from error
