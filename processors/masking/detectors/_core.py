"""What a detector is, and where a value may begin and end."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

END = rb"(?![0-9A-Za-z])"


def begins(first: bytes, width: int = 1) -> bytes:
    """The pattern `first`, which takes `width` bytes, where a value may begin; a search for it runs fast when
    it starts with a literal or a set.

    Not in the middle of a word; but after a backslash escape (in JSON and in COPY's text format `\n` or
    `\u00a0` end in what looks like a word), and after the length of an element of an array or a composite in
    binary format, whose last bytes may look like letters or digits.
    """
    behind = rb"(?s:.{%d})" % width
    return first + (
        rb"(?:(?<![0-9A-Za-z]" + behind + rb")"
        rb"|(?<=\\[nrtbfv]" + behind + rb")|(?<=\\u[0-9A-Fa-f]{4}" + behind + rb")"
        rb"|(?<=\x00\x00\x00[0-9A-Za-z]" + behind + rb")|(?<=\x00\x00[0-9A-Za-z]{2}" + behind + rb"))"
    )


_HIDDEN = bytes(
    0x2A if chr(byte).isalnum() or byte >= 0x80 or byte in b"+/=_\\" else byte for byte in range(256)
)


@dataclass(frozen=True, slots=True)
class Detector:
    """A kind of value that is sensitive wherever it stands.

    `triggers` are for one fast scan over many rows together: Hyperscan patterns, each ending in the value or
    one byte after it, met at least once by every value, whatever stands before it. `pattern` finds the value
    in the bytes of one field; it runs in linear time. `mask` gives as many bytes as it is given, or None
    when a check says that this is not such a value.
    """

    name: str
    triggers: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    mask: Callable[[bytes], bytes | None]
    examples: tuple[bytes, ...]
    counter_examples: tuple[bytes, ...]

    def redact(self, value: bytes) -> tuple[bytes, int]:
        """The value with all that is found in it masked, in as many bytes, and how many were found; the same
        object when none were."""
        found = self.pattern.search(value)
        if found is None:
            return value, 0
        if found.span() == (0, len(value)) and (masked := self.mask(value)) is not None:
            return masked, 1
        pieces: list[bytes | memoryview] = []
        rest, count = memoryview(value), 0
        while found is not None:
            start, end = found.span()
            masked = self.mask(bytes(rest[start:end]))
            if masked is None:
                found = self.pattern.search(rest, start + 1)
                continue
            pieces += (rest[:start], masked)
            count += 1
            # What follows begins anew: `a@b.example+c@d.example` are two addresses.
            rest = rest[end:]
            found = self.pattern.search(rest)
        return b"".join((*pieces, rest)) if count else value, count

    def spans(self, value: bytes) -> Iterator[tuple[int, int]]:
        """Where each of what `redact` would mask begins and ends."""
        rest, skipped = memoryview(value), 0
        found = self.pattern.search(rest)
        while found is not None:
            start, end = found.span()
            if self.mask(bytes(rest[start:end])) is None:
                found = self.pattern.search(rest, start + 1)
                continue
            yield skipped + start, skipped + end
            rest, skipped = rest[end:], skipped + end
            found = self.pattern.search(rest)


def hide(value: bytes) -> bytes:
    """Stars for all but punctuation and white space, so that what is around the value can still be read.

    A backslash becomes a star with what it escapes: half an escape is not valid JSON.
    """
    return value.translate(_HIDDEN)


def digits_of(value: bytes) -> bytes:
    """The ASCII digits among these bytes."""
    return value.translate(None, _NOT_DIGITS)


_NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
