"""Header fields on their way through: which of them are for this connection, which for the gateway. Pure."""

import re
from collections.abc import Iterable

from ingress.http.strict import Head

Field = tuple[bytes, bytes]

TOKEN = b"x-countersign-token"
REASON = b"x-countersign-reason"
TICKET = b"x-countersign-ticket"

# RFC 9110, section 7.6.1: for this connection alone. TE and Trailer too: we frame anew.
_HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te",
     b"trailer", b"transfer-encoding", b"upgrade", b"content-length", b"proxy-authentication-info")
)  # fmt: skip
# For the gateway, or what only it may say. Cookies: whoever has the API's session has its credential. Ranges:
# half of a value is found by no detector. Encodings: what is to be inspected has to be read.
_NOT_FORWARDED = frozenset(
    (b"host", b"expect", b"prefer", b"cookie", b"forwarded", b"via", b"x-real-ip", b"true-client-ip",
     b"x-client-ip", b"client-ip", b"cf-connecting-ip", b"x-cluster-client-ip", b"x-remote-user",
     b"remote-user", b"range", b"if-range", b"accept-encoding", b"content-encoding", b"content-md5", b"content-digest",
     b"digest", b"repr-digest", b"want-digest", b"want-content-digest", b"want-repr-digest")
)  # fmt: skip
_NOT_FORWARDED_PREFIXES = (b"x-forwarded-", b"x-countersign-", b"x-authenticated-", b"x-auth-request-", b"x-envoy-",
                           b"x-remote-", b"x-webauth-", b"x-ms-client-principal", b"x-goog-iap-", b"x-amzn-oidc-")  # fmt: skip
# Of an answer: a digest of what was masked tells whether a guess at it was right.
_NOT_RETURNED = frozenset(
    (b"set-cookie", b"set-cookie2", b"content-encoding", b"content-md5", b"content-digest", b"digest", b"repr-digest",
     b"accept-ranges", b"content-range", b"alt-svc", b"location", b"content-location", b"refresh",
     b"strict-transport-security", b"server", b"clear-site-data", b"public-key-pins")
)  # fmt: skip
_SECRET = re.compile(
    rb"authorization|token|secret|password|passwd|api-?key|apikey|(^|-)key$|cookie|session|signature|credential"
)


def without_hops(fields: Iterable[Field]) -> list[Field]:
    """End-to-end fields: what Connection names is for this connection too."""
    fields = list(fields)
    named = {
        name.strip().lower()
        for found, value in fields
        if found == b"connection"
        for name in value.split(b",")
    }
    return [(name, value) for name, value in fields if name not in _HOP_BY_HOP and name not in named]


def forwarded(head: Head, *, with_authorization: bool) -> tuple[Field, ...]:
    """The client's fields that go to the target; Authorization where it is not the gateway's token."""
    return tuple(
        (name, value)
        for name, value in without_hops(head.fields)
        if name not in _NOT_FORWARDED
        and not name.startswith(_NOT_FORWARDED_PREFIXES)
        and (with_authorization or name != b"authorization")
    )


def returned(fields: Iterable[Field]) -> list[Field]:
    """The target's fields that go to the client, their values still to be masked."""
    return [(name, value) for name, value in without_hops(fields) if name not in _NOT_RETURNED]


def is_secret(name: bytes) -> bool:
    """Whether a request's field of this name is likely to hold a secret."""
    return _SECRET.search(name) is not None
