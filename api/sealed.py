"""What a client carries for the gateway and must neither read nor change: JSON, encrypted, for one purpose
and for a while. AES-256-GCM (NIST SP 800-38D), the purpose as associated data."""

import base64
import json
import os
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class NotSealed(Exception):
    """Not sealed by this gateway for this purpose, or too long ago."""


class Seal:
    """Seals with one key; every api process of a gateway has the same."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, purpose: str, content: dict[str, Any], until: datetime) -> str:
        """The content as text that may stand in a URL, a form or a cookie."""
        nonce = os.urandom(_NONCE)
        plain = json.dumps([until.timestamp(), content]).encode()
        return base64.urlsafe_b64encode(nonce + self._aead.encrypt(nonce, plain, purpose.encode())).decode()

    def open(self, purpose: str, text: str, now: datetime) -> dict[str, Any]:
        """What was sealed. Raises NotSealed."""
        try:
            sealed = base64.urlsafe_b64decode(text)
            plain = self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise NotSealed(f"not a {purpose} of this gateway") from error
        until, content = json.loads(plain)
        if now.timestamp() >= until:
            raise NotSealed(f"the {purpose} has expired")
        assert isinstance(content, dict)
        return content
