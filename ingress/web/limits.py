"""What obligations ask of a request and its answer: which can be kept, and when one is reached. Pure."""

from ingress.gate import Refusal
from schemas.vocabulary import Obligations

_NOT_KEPT = "Nothing was executed. The rule sets a limit that the gateway cannot keep on a request."


class LimitReached(Exception):
    """An answer reached a limit of its rule."""

    def __init__(self, limit: str, most: float) -> None:
        super().__init__(f"its limit of {most:g} {limit if limit != 'time' else 'seconds'}")
        self.limit = limit


def keep_limits(obligations: Obligations, rows: int, bytes: int) -> None:
    """So much of an answer has come. Raises LimitReached."""
    if obligations.bytes is not None and bytes > obligations.bytes:
        raise LimitReached("bytes", obligations.bytes)
    if obligations.rows is not None and rows > obligations.rows:
        raise LimitReached("rows", obligations.rows)


def unkept(obligations: Obligations, *, may_change: bool) -> Refusal | None:
    """Why a request cannot run under these obligations; None where it can."""
    rules = {source.limit: source.rule for source in obligations.limited_by}
    if obligations.cost is not None:
        return Refusal(
            "refused: a request has no cost that could be known before",
            _NOT_KEPT,
            rules.get("cost", ""),
        )
    if obligations.block:
        rule = rules.get(f"block:{obligations.block[0]}", "")
        return Refusal("refused: what a request carries is not looked into", _NOT_KEPT, rule)
    if obligations.read_only and may_change:
        return Refusal("refused: the request may change something", _NOT_KEPT, rules.get("read_only", ""))
    return None
