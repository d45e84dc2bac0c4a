"""A command as an ingress holds it, whatever the protocol."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.digest import command_digest
from schemas.fingerprint import pattern_fingerprint
from schemas.vocabulary import ContextItem, Facts, Stage, Transaction


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked of the policy. `text` and `parameters` are as events may show them;
    `original` is what they were made from, where anything was replaced, to be sealed."""

    id: str
    stage: Stage
    text: str
    parameters: tuple[str | None, ...]
    original: tuple[str, tuple[str | None, ...]] | None
    digest: str
    context: tuple[ContextItem, ...]
    facts: Facts
    reason: str = ""  # why the requester wants it, as events may show it
    ticket: str = ""
    unmask: tuple[str, ...] = ()  # columns they ask to see unmasked
    pattern: str = ""  # what a reviewer may grant, as events may show it; empty: nothing but this command
    fingerprint: str = ""
    holds_commit: bool = False  # what it changes lasts only by a COMMIT that is asked about
    transaction: Transaction | None = None  # it is such a COMMIT: what it makes last


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a command has in common with others that a reviewer may grant along with it, as its protocol says.

    `exact`: with a zero character where a value may vary; `shown`: as people read it.
    """

    shown: str
    exact: str
    facts: Facts
    context: tuple[ContextItem, ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One form of a command: its text, and its parameters as text (None is NULL)."""

    text: str
    parameters: tuple[str | None, ...]


def make_command(
    *,
    id: str,
    stage: Stage,
    principal: str,
    resource: str,
    said: Spoken,
    bound: Sequence[bytes | None],
    shown: Spoken,
    context: tuple[ContextItem, ...],
    facts: Facts,
    reason: str = "",
    ticket: str = "",
    unmask: tuple[str, ...] = (),
    pattern: Pattern | None = None,
    holds_commit: bool = False,
) -> Command:
    """`said`: as the client sent it; `bound`: its parameters' bytes; `shown`: as events may show it."""
    return Command(
        id=id,
        stage=stage,
        text=shown.text,
        parameters=shown.parameters,
        original=None if shown == said else (said.text, said.parameters),
        digest=command_digest(
            stage=stage,
            principal=principal,
            resource=resource,
            text=said.text,
            parameters=bound,
            context=context,
        ),
        context=context,
        facts=facts,
        reason=reason,
        ticket=ticket,
        unmask=unmask,
        pattern=pattern.shown if pattern is not None else "",
        fingerprint=pattern_fingerprint(pattern.exact, pattern.facts, pattern.context)
        if pattern is not None
        else "",
        holds_commit=holds_commit,
    )
