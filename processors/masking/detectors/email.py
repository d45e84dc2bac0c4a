"""E-mail addresses (RFC 5321, as people write them: no quoted local parts, no address literals)."""

import re

from processors.masking.detectors._core import Detector

_LOCAL = rb"A-Za-z0-9._%+\-\x80-\xff"
_LABEL = rb"[A-Za-z0-9\-\x80-\xff]"


def _mask(value: bytes) -> bytes:
    """The first letter and the domain stay. Nothing of a local part of one letter, or after an escape."""
    at = value.rfind(b"@")
    first = value[:1]
    if at > 1 and first < b"\x80" and first != b"\\":
        return first + b"*" * (at - 1) + value[at:]
    return b"*" * at + value[at:]


EMAIL = Detector(
    name="email",
    triggers=(rb"[" + _LOCAL + rb"]@" + _LABEL + rb"+\.[A-Za-z0-9\x80-\xff]",),
    # It begins where a run of its characters does. Backslashes before it belong to it: of
    # `\u00e9ric@example.com` no half escape may stay.
    pattern=re.compile(
        rb"[" + _LOCAL + rb"\\]"
        rb"(?:(?<=\\)(?<!\\\\)\\*+[" + _LOCAL + rb"]|(?<!\\)(?<![" + _LOCAL + rb"\\](?s:.)))"
        rb"[" + _LOCAL + rb"]*+@(?:" + _LABEL + rb"++\.)+"
        rb"(?:[A-Za-z\x80-\xff]{2,63}|xn--[A-Za-z0-9-]{1,59})(?![A-Za-z0-9\-\x80-\xff])"
    ),
    mask=_mask,
    examples=(b"john.doe@example.com", b"x+tag@mail.example.co.uk"),
    counter_examples=(b"user@localhost", b"react@18.2.0", b"@example.com"),
)
