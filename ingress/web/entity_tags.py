"""Entity tags of what is masked (RFC 9110, section 8.8.3): the client gets them encrypted. Pure.

Many servers make a tag of the answer's bytes: Express, Rails and Django a digest of them. Who knows an
answer but for its masked values could try values until the digest is right. Conditions with the tags that
the gateway gave still hold; with any other tag they hold for nothing: nobody asks whether a guess is right.
"""

import base64
import binascii
import hmac
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ingress.web.fields import Field

CONDITIONS = (b"if-match", b"if-none-match")
_TAG = re.compile(rb'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_NOTHING = b'"none-of-the-gateway"'  # a tag of no answer


class EntityTags:
    """Of one resource. `key`: any bytes that stay secret, and are the same on every node."""

    def __init__(self, key: bytes, resource: str) -> None:
        self._siv = AESSIV(hmac.digest(key, b"entity tags", "sha512"))
        self._resource = resource.encode()

    def hidden(self, tag: bytes, path: str) -> bytes | None:
        """The tag of an answer as the client gets it; None for what is none. Another path's differs, so that
        no two answers can be compared by them."""
        found = _TAG.fullmatch(tag.strip())
        if found is None:
            return None
        # One byte before it, since nothing cannot be encrypted.
        sealed = self._siv.encrypt(b"\0" + found[2], self._about(path))
        return (found[1] or b"") + b'"' + base64.urlsafe_b64encode(sealed).rstrip(b"=") + b'"'

    def restored(self, condition: Field, path: str) -> Field:
        """If-Match or If-None-Match as the target knows its tags."""
        name, value = condition
        if value.strip() == b"*":
            return condition
        tags = [self._tag(weak, opaque, path) for weak, opaque in _TAG.findall(value)]
        return name, b", ".join(tags or [_NOTHING])

    def _tag(self, weak: bytes, opaque: bytes, path: str) -> bytes:
        try:
            sealed = base64.b64decode(opaque + b"=" * (-len(opaque) % 4), altchars=b"-_", validate=True)
            return weak + b'"' + self._siv.decrypt(sealed, self._about(path))[1:] + b'"'
        except (InvalidTag, binascii.Error, ValueError):
            return _NOTHING

    def _about(self, path: str) -> list[bytes]:
        return [self._resource, path.encode()]
