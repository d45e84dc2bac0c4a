"""Masks that need a key of the gateway's: the same value becomes the same mask, and nobody without the key
can tell which value it was, or try values until one fits.

- hash: HMAC-SHA256 (RFC 2104): joins and counts over masked values still work.
- tokenise: AES-SIV (RFC 5297), deterministic and reversible. Here it is bound to no column: where a client
  may hold a token for a value, `tokens.py` makes it.
- noise: a number off by up to a tenth; always by the same for the same value, so that asking again and
  again averages nothing out.
"""

import hmac
import re
from collections.abc import Mapping
from decimal import Decimal, localcontext

from processors.masking.masks import MASKS, TOKEN, Mask
from processors.masking.tokens import cipher_of, make_token

HASH_PREFIX = b"h_"
_NUMBER = re.compile(rb"-?\d{1,100}(?:\.\d{1,100})?")
_DIGITS = 250  # more than _NUMBER lets through
_UNITS = 1 << 64
_LEAST_NOISE = 5  # of the last digit: a tenth of a small number would round to nothing


def make_masks(key: bytes) -> Mapping[str, Mask]:
    """All masks, those that need a key with this one (any 32 bytes that stay secret)."""
    keys = {purpose: hmac.digest(key, purpose.encode(), "sha512") for purpose in ("hash", "noise")}
    cipher = cipher_of(key)

    def hashed(value: bytes) -> bytes:
        return HASH_PREFIX + hmac.digest(keys["hash"], value.rstrip(b" "), "sha256")[:16].hex().encode()

    def tokenised(value: bytes) -> bytes:
        return make_token(cipher, value, None)

    def noisy(value: bytes) -> bytes:
        if not _NUMBER.fullmatch(value):
            return TOKEN
        with localcontext(prec=_DIGITS):
            return _with_noise(Decimal(value.decode()), keys["noise"])

    return {**MASKS, "hash": hashed, "tokenise": tokenised, "noise": noisy}


def _with_noise(number: Decimal, key: bytes) -> bytes:
    unit = Decimal(1).scaleb(int(number.as_tuple().exponent))
    most = max(abs(number) / 10, unit * _LEAST_NOISE)
    drawn = int.from_bytes(hmac.digest(key, str(number.normalize()).encode(), "sha256")[:8], "big")
    return f"{(number + most * (2 * Decimal(drawn) / _UNITS - 1)).quantize(unit):f}".encode()
