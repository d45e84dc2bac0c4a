"""The approvals in the Faust table, and their deadlines."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

import structlog

from processors.approvals.approval import Input, apply, expire, give_up
from processors.approvals.deadlines import Deadlines
from processors.approvals.reconsidering import Looks, reconsider
from processors.approvals.record import Approval, Step
from processors.approvals.unattended import gives_up
from processors.policy.bundle import Bundle
from processors.records import Form, Records, Table
from schemas.signature import Keyring, SignatureRefused, Signer
from schemas.topics import APPROVALS
from schemas.vocabulary import ApprovalState

_log = structlog.get_logger()

APPROVAL_RECORD = Form(
    b"countersign approval record v1\x00", Approval, lambda approval: approval.request.approval
)
"""How the table keeps an approval."""


class Desk:
    """All approvals of this worker's partitions."""

    def __init__(
        self, table: Table, bundle: Callable[[], Bundle], signer: Signer, keyring: Keyring, node: str
    ) -> None:
        self._records = Records(table, APPROVAL_RECORD, APPROVALS.partitions, signer, keyring)
        self._bundle = bundle  # in force
        self._node = node
        self._deadlines = Deadlines()
        self._looks = Looks()
        self._dependent: set[str] = set()  # those that do not wait for reviewers who cannot be reached

    def apply(self, event: Input, now: datetime) -> Step:
        """What the event does to its approval. Nothing is kept until `save`."""
        return apply(self.find(event.approval), event, self._bundle(), now, self._node)

    def expire(self, approval: str, now: datetime) -> Step:
        """What a due approval does."""
        found = self.find(approval)
        return Step(None) if found is None else expire(found, now, self._node)

    def of_other_rules(self, now: datetime) -> list[str]:
        """All approvals, when the rules have changed; none at any other time. They are given once more a
        while later: a request may be read after the rules changed, and have been judged before."""
        return list(self._deadlines) if self._looks.is_due(self._bundle().version, now) else []

    def reconsider(self, approval: str, now: datetime) -> Step:
        """What the rules in force make of an approval."""
        found = self.find(approval)
        return Step(None) if found is None else reconsider(found, self._bundle(), now, self._node)

    def find(self, approval: str) -> Approval | None:
        """The approval; None for one that is not there, or whose record was not written by us."""
        try:
            return self._records.find(approval)
        except SignatureRefused as error:
            _log.error("approval_record_refused", approval=approval, reason=str(error))
            return None

    def save(self, key: str, approval: Approval | None) -> Awaitable[object] | None:
        """Keeps the approval (None: forgets it); done when that is durable. None when nothing changed."""
        if self._records.is_kept(key, approval):
            return None
        if approval is None:
            return self._records.forget(key)
        self._watch(key, approval)
        return self._records.save(approval)

    def due(self, now: datetime) -> list[str]:
        """The approvals whose time has come; each is given once."""
        return self._deadlines.due(now)

    def give_up(self, now: datetime) -> list[tuple[str, Step]]:
        """What the approvals do that do not wait for reviewers who cannot be reached; each is given once."""
        keys, self._dependent = self._dependent, set()
        found = [(key, self.find(key)) for key in sorted(keys)]
        return [(key, give_up(approval, now, self._node)) for key, approval in found if approval is not None]

    def recover(self, partitions: Collection[int]) -> None:
        """Takes the deadlines of the approvals on these partitions from the table, and no others."""
        self._deadlines.clear()
        self._looks = Looks()
        self._dependent.clear()
        for key in self._records.keys(partitions):
            approval = self.find(key)
            if approval is not None:
                self._watch(key, approval)

    def _watch(self, key: str, approval: Approval) -> None:
        self._deadlines.set(key, approval.due_at)
        if approval.state is ApprovalState.PENDING and gives_up(approval.request):
            self._dependent.add(key)
        else:
            self._dependent.discard(key)

    @property
    def remembered(self) -> int:
        """How many approvals there are, settled ones of the last day included."""
        return len(self._deadlines)
