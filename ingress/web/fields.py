"""Header fields on their way through: which of them are for this connection, which for the gateway. Pure."""

import re
from collections.abc import Iterable

from ingress.web.strict import Head

Field = tuple[bytes, bytes]

TOKEN = b"x-countersign-token"
REASON = b"x-countersign-reason"
TICKET = b"x-countersign-ticket"


def _names(text: str) -> frozenset[bytes]:
    return frozenset(text.encode().split())


# RFC 9110, section 7.6.1: for this connection alone. TE and Trailer too: we frame anew.
_HOP_BY_HOP = _names(
    """
    connection keep-alive proxy-connection proxy-authenticate proxy-authorization proxy-authentication-info te
    trailer transfer-encoding upgrade content-length
    """
)
# For the gateway, or what only it may say. Cookies: whoever has the API's session has its credential. Ranges:
# half of a value is found by no detector. Encodings: what is to be inspected has to be read.
_NOT_FORWARDED = _names(
    """
    host expect prefer cookie forwarded via x-real-ip true-client-ip x-client-ip client-ip cf-connecting-ip
    x-cluster-client-ip remote-user range if-range accept-encoding content-encoding content-md5 content-digest
    digest repr-digest want-digest want-content-digest want-repr-digest
    """
)
_NOT_FORWARDED_PREFIXES = tuple(
    _names(
        """
        x-forwarded- x-countersign- x-authenticated- x-auth-request- x-envoy- x-remote- x-webauth- x-goog-iap-
        x-amzn-oidc- x-ms-client-principal
        """
    )
)
# Of an answer: a digest of what was masked tells whether a guess at it was right.
_NOT_RETURNED = _names(
    """
    set-cookie set-cookie2 content-encoding content-md5 content-digest digest repr-digest unencoded-digest
    x-content-digest x-goog-hash x-ms-content-crc64 x-ms-content-md5 x-ms-blob-content-md5 oc-checksum
    signature signature-input accept-ranges content-range alt-svc location content-location refresh
    strict-transport-security server clear-site-data public-key-pins
    """
)
_NOT_RETURNED_PREFIXES = (b"x-amz-checksum-", b"x-checksum-")
_SECRET = re.compile(
    rb"authorization|token|secret|password|passwd|api-?key|(^|-)key$|cookie|session|signature|credential"
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
    return [
        (name, value)
        for name, value in without_hops(fields)
        if name not in _NOT_RETURNED and not name.startswith(_NOT_RETURNED_PREFIXES)
    ]


def is_secret(name: bytes) -> bool:
    """Whether a request's field of this name is likely to hold a secret."""
    return _SECRET.search(name) is not None
