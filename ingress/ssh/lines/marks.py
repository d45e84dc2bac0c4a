"""What a shell's terminal says -> output, and the marks of the shell itself among it.

A mark is OSC 133;D (as in shell integration: a command ended) with a key that only the shell and the gateway
know, and only for this turn. Marks without it are output like all else.
"""

import re
from dataclasses import dataclass

_LONGEST = 32 * 1024  # a folder of 4 KiB and what was typed, in hexadecimal digits
_BEGUN = re.compile(
    rb"\x1b(?:\](?:1(?:3(?:3(?:;(?:D(?:;[0-9a-f;]{0,%d})?)?)?)?)?)?)?\Z" % _LONGEST,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """The shell waits. `status`: of what it ran last; `unread`: what the client typed that no program read;
    `again`: it did not hear the last message."""

    status: int
    folder: str
    unread: bytes
    again: bool = False


class Marks:
    """One terminal's output."""

    def __init__(self) -> None:
        self._kept = b""
        self._key = ""
        self._pattern = re.compile(rb"(?!)")

    def expect(self, key: str) -> None:
        """The next mark has this key; the one before comes once more where the shell did not hear."""
        keys = "|".join(known for known in (key, self._key) if known)
        self._key = key
        self._pattern = re.compile(
            rb"\x1b\]133;D;(\d{1,3});(%s);((?:[0-9a-f]{2})*);((?:[0-9a-f]{2})*)\x07" % keys.encode()
        )

    def feed(self, data: bytes) -> list[bytes | Mark]:
        """Output and marks, in their order. What may become a mark waits for its end."""
        self._kept += data
        found: list[bytes | Mark] = []
        position = 0
        for match in self._pattern.finditer(self._kept):
            if match.start() > position:
                found.append(self._kept[position : match.start()])
            found.append(
                Mark(
                    int(match[1]),
                    bytes.fromhex(match[3].decode()).decode("utf-8", "surrogateescape"),
                    bytes.fromhex(match[4].decode()),
                    again=match[2].decode() != self._key,
                )
            )
            position = match.end()
        begun = _BEGUN.search(self._kept, position)
        end = begun.start() if begun is not None else len(self._kept)
        if end > position:
            found.append(self._kept[position:end])
        self._kept = self._kept[end:]
        return found

    def close(self) -> bytes:
        """The terminal is gone: what was kept."""
        kept, self._kept = self._kept, b""
        return kept
