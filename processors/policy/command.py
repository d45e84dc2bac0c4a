"""What the policy sees of a command."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from schemas.events import ApprovalRequested, CommandRequested
from schemas.vocabulary import Facts, Intent, Principal, RanStatement, SensitiveColumn, Transaction


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as far as it shapes a verdict."""

    name: str
    labels: Mapping[str, str]
    columns: tuple[SensitiveColumn, ...] = ()
    detectors: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()  # groups


@dataclass(frozen=True, slots=True)
class Command:
    """One command to judge. `text` has its sensitive literals replaced."""

    principal: Principal
    resource: Resource
    text: str
    facts: Facts
    context: Mapping[str, str]
    client_address: str  # "host:port"
    reason: str = ""  # why the requester wants it, in their words
    ticket: str = ""
    unmask: tuple[str, ...] = ()  # columns they ask to see unmasked
    transaction: Transaction | None = None  # it is a COMMIT: what it makes last


def command_of(event: CommandRequested | ApprovalRequested, resource: Resource) -> Command:
    """The command that either event speaks of. A command without any intent is unknown."""
    return Command(
        principal=event.principal,
        resource=resource,
        text=event.text,
        facts=_with_intent(event.facts),
        context={item.name: item.value for item in event.context},
        client_address=event.client_address,
        reason=event.reason,
        ticket=event.ticket,
        unmask=event.unmask,
        transaction=event.transaction,
    )


def statement_of(commit: Command, ran: RanStatement) -> Command:
    """The command that one statement of the COMMIT's transaction was."""
    return replace(
        commit,
        text=ran.text,
        facts=_with_intent(ran.facts),
        context={item.name: item.value for item in ran.context},
        reason=ran.reason,
        ticket=ran.ticket,
        transaction=None,
    )


def _with_intent(facts: Facts) -> Facts:
    return facts if facts.intents else replace(facts, intents=(Intent.UNKNOWN,))
