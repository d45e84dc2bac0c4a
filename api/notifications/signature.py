"""Signatures of webhooks: Standard Webhooks 1.0.0, "Signature scheme", symmetric. Pure."""

import base64
import binascii
import hmac
from datetime import datetime

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a secret


def parse_secret(text: str) -> bytes:
    """The key of "whsec_…". Raises ValueError, which does not repeat it."""
    if not text.startswith(_PREFIX):
        raise ValueError("expected whsec_ and base64 after it")
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("expected base64 after whsec_") from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"expected base64 of {_SHORTEST} to {_LONGEST} bytes after whsec_")
    return key


def signed_headers(key: bytes, id: str, body: str, now: datetime) -> dict[str, str]:
    """The headers of one attempt; each has its own timestamp."""
    timestamp = str(int(now.timestamp()))
    digest = hmac.digest(key, f"{id}.{timestamp}.{body}".encode(), "sha256")
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
