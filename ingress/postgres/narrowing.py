"""A command that people approved runs as a role with what it needs and no more: when, and how the session
gets into it and out of it (docs/decisions/0050-a-role-for-a-command.md). Pure.

    wide ─ask─▶ asked ─told─▶ narrow ─enter─▶ running ─answered─▶ leaving ─told─▶ left ─restored─▶ wide

The role is set for the transaction alone: where the command's own transaction ends with it, or fails, the
target itself goes back. In one that goes on, the gateway does, once the session may act as before.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

from ingress.interface import Narrow
from ingress.postgres.beforehand import Refuse, Standing, Wait
from ingress.postgres.catalogue import Catalogue, is_temporary
from ingress.postgres.execution import Answer, Execution, Group
from ingress.postgres.facts import Context
from ingress.postgres.judge import Judge
from ingress.postgres.messages import FLUSH, Bind, make_error
from ingress.postgres.own import Aside
from ingress.postgres.sql.needs import Need
from ingress.postgres.sql.tree import parse, walk
from schemas.vocabulary import Intent

_OBJECT_NOT_IN_PREREQUISITE_STATE = "55000"
_TEXT = 25  # OID
_UNIQUE = 12  # letters at the end of a role's name
_SET = b"select pg_catalog.current_setting('role'), pg_catalog.set_config('role', $1, true)"
# A server looks whether memberships have changed when it looks up what it does not know yet, as any new name.
_BACK = b"select pg_catalog.to_regrole($2), pg_catalog.set_config('role', $1, true)"
_ACT = b"select pg_catalog.set_config('role', $1, false)"
# What a role with privileges on rows can run; all else needs the rights of an owner, or none.
_OF_ROWS = frozenset(("select", "insert", "update", "delete", "merge", "truncate", "copy", "explain"))
_OF_OWNERS = frozenset((Intent.DDL, Intent.ADMIN, Intent.SESSION))
# What they do is said elsewhere, or by code.
_OF_OTHERS = frozenset(("do", "call", "execute", "declare", "fetch"))
# They answer about the role that asks; views with such columns show each role something else.
_ABOUT_WHO_ASKS = ("has_", "pg_has_role", "getpgusername", "row_security_active")
_WHO = frozenset(("SVFOP_CURRENT_ROLE", "SVFOP_CURRENT_USER", "SVFOP_USER"))


ASK = (
    "Ask the gateway's owner, who can let such commands act as the configured role "
    "(credentials.ephemeral.privileges: facts_or_role)."
)
"""What a client can do whose command cannot have a role of its own."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a command needs of the target. `relations`: all that it reaches, by OID; `functions`: those of
    users that it names; `schemas`: in which names are found. `goes_on`: its transaction does, after it."""

    relations: frozenset[int]
    privileges: frozenset[Need]
    functions: frozenset[int]
    schemas: tuple[str, ...]
    goes_on: bool


@dataclass(frozen=True, slots=True)
class NotNarrowed:
    """Why a command cannot have a role of its own, and what to do, for its client."""

    reason: str
    hint: str


class _State(Enum):
    WIDE = auto()  # the session may do all that its acting role may
    ASKED = auto()  # for a command's role
    NARROW = auto()  # it is made, and the command not sent
    RUNNING = auto()
    LEAVING = auto()  # the session's role is asked to be given back
    LEFT = auto()  # it was
    RESTORING = auto()  # the target was told to act as before


class Narrowing:
    """Of one session. `privileges`: as configured ("role": never); `acts_as`: what the session acts as."""

    def __init__(self, privileges: str, acts_as: str) -> None:
        self._privileges = privileges
        self._acts_as = acts_as
        self._state = _State.WIDE
        self._group: Group | None = None  # whose command it is
        self._told: str | NotNarrowed = ""
        self._before = Answer()  # the role that was set before
        self._ran: set[str] = set()  # commands that had a role, and may be at a row limit

    def begin(self) -> Aside:
        """How the session begins to act. Not by a start-up parameter: RESET ROLE, in code that a command
        runs, would go back to that without being asked whether it may."""
        aside = Aside()
        if self._privileges != "role":
            _ask(aside, _ACT, Answer(is_duty=True), self._acts_as)
            aside.sync()
        return aside

    @property
    def holds_back(self) -> bool:
        """Whether nothing may be sent, but a Sync, and names may mean something else than later."""
        return self._state not in (_State.WIDE, _State.ASKED, _State.NARROW)

    def before(
        self,
        groups: Sequence[Group],
        standing: Standing,
        judge: Judge,
    ) -> Narrow | Wait | Refuse | None:
        """The next step before the first of the groups is sent."""
        group = groups[0]
        if self._privileges == "role":
            return None
        if self._state is _State.ASKED:
            return Wait()
        if self._state is _State.NARROW:
            return None
        if self._group is group and isinstance(self._told, NotNarrowed):
            return self._not(group, self._told)
        if (again := next((one for one in _sent(group) if one.command.id in self._ran), None)) is not None:
            return _refuse(again, _READ_ON)
        approved = [one for one in _sent(group) if _is_approved(one)]
        if not approved:
            return None
        if standing.expected:
            return Wait()  # how the transaction stands is known when all has been answered
        if all(map(_needs_an_owner, approved)):
            return None
        self._group = group
        ends = group.simple or any(one.only_syncs for one in islice(groups, 1, 2))
        goes_on = standing.in_block or not ends
        found = _needs(group, approved[0], judge.catalogue, judge.context, goes_on=goes_on)
        if isinstance(found, NotNarrowed):
            return self._not(group, found)
        self._state, self._told = _State.ASKED, ""
        return Narrow(approved[0].command.id, found)

    def _not(self, group: Group, why: NotNarrowed) -> Refuse | None:
        self._told = why
        if self._privileges == "facts_or_role":
            return None
        return _refuse(next(filter(_is_approved, _sent(group))), why)

    def told(self, told: str | NotNarrowed | None) -> None:
        """What came of a Narrow: the command's role, or why there is none; None: the session has its own
        again."""
        if told is None:
            self._state = _State.LEFT
            return
        self._told = told
        self._state = _State.NARROW if isinstance(told, str) else _State.WIDE

    def enter(self, group: Group) -> Aside:
        """What to send before the group."""
        aside = Aside()
        if self._state is _State.NARROW and self._group is group:
            assert isinstance(self._told, str)
            self._state, self._before = _State.RUNNING, Answer(is_duty=True)
            self._ran.update(one.command.id for one in _sent(group))
            _ask(aside, _SET, self._before, self._told)
        return aside

    def leave(self, groups: Collection[Group], standing: Standing, *, failed: bool) -> Narrow | Aside | None:
        """The next step back; None where nothing is to be done now. `failed`: the series, up to its Sync."""
        match self._state:
            case _State.NARROW if self._group not in groups:
                return self._widen()  # it is not sent after all
            case _State.RUNNING if not standing.expected:
                return self._widen()
            case _State.LEFT if not standing.expected:
                if self._before.rows and not failed and (standing.sent or standing.status == b"T"):
                    self._state = _State.RESTORING
                    return self._restore(standing)
                self._end()
            case _State.RESTORING if not standing.expected:
                self._end()
        return None

    def _widen(self) -> Narrow:
        assert self._group is not None
        self._state = _State.LEAVING
        return Narrow(next(filter(_is_approved, _sent(self._group))).command.id, None)

    def _restore(self, standing: Standing) -> Aside:
        aside = Aside()
        assert isinstance(self._told, str)
        (role, _) = self._before.rows[-1]
        unknown = f'"left {self._told[-_UNIQUE:]}"'
        _ask(aside, _BACK, Answer(is_duty=True), (role or b"none").decode(), unknown)
        if standing.sent:
            aside.messages.append(FLUSH)
        else:
            aside.sync()
        return aside

    def _end(self) -> None:
        self._state, self._group, self._before = _State.WIDE, None, Answer()


_READ_ON = NotNarrowed(
    "the answer of a command that ran as a role of its own cannot be read on: the role is gone",
    "Read it at once: ask without a limit of rows.",
)


def _ask(aside: Aside, text: bytes, answer: Answer, *values: str) -> None:
    bound = Bind(b"", b"", (), tuple(value.encode() for value in values), ())
    aside.ask(text, answer, types=(_TEXT,) * len(values), bind=bound)


def _sent(group: Group) -> list[Execution]:
    return [execution for expected in group.expected for execution in expected.executions]


def _is_approved(execution: Execution) -> bool:
    """Whether people were asked about it before it runs."""
    return execution.allowed is not None and bool(execution.allowed.approval) and not execution.at_commit


def _needs_an_owner(execution: Execution) -> bool:
    """Definitions need who owns what they are about, and what sets up a session or ends a transaction is no
    matter of privileges."""
    facts = execution.command.facts
    statements = frozenset(facts.statements)
    of_rows = statements <= _OF_ROWS or not statements.isdisjoint(_OF_OTHERS)
    return not of_rows and not _OF_OWNERS.isdisjoint(facts.intents)


def _needs(
    group: Group, execution: Execution, catalogue: Catalogue, context: Context, *, goes_on: bool
) -> Needs | NotNarrowed:
    """What the command needs, or why that is not certain."""
    statement, facts = execution.statement, execution.command.facts
    if len(_sent(group)) > 1:
        return NotNarrowed("a command that was approved runs alone", "Send each statement by itself.")
    doubts = sorted(set(facts.unproven) - (statement.of_code if statement is not None else frozenset()))
    if statement is None or doubts:
        return NotNarrowed(f"what it needs is not proven: {'; '.join(doubts)}", ASK)
    if not _OF_ROWS.issuperset(facts.statements):
        kinds = ", ".join(sorted(set(facts.statements) - _OF_ROWS))
        return NotNarrowed(f"what it needs is not known ({kinds})", ASK)
    if reason := next(_about_who_asks(execution, context), ""):
        return NotNarrowed(reason, ASK)
    relations = {name: catalogue.relation_called(name) for name in facts.tables}
    unclear = sorted(name for name, relation in relations.items() if relation is None)
    if unclear:
        return NotNarrowed(f"what it needs is not known: {', '.join(unclear)}", ASK)
    named = {one.schema for oid in statement.relations if (one := catalogue.relation(oid)) is not None}
    return Needs(
        relations=statement.relations | {one.oid for one in relations.values() if one is not None},
        privileges=statement.needs,
        functions=statement.functions,
        schemas=tuple(
            sorted(
                schema
                for schema in named.union(context.search_path)
                if not is_temporary(schema) and schema != "pg_catalog"
            )
        ),
        goes_on=goes_on,
    )


def _about_who_asks(execution: Execution, context: Context) -> Iterator[str]:
    """Why it would do something else as another role."""
    assert execution.statement is not None
    text = execution.statement.text
    if any(
        kind == "SQLValueFunction" and node.get("op") in _WHO
        for s in parse(text)
        for kind, node in walk(s.node)
    ):
        yield "it asks who it runs as, which would be a role of its own"
    for function in execution.command.facts.functions:
        schema, _, name = function.partition(".")
        if schema == "pg_catalog" and name.startswith(_ABOUT_WHO_ASKS):
            yield f"{function} answers about the role that asks, which would be one of its own"
    if context.role in context.search_path:
        yield f'"$user" on the search path may mean schema {context.role}, after the acting role'


def _refuse(execution: Execution, why: NotNarrowed) -> Refuse:
    detail = {"verdict": "deny", "command": execution.command.id}
    error = make_error(
        _OBJECT_NOT_IN_PREREQUISITE_STATE,
        f"refused: {why.reason}",
        detail=json.dumps(detail, ensure_ascii=False),
        hint=f"Nothing was executed. {why.hint}",
    )
    return Refuse(execution, error, why.reason)
