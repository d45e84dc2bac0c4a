"""Whether a request comes from Slack ("Verifying requests from Slack", signing secrets, version 0). Pure."""

import hmac
from collections.abc import Mapping
from datetime import datetime

_OLDEST = 5 * 60  # seconds: an older one may be a replay


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether these headers sign this body, lately."""
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        return False
    if abs(now.timestamp() - int(timestamp)) > _OLDEST:
        return False
    expected = hmac.digest(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, "sha256").hex()
    return hmac.compare_digest(f"v0={expected}".encode(), signature.encode())
