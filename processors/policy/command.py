"""What the policy sees of a command."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from schemas.events import ApprovalRequested, CommandRequested
from schemas.vocabulary import Facts, Intent, Principal, SensitiveColumn


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


def command_of(event: CommandRequested | ApprovalRequested, resource: Resource) -> Command:
    """The command that either event speaks of. A command without any intent is unknown."""
    facts = event.facts if event.facts.intents else replace(event.facts, intents=(Intent.UNKNOWN,))
    return Command(
        principal=event.principal,
        resource=resource,
        text=event.text,
        facts=facts,
        context={item.name: item.value for item in event.context},
        client_address=event.client_address,
        reason=event.reason,
        ticket=event.ticket,
        unmask=event.unmask,
    )
