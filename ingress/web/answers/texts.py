"""What is masked wherever it stands in an answer: what the detectors find, and the gateway's own
credential."""

import re

from ingress.web.answers.counting import Counts
from processors.masking.scan import make_scanner

LONGEST_VALUE = 16 * 1024  # bytes of a value that is found whole wherever a stream was cut
SHORTEST_SECRET = 6  # bytes; a shorter "credential" would turn every other word into stars


class Texts:
    """The detectors of a plan, and the secrets that the gateway put into the request, over texts.

    `longest`: bytes of the longest value that may be found."""

    def __init__(self, detectors: tuple[str, ...], secrets: tuple[bytes, ...], counts: Counts) -> None:
        self._scanner = make_scanner(detectors) if detectors else None
        self.longest = LONGEST_VALUE if detectors else max(map(len, secrets), default=0)
        longest_first = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile(b"|".join(map(re.escape, longest_first))) if longest_first else None
        self._counts = counts

    def __bool__(self) -> bool:
        return self._scanner is not None or self._secrets is not None

    def places(self, data: bytes) -> list[int]:
        """Where in this data a value may have to be masked: positions inside values, in rising order."""
        found = [] if self._scanner is None else [place for place, _ in self._scanner.candidates(data)]
        if self._secrets is not None and (secrets := [one.start() for one in self._secrets.finditer(data)]):
            found = sorted([*found, *secrets])
        return found

    def redact(self, value: bytes, *, counted: bool = True) -> bytes:
        """One value with what is found in it masked, in as many bytes; the same object when nothing is."""
        if self._secrets is not None and self._secrets.search(value):
            value = self._secrets.sub(lambda found: b"*" * len(found[0]), value)
            if counted:
                self._counts.add("credential", "full")
        if self._scanner is not None:
            found = [0] * len(self._scanner.names)
            value = self._scanner.redact_all(value, found)
            for name, count in zip(self._scanner.names, found, strict=True):
                if count and counted:
                    self._counts.add(f"detector:{name}", "detector", count)
        return value
