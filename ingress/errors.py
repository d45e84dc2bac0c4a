"""What goes wrong at the edge, by whose fault it is.

IngressError
+-- ProtocolError     the peer sent what its protocol does not permit; the connection ends
|   +-- ClientError   the client did
|   +-- TargetError   the target did, or it cannot be reached or signed in to
+-- LoginRefused      the client is not let in
"""


class IngressError(Exception):
    """`str()` is for the client: it says what happened, and holds no secret."""


class ProtocolError(IngressError):
    """The peer sent what its protocol does not permit."""


class ClientError(ProtocolError):
    """The client sent what the protocol does not permit."""


class TargetError(ProtocolError):
    """The target cannot be used; `reason` is for the gateway's log and may name the address."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class LoginRefused(IngressError):
    """The client is not let in. `code` is a SQLSTATE or what the protocol has in its place."""

    def __init__(self, message: str, code: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
