"""Text of no structure that matters, masked by detectors as it streams by."""

import re

from ingress.web.answers.counting import Uninspectable
from ingress.web.answers.texts import LONGEST_VALUE, Texts

# HTML and XML may write any character as a reference to its number.
_REFERENCE = re.compile(rb"&#(?:[xX]([0-9A-Fa-f]{1,6})|([0-9]{1,7}));?")
_UNFINISHED = re.compile(rb"&(?:#(?:[xX][0-9A-Fa-f]{0,6}|[0-9]{0,7})?)?\Z")
_MARKUP = b"<>&\"'"


class PlainFilter:
    """Text in an encoding that has ASCII in it. `references`: with HTML's and XML's character references.

    `longest`: bytes of a value that is to be found wherever the stream was cut: so much is held back.
    `is_text`: whether a NUL in it is a reason to refuse it.
    """

    def __init__(
        self, texts: Texts, *, references: bool = False, longest: int = LONGEST_VALUE, is_text: bool = True
    ) -> None:
        self._texts = texts
        self._references = references
        self._longest = longest
        self._is_text = is_text
        self._unfinished = b""
        self._context = b""  # what has left already, unmasked: values may go on from it
        self._waiting = b""

    def feed(self, data: bytes) -> bytes:
        if self._is_text and b"\0" in data:
            raise Uninspectable("it is no text in an encoding the gateway reads")
        if self._references:
            data = self._unfinished + data
            unfinished = _UNFINISHED.search(data)
            self._unfinished = b"" if unfinished is None else unfinished[0]
            data = _REFERENCE.sub(_character, data[: len(data) - len(self._unfinished)])
        self._waiting += data
        return self._leave(max(0, len(self._waiting) - self._longest))

    def finish(self) -> bytes:
        self._waiting += self._unfinished
        self._unfinished = b""
        return self._leave(len(self._waiting))

    def _leave(self, size: int) -> bytes:
        """So many bytes leave; each was looked at with what stands around it."""
        if not size:
            return b""
        whole = self._context + self._waiting
        start = len(self._context)
        masked = self._texts.redact(whole)
        self._waiting = self._waiting[size:]
        self._context = whole[max(0, start + size - self._longest) : start + size]
        return masked[start : start + size]


def _character(found: re.Match[bytes]) -> bytes:
    number = int(found[1], 16) if found[1] else int(found[2])
    if not 0x20 <= number < 0x7F or number in _MARKUP:
        return found[0]
    return bytes((number,))
