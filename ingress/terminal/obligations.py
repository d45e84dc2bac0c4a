"""Which limits of a rule can be kept for a command that runs on a host or in a pod."""

from ingress.command import Command
from ingress.gate import Refusal
from schemas.vocabulary import Intent, Obligations

_HARMLESS = frozenset((Intent.READ, Intent.SESSION))


def unkept(obligations: Obligations, command: Command) -> Refusal | None:
    """The refusal where a rule asks for what cannot be kept here; None where all can."""
    what = ""
    if obligations.cost is not None:
        what = "a limit of cost, which no command line has"
    elif obligations.read_only and not _HARMLESS.issuperset(command.facts.intents):
        what = "read_only, and it is not proven that the command only reads"
    if not what:
        return None
    return Refusal(
        message=f"the rule that allows it has {what}",
        hint="Nothing was executed. Tell whoever keeps the gateway's rules.",
    )
