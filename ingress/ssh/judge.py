"""What a client wants of a host -> the command that is asked about. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ingress.command import Command, Pattern, Spoken, make_command
from ingress.shell.facts import analyse
from ingress.shell.place import Place
from ingress.ssh.reasons import Why, why
from ingress.ssh.words import SHELL, SUBSYSTEM
from processors.masking.apply import redact_text
from schemas.vocabulary import ContextItem, Facts, Intent, Stage

PLACEHOLDER = "‹sealed›"
LONGEST = 128 * 1024  # characters of a command line
_SECRETS = re.compile(
    r"(?i)((?:\b[a-z0-9_]*(?:password|passwd|secret|token|api_?key)|--?(?:pass|pw))(?:\s*[=:]\s*|\s+)"
    r"|\bauthorization:\s*\w+\s+|\bsshpass\s+-p\s*|://[^\s/:@'\"]+:)"
    r"(\"[^\"]*\"|'[^']*'|[^\s'\"@;|&]+)"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose commands these are, and on what."""

    principal: str
    resource: str
    user: str  # at the host
    detectors: tuple[str, ...]


class Judge:
    """Makes the commands of one client."""

    def __init__(self, subject: Subject, new_id: Callable[[], str]) -> None:
        self.subject = subject
        self._new_id = new_id

    def line(
        self, text: str, environment: Mapping[str, str], said: Mapping[str, str], terminal: bool
    ) -> Command:
        """A command line. `environment`: what goes to the host with it; `said`: what the client set."""
        analysis = analyse(text, Place(has_terminal=terminal))
        reason = why(said, analysis.comment)
        bare = _without_comment(text, analysis.comment)
        return self._command(text, analysis.facts, environment, reason, terminal, bare)

    def typed(
        self, text: str, place: Place, environment: Mapping[str, str], said: Mapping[str, str]
    ) -> tuple[Command, bool]:
        """A command line typed into a shell, and whether it may change what names mean in those after it."""
        analysis = analyse(text, place)
        where = (
            ContextItem("shell", "changed" if place.changed else "unchanged"),
            ContextItem("folder", place.folder),
        )
        reason = why(said, analysis.comment)
        bare = _without_comment(text, analysis.comment)
        command = self._command(text, analysis.facts, environment, reason, True, bare, where)
        return command, analysis.changes_shell

    def shown(self, text: str) -> str:
        """A text of the client as events and recordings may have it."""
        hidden = _SECRETS.sub(lambda found: found[1] + PLACEHOLDER, text)
        return redact_text(hidden, self.subject.detectors)

    def shell(self, environment: Mapping[str, str], said: Mapping[str, str]) -> Command:
        """An interactive shell, as a whole."""
        facts = Facts(
            intents=(Intent.EXEC, Intent.UNKNOWN),
            statements=(SHELL,),
            unproven=("what will be typed into the shell is not known",),
        )
        return self._command("(interactive shell)", facts, environment, why(said), True)

    def subsystem(self, name: str, environment: Mapping[str, str], said: Mapping[str, str]) -> Command:
        """A program that the host knows by this name (RFC 4254, 6.5): what it does is not known here."""
        facts = Facts(
            intents=(Intent.EXEC, Intent.UNKNOWN),
            statements=(SUBSYSTEM,),
            programs=(name,),
            unproven=("what is said to a subsystem is not known",),
        )
        return self._command(f"subsystem {name}", facts, environment, why(said), False)

    def operation(self, text: str, facts: Facts, said: Mapping[str, str]) -> Command:
        """An operation on files, or a way for other bytes."""
        return self._command(text, facts, {}, why(said), False)

    def _command(
        self,
        text: str,
        facts: Facts,
        environment: Mapping[str, str],
        reason: Why,
        terminal: bool,
        bare: str = "",
        where: tuple[ContextItem, ...] = (),
    ) -> Command:
        """`bare`: the text without the comment that says why, where it may have one."""
        subject = self.subject
        bare = bare or text
        is_plain = self.shown(bare) == bare
        items = [ContextItem("user", subject.user), ContextItem("terminal", "yes" if terminal else "no")]
        for name, value in sorted(environment.items()):
            hidden = self.shown(f"{name}={value}").partition("=")[2]
            is_plain = is_plain and hidden == value
            items.append(ContextItem(f"env {name}", hidden))
        items += where
        return make_command(
            id=self._new_id(),
            stage=Stage.EXECUTE,
            principal=subject.principal,
            resource=subject.resource,
            said=Spoken(text, ()),
            bound=(),
            shown=Spoken(self.shown(text), ()),
            context=tuple(items),
            facts=_masked(facts, subject.detectors),
            reason=redact_text(reason.reason, subject.detectors),
            ticket=redact_text(reason.ticket, subject.detectors),
            # Any of its words can decide what it does: a reviewer grants this very line, and no other.
            pattern=Pattern(bare, bare, facts, tuple(items)) if is_plain else None,
        )


def _masked(facts: Facts, detectors: tuple[str, ...]) -> Facts:
    """The facts without what detectors find in names: events have them."""

    def masked(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({redact_text(name, detectors) for name in names}))

    return replace(
        facts,
        paths=masked(facts.paths),
        programs=masked(facts.programs),
        unproven=masked(facts.unproven),
    )


def _without_comment(text: str, comment: str) -> str:
    """The line without the comment that says why: on one line, that is all to the end."""
    return text.removesuffix(f"#{comment}").rstrip() if comment and "\n" not in text else text
