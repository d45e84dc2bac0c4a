"""What a client is told when the gateway has no credential for a target."""


class CredentialUnavailable(Exception):
    """`str()` is for the client, `reason` for the gateway's log: it names places and what to do, no value."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
