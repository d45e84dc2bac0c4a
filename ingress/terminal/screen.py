"""What a program writes -> what may leave: the detectors over a window that rolls along with the stream.

A mask has as many bytes as its value, so that a value which began in bytes that have left already can still
be masked from there on. What could be the beginning of a value stays until it is one, or is none; all else
leaves at once with the line it stands in, or when its writer pauses (`settle`). The echo of a key that was
pressed is like a pause: somebody waits for it.
"""

import re
from collections import Counter

from processors.masking.detectors import DETECTORS
from processors.masking.scan import make_scanner

PAUSE = 0.05  # seconds without output after which a prompt is no longer kept
_LONGEST_ECHO = 64  # bytes; what a shell's line editor writes for one key
_BEHIND = 512  # bytes that have left and are looked at again
_LONGEST_TOKEN = 8 * 1024
_TOKENS_BEGIN = (b"eyJ", b"AKIA", b"ASIA")
_LONGEST_KEY = 32 * 1024  # bytes of a private key that are kept until its end comes

# What may become a value: enough digits for a card or a telephone number, an address up to here, what begins
# like a token or a key. Fewer digits and plain words may leave: what follows them is masked when it comes.
_UNFINISHED = re.compile(
    rb"(?:"
    rb"\d(?:[ .()/-]{0,2}\d){6,24}[ .()/-]{0,2}"
    rb"|[+(]\d[\d .()/-]{0,30}"
    rb"|[A-Za-z0-9._%+\-\\\x80-\xff]{1,200}@[A-Za-z0-9.\-\x80-\xff]{0,255}"
    rb"|(?:eyJ|AKIA|ASIA)[A-Za-z0-9._-]{0,8192}"
    rb"|[A-Z]{2}\d\d(?: ?[A-Z0-9]){0,31} ?"
    rb"|\d{3}-\d{0,2}-?\d{0,4}"
    rb"|-{1,5}[A-Z ]{0,60}-{0,5}"
    rb")\Z"
)
_VISIBLE = re.compile(rb"\S")
_KEY_BEGINS = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,80}PRIVATE KEY")
_KEY_ENDS = re.compile(rb"-----END [A-Z0-9 ]{0,80}PRIVATE KEY(?: BLOCK)?-----")


def unfinished(window: bytes) -> int:
    """Where something begins that may become a value with what follows; the length where nothing does."""
    longest = _LONGEST_TOKEN if any(begin in window for begin in _TOKENS_BEGIN) else _BEHIND
    tail = window[window.rfind(b"\n") + 1 :][-longest:]  # only a key has lines, and is looked for itself
    found = _UNFINISHED.search(tail)
    return len(window) - len(tail) + found.start() if found is not None else len(window)


class Screen:
    """One stream. `masked`: how many values each detector found."""

    def __init__(self, detectors: tuple[str, ...]) -> None:
        self._scanner = make_scanner(detectors) if detectors else None
        self._left = b""  # the end of what has left, as it was
        self._kept = b""
        self._awaits_echo = False
        self.masked: Counter[str] = Counter()

    @property
    def keeps(self) -> bool:
        """Whether bytes wait for what follows them."""
        return bool(self._kept)

    def typed(self) -> None:
        """Somebody pressed a key, and waits to see it."""
        self._awaits_echo = True

    def write(self, data: bytes) -> bytes:
        """What may leave now."""
        if self._scanner is None:
            return data
        self._kept += data
        is_echo, self._awaits_echo = self._awaits_echo and len(data) <= _LONGEST_ECHO, False
        if is_echo:
            return self.settle()
        end = max(self._kept.rfind(b"\n") + 1, len(self._kept) - _BEHIND)
        return self._leave(end)

    def settle(self) -> bytes:
        """The writer pauses: all may leave but what may become a value."""
        return self._leave(len(self._kept))

    def close(self) -> bytes:
        """The stream ended: all that is left."""
        return self._leave(len(self._kept), ended=True)

    def _leave(self, end: int, *, ended: bool = False) -> bytes:
        if self._scanner is None or not self._kept:
            return b""
        if not ended:
            end = min(end, self._unfinished())
        window = self._left + self._kept
        before = [0] * len(self._scanner.names)
        counts = [0] * len(self._scanner.names)
        if end <= 0:
            return b""
        masked = self._scanner.redact_all(window, counts)
        masked = self._hide_rest(window, masked)
        leaving = masked[len(self._left) : len(self._left) + end]
        cut = len(self._left) + end
        # Counted once: those in what had left, and those in what stays, are not this time's.
        self._scanner.redact_all(self._left, before)
        rest = [0] * len(self._scanner.names)
        self._scanner.redact_all(window[cut:], rest)
        for name, count, earlier, later in zip(self._scanner.names, counts, before, rest, strict=True):
            if count - earlier - later > 0:
                self.masked[name] += count - earlier - later
        self._left = window[:cut][-_BEHIND:]
        if (key := self._open_key(window[:cut])) is not None:
            self._left = window[key:cut][-_LONGEST_KEY:]
        self._kept = window[cut:]
        return leaving

    def _hide_rest(self, window: bytes, masked: bytes) -> bytes:
        """Of a value that began in what has left, nothing more is shown, whatever its mask would leave."""
        assert self._scanner is not None
        left = len(self._left)
        start = max(0, left - _BEHIND)
        for name in self._scanner.names:
            detector = DETECTORS[name]
            for found in detector.pattern.finditer(window, start, left + _BEHIND):
                if found.start() >= left:
                    break
                if found.end() > left and detector.mask(found[0]) is not None:
                    rest = _VISIBLE.sub(b"*", masked[left : found.end()])
                    masked = masked[:left] + rest + masked[found.end() :]
        return masked

    def _unfinished(self) -> int:
        """Where in what is kept something begins that may become a value; its length where nothing does."""
        return max(0, unfinished(self._left + self._kept) - len(self._left))

    def _open_key(self, window: bytes) -> int | None:
        """Where a private key begins whose end has not come yet: its rest is masked as it comes."""
        begins = [found.start() for found in _KEY_BEGINS.finditer(window)]
        if not begins or _KEY_ENDS.search(window, begins[-1]):
            return None
        return begins[-1]
