"""One HTTP request to an API, as the gateway judges it and sends it on."""

from dataclasses import dataclass

from ingress.web.paths import RequestTarget


@dataclass(frozen=True, slots=True)
class Call:
    """`fields` are the end-to-end header fields that go to the target, without the gateway's credential.

    `body`: decoded from its Content-Encoding, None where there is none. `is_whole`: False where `body` is
    only the beginning of one that was too long to be held. `is_websocket`: it asks for a WebSocket.
    """

    method: str
    target: RequestTarget
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes | None = None
    is_whole: bool = True
    is_websocket: bool = False

    def field(self, name: bytes) -> bytes | None:
        return next((value for found, value in self.fields if found == name), None)

    @property
    def media_type(self) -> str:
        """Of its body, without parameters, in lower case."""
        return (self.field(b"content-type") or b"").split(b";")[0].strip().lower().decode("latin-1")
