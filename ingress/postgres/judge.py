"""Text -> the command that is asked about: facts, digest, and what events may show of it. Pure."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ingress.command import Command, Spoken, make_command
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.execution import Execution
from ingress.postgres.facts import Context, Statement, Unparsable, analyse
from ingress.postgres.messages import Bind
from ingress.postgres.namespace import Prepared
from ingress.postgres.parameters import readable
from ingress.postgres.reasons import Reasons
from processors.masking.apply import redact_text
from schemas.vocabulary import ContextItem, Facts, Intent, SensitiveColumn, Stage

PLACEHOLDER = "‹sealed›"
_CACHED_TEXT = 64 * 1024  # longer texts are not worth the memory
_QUOTED = re.compile(r"'(?:[^']|'')*'?|(\$\w*\$).*?(?:\1|$)", re.DOTALL)


class FactsCache:
    """The statements of texts seen lately, by text and by all that their meaning depends on."""

    def __init__(self, entries: int = 4096) -> None:
        self._entries = entries
        self._found: OrderedDict[tuple[object, ...], tuple[Statement, ...]] = OrderedDict()

    def statements(
        self, text: str, catalogue: Catalogue, context: Context, sensitive: tuple[SensitiveColumn, ...]
    ) -> tuple[Statement, ...]:
        """As `analyse`. Raises Unparsable."""
        key = (
            text,
            catalogue.version,
            context.search_path,
            context.role,
            context.standard_conforming_strings,
            frozenset(context.prepared.items()),
            frozenset(context.cursors.items()),
            sensitive,
        )
        found = self._found.get(key)
        if found is not None:
            self._found.move_to_end(key)
            return found
        found = analyse(text, catalogue, context, sensitive)
        if len(text) <= _CACHED_TEXT:
            self._found[key] = found
            if len(self._found) > self._entries:
                self._found.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose commands these are, and on what."""

    principal: str
    resource: str
    database: str
    sensitive: tuple[SensitiveColumn, ...]
    detectors: tuple[str, ...]


class Judge:
    """Makes the commands of one session. `catalogue`, `context` and `transaction` are kept up to date."""

    def __init__(
        self, subject: Subject, cache: FactsCache, new_id: Callable[[], str], catalogue: Catalogue
    ) -> None:
        self._subject = subject
        self._cache = cache
        self._new_id = new_id
        self.catalogue = catalogue
        self.context = Context(search_path=(), role="")
        self.transaction = b"I"
        self.reasons = Reasons()
        self.is_stale = False  # the context could not be asked for: what it decides is not proven

    def query(self, text: str) -> list[Execution]:
        """An execution for each statement of a simple query. Raises Unparsable."""
        return [
            self._execution(Stage.EXECUTE, statement, statement.text, None)
            for statement in self._statements(text)
        ]

    def single(self, stage: Stage, prepared: Prepared, bind: Bind | None) -> Execution | None:
        """The execution or preparation of a prepared statement; None when its text is empty.

        Raises Unparsable.
        """
        statements = self._statements(prepared.text)
        if not statements:
            return None
        if len(statements) > 1:
            # As PostgreSQL says it (42601).
            raise Unparsable("cannot insert multiple commands into a prepared statement", 1)
        doubts = self._doubts_of_types(prepared.types)
        return self._execution(stage, statements[0], prepared.text, bind, doubts)

    def doubts(self, prepared: Prepared) -> bool:
        """Whether something of what a statement does is not proven. Raises Unparsable."""
        return any(Intent.UNKNOWN in one.facts.intents for one in self._statements(prepared.text)) or bool(
            self._doubts_of_types(prepared.types)
        )

    def _doubts_of_types(self, types: tuple[int, ...]) -> list[str]:
        """What making parameters of these types (OIDs; 0: the server is to find out) can run."""
        found = []
        for oid in types:
            known = self.catalogue.type(oid)
            if oid and known is None:
                found.append("a parameter's type is not known")
            elif known is not None and known.runs:
                found.append(f"type {known.schema}.{known.name} {known.runs}")
        return found

    def refused_anyway(self, text: str, reason: str) -> Execution:
        """What the gateway does not run whatever the policy says; asked about so that it is on record."""
        facts = Facts(intents=(Intent.UNKNOWN,), unproven=(reason,))
        return Execution(self._command(Stage.EXECUTE, text, _without_quoted(text), None, facts), None)

    def _statements(self, text: str) -> tuple[Statement, ...]:
        return self._cache.statements(text, self.catalogue, self.context, self._subject.sensitive)

    def _execution(
        self,
        stage: Stage,
        statement: Statement,
        text: str,
        bind: Bind | None,
        doubts: Iterable[str] = (),
    ) -> Execution:
        facts = statement.facts
        for doubt in doubts:
            facts = _unproven(facts, doubt)
        if self.is_stale:
            facts = _unproven(facts, "the session's search path and role could not be asked for")
        secret = statement.secret_parameters
        return Execution(self._command(stage, text, statement.redacted, bind, facts, secret), statement)

    def _command(
        self,
        stage: Stage,
        text: str,
        redacted: str,
        bind: Bind | None,
        facts: Facts,
        secret: frozenset[int] = frozenset(),
    ) -> Command:
        subject = self._subject
        bound = bind.parameters if bind is not None else ()
        parameters = readable(bound)
        # What is not proven may read one also where the text names none.
        hides = bool(subject.sensitive) and Intent.UNKNOWN in facts.intents
        shown = tuple(
            PLACEHOLDER if (hides or number in secret) and value is not None else self._redact(value)
            for number, value in enumerate(parameters, start=1)
        )
        why = self.reasons.of(text)
        return make_command(
            id=self._new_id(),
            stage=stage,
            principal=subject.principal,
            resource=subject.resource,
            said=Spoken(text, parameters),
            bound=bound,
            shown=Spoken(redact_text(redacted, subject.detectors), shown),
            context=self._context_items(),
            facts=facts,
            reason=redact_text(why.reason, subject.detectors),
            ticket=redact_text(why.ticket, subject.detectors),
        )

    def _redact(self, value: str | None) -> str | None:
        return None if value is None else redact_text(value, self._subject.detectors)

    def _context_items(self) -> tuple[ContextItem, ...]:
        return (
            ContextItem("database", self._subject.database),
            ContextItem("role", self.context.role),
            ContextItem("search_path", ", ".join(self.context.search_path)),
            ContextItem("transaction", "none" if self.transaction == b"I" else "open"),
        )


def _without_quoted(text: str) -> str:
    """A text nobody could parse, without anything that looks quoted."""
    return _QUOTED.sub(f"'{PLACEHOLDER}'", text)


def _unproven(facts: Facts, reason: str) -> Facts:
    return replace(
        facts,
        intents=tuple(sorted({*facts.intents, Intent.UNKNOWN})),
        unproven=tuple(sorted({*facts.unproven, reason})),
        outputs=(),
        outputs_known=False,
    )
