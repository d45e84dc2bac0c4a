"""Which limits of a rule can be kept for a command that runs on a host or in a pod."""

from ingress.command import Command
from ingress.gate import Refusal
from ingress.terminal.guard import Blocked
from processors.masking.finding import Finder
from schemas.vocabulary import Intent, Obligations

_HARMLESS = frozenset((Intent.READ, Intent.SESSION))
_TELL = "Nothing was executed. Tell whoever keeps the gateway's rules."
_TAKE_OUT = "Nothing was executed. Take it out; where it has to pass, ask whoever keeps the gateway's rules."


def unkept(obligations: Obligations, command: Command, *, guarded: bool = False) -> Refusal | None:
    """The refusal where a rule asks for what cannot be kept here, or blocks what stands in the command
    itself; None where it may run. `guarded`: all that goes to the host and comes from it is looked into."""
    if obligations.cost is not None:
        return _refusal(obligations, "cost", "a limit of cost, which no command line has")
    if obligations.read_only and not _HARMLESS.issuperset(command.facts.intents):
        return _refusal(
            obligations, "read_only", "read_only, and it is not proven that the command only reads"
        )
    if not obligations.block:
        return None
    if not guarded:
        what = "block, which is kept for files and for command lines without a terminal alone"
        return _refusal(obligations, f"block:{obligations.block[0]}", what)
    text = (command.original[0] if command.original is not None else command.text).encode("utf-8", "replace")
    if found := Finder(obligations.block).find(text, 0, len(text)):
        blocked = Blocked(found)
        return Refusal(
            f"its text holds what the rule blocks: {blocked}", _TAKE_OUT, obligations.rule_of(blocked.limit)
        )
    return None


def _refusal(obligations: Obligations, limit: str, what: str) -> Refusal:
    return Refusal(f"the rule that allows it has {what}", _TELL, obligations.rule_of(limit))
