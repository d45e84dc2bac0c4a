"""How much of an answer may leave: a rule's limits of bytes and lines, over all of its streams. Pure."""

from schemas.vocabulary import Obligations


class Allowance:
    """What is left of one command's limits. `limit`: at which its answer ended, "" while it goes on."""

    def __init__(self, obligations: Obligations) -> None:
        self._obligations = obligations
        self.bytes = 0
        self.lines = 0
        self.limit = ""

    @property
    def rule(self) -> str:
        """The rule of the limit at which it ended."""
        return self._obligations.rule_of(self.limit)

    def take(self, shown: bytes) -> bytes:
        """As much of it as the limits leave."""
        if self.limit:
            return b""
        limits = self._obligations
        if limits.bytes is not None and self.bytes + len(shown) > limits.bytes:
            self.limit = "bytes"
            shown = shown[: max(0, limits.bytes - self.bytes)]
        if limits.rows is not None and self.lines + shown.count(b"\n") > limits.rows:
            self.limit = "rows"
            shown = b"".join(line + b"\n" for line in shown.split(b"\n")[: max(0, limits.rows - self.lines)])
        self.bytes += len(shown)
        self.lines += shown.count(b"\n")
        return shown
