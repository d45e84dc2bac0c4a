"""We are the server: bytes of a client -> a head, a body, trailers; an answer -> bytes. No I/O.

h11 (RFC 9112) reads bodies and writes answers; heads are read strictly before it sees them (`strict.py`).
Each request has an h11 connection of its own, so that what follows it is looked at as strictly.
"""

from collections.abc import Sequence

import h11

from ingress.web.strict import LONGEST, BadRequest, Head, parse_head

Fields = Sequence[tuple[bytes, bytes]]


class ClientSide:
    """One client's connection, request by request."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._h11: h11.Connection | None = None
        self._is_head = False

    def receive(self, data: bytes) -> None:
        """Bytes of the client."""
        if self._h11 is None:
            self._buffer += data
        else:
            try:
                self._h11.receive_data(data)
            except h11.RemoteProtocolError as error:
                raise BadRequest("the request cannot be read") from error

    def head(self) -> Head | None:
        """The next request's head, once it is there. Raises BadRequest."""
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]  # RFC 9112, section 2.2: an empty line before a request is ignored
        end = self._buffer.find(b"\r\n\r\n", 0, LONGEST)
        if end < 0:
            if len(self._buffer) >= LONGEST:
                raise BadRequest(f"the request's head is longer than {LONGEST // 1024} KiB", 431)
            if b"\n\n" in self._buffer or b"\n\r\n" in self._buffer:
                raise BadRequest("a line of the request does not end in CR LF")
            return None
        raw = bytes(self._buffer[: end + 4])
        head = parse_head(raw)
        self._is_head = head.method == "HEAD"
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST)
        try:
            self._h11.receive_data(bytes(self._buffer))
            self._h11.next_event()
        except h11.RemoteProtocolError as error:
            raise BadRequest("the request cannot be read") from error
        self._buffer.clear()
        return head

    @property
    def waits_for_100(self) -> bool:
        """The client sends its body only once it is told to go on (RFC 9110, 10.1.1)."""
        return self._h11 is not None and self._h11.they_are_waiting_for_100_continue

    def go_on(self) -> bytes:
        """100 Continue."""
        return self._send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))

    def body(self) -> bytes | Fields | None:
        """The next piece of the request's body; its trailers at the end; None when there is nothing yet.

        Raises BadRequest.
        """
        assert self._h11 is not None
        try:
            event = self._h11.next_event()
        except h11.RemoteProtocolError as error:
            raise BadRequest("the request's body cannot be read") from error
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            return list(event.headers)
        if isinstance(event, h11.ConnectionClosed):
            raise BadRequest("the request's body ends too early")
        return None

    def answer(self, status: int, fields: Fields, reason: bytes = b"") -> bytes:
        """An answer's head."""
        assert self._h11 is not None
        return self._send(h11.Response(status_code=status, headers=list(fields), reason=reason))

    def data(self, data: bytes) -> bytes:
        """A piece of an answer's body; nothing to HEAD, whose answers have none (RFC 9110, section 9.3.2)."""
        return self._send(h11.Data(data=data)) if data and not self._is_head else b""

    def end(self, trailers: Fields = ()) -> bytes:
        """The end of an answer."""
        return self._send(h11.EndOfMessage(headers=list(trailers)))

    def switch(self, fields: Fields) -> tuple[bytes, bytes]:
        """101 Switching Protocols; and what the client has sent already in the other protocol."""
        assert self._h11 is not None
        said = self._send(h11.InformationalResponse(status_code=101, headers=list(fields)))
        return said, self._h11.trailing_data[0]

    @property
    def is_switched(self) -> bool:
        """Another protocol has taken the connection over."""
        return self._h11 is not None and self._h11.our_state is h11.SWITCHED_PROTOCOL

    @property
    def has_answered(self) -> bool:
        """An answer's head was made: it cannot be another one any more."""
        return self._h11 is not None and self._h11.our_state not in (h11.IDLE, h11.SEND_RESPONSE)

    def give_up(self) -> None:
        """What the client sends cannot be read: one more answer, unless one was begun, and no more
        requests."""
        if not self.has_answered:
            self._h11 = h11.Connection(h11.SERVER)
            self._is_head = False

    def next_request(self) -> bool:
        """Makes ready for the next request; False where the connection has to end."""
        if self._h11 is None or (self._h11.our_state, self._h11.their_state) != (h11.DONE, h11.DONE):
            return False
        rest, _ = self._h11.trailing_data
        self._h11 = None
        self._buffer += rest
        return True

    def _send(self, event: h11.Event) -> bytes:
        assert self._h11 is not None
        return self._h11.send(event) or b""
