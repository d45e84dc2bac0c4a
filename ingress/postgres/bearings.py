"""What names mean to a session now: asked of the target itself, when it may have changed."""

from collections.abc import Sequence
from dataclasses import replace

from ingress.postgres.circumstances import CONTEXT_QUERY, context_of, with_fingerprint
from ingress.postgres.execution import Answer, Execution
from ingress.postgres.judge import Judge
from ingress.postgres.messages import FLUSH
from ingress.postgres.namespace import Namespace
from ingress.postgres.own import Aside
from ingress.postgres.target_side import TargetSide
from ingress.postgres.transaction import in_block

_COLUMNS = 4  # of an answer; one more with the catalogue's fingerprint


class Bearings:
    """Keeps the judge's context. `are_old`: what it thinks may not be so any more."""

    def __init__(self, judge: Judge, names: Namespace) -> None:
        self._judge = judge
        self._names = names
        self._answer: Answer | None = None  # to what was asked and is not answered
        self.are_old = True

    def tell(self, target: TargetSide, queued: Sequence[Execution]) -> None:
        """Brings the judge up to date with what is known here. `queued`: what has not been sent."""
        judge, names = self._judge, self._names
        prepared, cursors = names.texts(), names.cursors
        if judge.context.prepared != prepared or judge.context.cursors != cursors:
            judge.context = replace(judge.context, prepared=prepared, cursors=dict(cursors))
        judge.transaction = target.status
        judge.in_block = in_block(target.in_block, [*target.running(), *queued])
        judge.unread = target.effects.unread
        judge.firsts = names.firsts
        judge.is_stale = self.are_old

    @property
    def are_asked_for(self) -> bool:
        """Whether an answer is to come."""
        return self._answer is not None

    def ask(self, *, unread: bool, in_series: bool) -> Aside:
        """The question. `unread`: the open transaction changed the catalogue, or may have."""
        self._answer = Answer()
        aside = Aside()
        fingerprint = self._judge.catalogue.fingerprint if unread else None
        aside.ask(with_fingerprint(fingerprint) if fingerprint else CONTEXT_QUERY, self._answer)
        if in_series:
            aside.messages.append(FLUSH)
        else:
            aside.sync()
        return aside

    def take(self) -> bool | None:
        """Takes the answer: whether the catalogue is as it was read, after all. None: there is no answer."""
        assert self._answer is not None
        rows, self._answer = self._answer.rows, None
        if not rows:
            return None
        self.are_old = False
        row = rows[-1]
        self._judge.context = context_of(row, self._names.texts(), self._names.cursors)
        fingerprint = self._judge.catalogue.fingerprint
        return len(row) > _COLUMNS and fingerprint is not None and row[-1] == fingerprint.value.encode()
