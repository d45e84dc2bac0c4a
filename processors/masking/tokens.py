"""Tokens that a client can hold for values: each made for the columns of one entry of a resource's sensitive
section, and opened for these alone.

AES-SIV (RFC 5297) with the resource and the entry's pattern as associated data: of another resource, another
entry or another gateway's key a token is a text like any other.
(docs/decisions/0048-what-a-token-stands-for.md)
"""

import base64
import hmac
from collections.abc import Iterable, Mapping
from functools import partial

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from processors.masking.masks import Mask
from schemas.vocabulary import SensitiveColumn

TOKENISE = "tokenise"
PREFIX = "tok_"


def cipher_of(key: bytes) -> AESSIV:
    """What makes tokens, and opens them. `key`: any 32 bytes that stay secret."""
    return AESSIV(hmac.digest(key, TOKENISE.encode(), "sha512"))


def make_token(cipher: AESSIV, value: bytes, bound_to: list[bytes] | None) -> bytes:
    """The token of a value. `bound_to`: without which it cannot be opened."""
    # One byte before it, since there is no token of nothing.
    sealed = cipher.encrypt(b"\x01" + value, bound_to)
    return PREFIX.encode() + base64.urlsafe_b64encode(sealed).rstrip(b"=")


class Tokens:
    """The tokens of one resource. `key`: 32 bytes that stay secret; `columns`: what is sensitive there."""

    def __init__(self, key: bytes, resource: str, columns: Iterable[SensitiveColumn]) -> None:
        self._siv = cipher_of(key)
        self._resource = resource.encode()
        self._patterns = tuple(entry.pattern for entry in columns if entry.mask == TOKENISE)

    def masks(self) -> Mapping[str, Mask]:
        """The masks that make them, for `mask_of`."""
        return {_name(TOKENISE, pattern): partial(self._make, pattern) for pattern in self._patterns}

    def made_for(self, text: str) -> str:
        """The pattern of the columns for which this text was made as a token; "" where it was for none."""
        if not text.startswith(PREFIX):
            return ""
        return next((pattern for pattern in self._patterns if self._open(pattern, text) is not None), "")

    def value(self, token: str, pattern: str) -> bytes:
        """What it was made of, as the client was sent it. Raises ValueError where it was not made for these
        columns."""
        found = self._open(pattern, token)
        if found is None:
            raise ValueError("this is no token of these columns")
        return found

    def _make(self, pattern: str, value: bytes) -> bytes:
        return make_token(self._siv, value, [self._resource, pattern.encode()])

    def _open(self, pattern: str, token: str) -> bytes | None:
        body = token.removeprefix(PREFIX)
        try:
            sealed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
            value = self._siv.decrypt(sealed, [self._resource, pattern.encode()])[1:]
        except (InvalidTag, ValueError):
            return None
        # Base64 has several spellings of the same bytes; a token has one.
        return value if self._make(pattern, value) == token.encode() else None


def mask_of(masks: Mapping[str, Mask], name: str, pattern: str) -> Mask:
    """The mask of this name as it is for the columns of this pattern."""
    return masks.get(_name(name, pattern), masks[name])


def _name(mask: str, pattern: str) -> str:
    return f"{mask} {pattern}"
