"""One PostgreSQL session, after both sides have signed in: bytes in, bytes and requests out. No I/O.

    client bytes ─▶ ClientReader ─▶ ClientSide ─▶ groups ──(every verdict in)──▶ target
    client ◀────────────────────────────────── TargetSide ◀── TargetReader ◀── target bytes

Groups leave in the order they came. Verdicts of several groups are asked for ahead of time, as long as
nothing before them can change what their names mean.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from ingress.gate import Allowed, Refusal, Revoked, Waiting
from ingress.interface import (
    Abandon,
    AskBeside,
    CancelTarget,
    Close,
    Finish,
    Frame,
    Narrow,
    ReadCatalogue,
    Record,
    Request,
    Submit,
)
from ingress.postgres import impact
from ingress.postgres.again import REASON, judge_again
from ingress.postgres.bearings import Bearings
from ingress.postgres.beforehand import Refuse, Standing, Wait, has_duties, settle
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.client_side import ClientSide, refusal_after_cancel
from ingress.postgres.codec import ClientReader, Message, TargetReader
from ingress.postgres.ending import answered_beside, ask_about, may_be_held
from ingress.postgres.execution import (
    Ending,
    Execution,
    Expected,
    Group,
    Kind,
    lost,
    only_prepared,
    take_back,
)
from ingress.postgres.judge import Judge
from ingress.postgres.maskers import put_maskers
from ingress.postgres.messages import FLUSH, SYNC, make, make_error
from ingress.postgres.namespace import Namespace
from ingress.postgres.narrowing import Narrowing, NotNarrowed
from ingress.postgres.own import Aside
from ingress.postgres.refusal import CHANGED_MEANWHILE, make_decided, make_still_waiting, make_waiting
from ingress.postgres.refused import error_of, failing, in_place_of
from ingress.postgres.results import ResultMasker
from ingress.postgres.revealing import reveal
from ingress.postgres.sampling import Masked
from ingress.postgres.series import Series
from ingress.postgres.surroundings import surrounded
from ingress.postgres.target_side import TargetSide
from ingress.postgres.transaction import OpenTransaction, make_runs_first, makes_last
from processors.masking.masks import MASKS, Mask
from schemas.vocabulary import MaskingPlan

_AHEAD = 64  # groups whose verdicts are asked for before the first of them is sent
_OWED = 512  # answers the target may owe before more is taken from the client
_BUFFERED = 256 * 1024  # bytes taken from the client and not used yet before reading stops
_COPY_STOPPED = make(b"f", b"stopped by the gateway\0")
_COPY_KINDS = frozenset((b"d", b"c", b"f"))


class PostgresConversation:
    """See `ingress.interface.Conversation`.

    `release(commands)`: the gate's last word before they are sent: None, or which must not be, and why.
    `link(approval)`: where a reviewer finds it. `clock`: for what the client is told.
    `parameters`, `client_name`: see `TargetSide`. `narrowing`: which commands run as roles of their own.
    `masks`: with the gateway's key.
    """

    def __init__(
        self,
        judge: Judge,
        base_plan: MaskingPlan,
        release: Callable[[Sequence[str]], tuple[str, Refusal] | None],
        link: Callable[[str], str],
        clock: Callable[[], datetime],
        parameters: Mapping[str, str],
        client_name: str,
        narrowing: Narrowing,
        masks: Mapping[str, Mask] = MASKS,
    ) -> None:
        self._judge = judge
        self._release = release
        self._link = link
        self._clock = clock
        self._masks = masks
        self._masked = Masked(base_plan, self._judge.origin, masks)
        self._client_reader = ClientReader()
        self._target_reader = TargetReader()
        self._names = Namespace(reasons=judge.reasons)
        self._client = ClientSide(self._names, judge)
        self._transaction = OpenTransaction(clock)
        base = ResultMasker(base_plan, judge.origin, proven=False, masks=masks)
        self._target = TargetSide(self._names, base, self._transaction, parameters, client_name)
        self._groups: deque[Group] = deque()
        self._next: Message | None = None
        self._requests: list[Request] = []
        self._for_client: list[bytes] = []
        self._for_target: list[bytes] = []
        self._series = Series()
        self._bearings = Bearings(judge, self._names)
        self._estimates: list[impact.Asked] = []  # of commands that wait
        self._catalogue_wanted = 0  # readings asked for and not answered
        self._cancels = 0  # on their way to the target: what is sent now might be hit instead
        self._unsettled: set[str] = set()  # commands that change what names mean, not finished
        self._narrowing = narrowing
        self._closed = False
        self._put_aside(narrowing.begin())

    # What comes in

    def client_data(self, data: bytes) -> None:
        """Raises ClientError."""
        self._client_reader.receive_data(data)
        self._turn()

    def target_data(self, data: bytes) -> None:
        """Raises TargetError."""
        for item in self._target_reader.receive_data(data):
            self._target.receive(item)
            self._put_aside(self._target.take_aside())
            if self._target.series_failed:
                self._tell_unplanned()
                self._skip_series("an earlier command of the same series failed")
                self._target.series_failed = False
            if self._target.cut_off:
                self._cut_off()
        self._turn()

    def waiting(self, command: str, waiting: Waiting) -> None:
        group = self._group_of(command)
        if group is None:
            return
        if group.error:
            self._requests.append(Abandon(command, "the gateway cannot run it"))
            group.waiting.discard(command)
        else:
            self._tell(make_waiting(waiting, self._link(waiting.approval), self._clock()))
            self._estimate(group, command)
        self._turn()

    def still_waits(self, command: str, waiting: Waiting) -> None:
        self._tell(make_still_waiting(waiting, self._link(waiting.approval), self._clock()))

    def allowed(self, command: str, allowed: Allowed) -> None:
        group = self._group_of(command)
        if group is None:
            return
        group.waiting.discard(command)
        if group.error:
            self._requests.append(Abandon(command, "the gateway cannot run it"))
        for execution in group.executions:
            if execution.command.id == command:
                execution.allowed = allowed
        if allowed.approval and not group.error:
            self._tell(make_decided(allowed))
        self._turn()

    def refused(self, command: str, refusal: Refusal) -> None:
        group = self._group_of(command)
        if group is None:
            return
        group.waiting.discard(command)
        self._refuse(group, command, refusal)
        self._turn()

    def revoked(self, command: str, revoked: Revoked) -> None:
        """The approval of a command that was sent is taken back."""
        self._stopped(self._target.revoke(command, revoked))

    def cancel(self) -> None:
        """The client asks to stop what it waits for: a held command is withdrawn, a running one cancelled."""
        if self._target.is_answering:
            self._requests.append(CancelTarget())
            self._cancels += 1
        elif self._groups and self._groups[0].waiting:
            group = self._groups[0]
            self._refuse(group, group.executions[0].command.id, refusal_after_cancel())
            self._turn()

    def time_is_up(self, command: str, turn: int) -> None:
        """The command's time limit has passed."""
        self._stopped(self._target.time_is_up(command, turn))

    def _stopped(self, is_stopped: bool) -> None:
        if is_stopped and self._target.copying_in:
            # A server that waits for COPY data does not look whether it was cancelled.
            self._for_target.append(_COPY_STOPPED)
            self._target.copy_ended()
        self._collect()

    def cancel_sent(self) -> None:
        """Answers a CancelTarget."""
        self._cancels -= 1
        self._turn()

    def answered_beside(self, answers: Sequence[Sequence[tuple[bytes | None, ...]]] | None) -> None:
        """Answers an AskBeside; None where the target did not."""
        answered_beside(self._groups[0].ends if self._groups else None, answers)
        self._turn()

    def narrowed(self, told: str | NotNarrowed | None) -> None:
        """Answers a Narrow: the command's role, or why there is none; None: the session has its own again."""
        self._narrowing.told(told)
        self._turn()

    def catalogue_read(self, catalogue: Catalogue) -> None:
        """Answers a ReadCatalogue."""
        self._judge.catalogue = catalogue
        self._catalogue_wanted -= 1
        self._turn()

    def catalogue_news(self, catalogue: Catalogue) -> None:
        """Somebody changed the database: what is judged from now on is judged by this."""
        self._judge.catalogue = catalogue

    def end(self, message: str) -> None:
        """The session ends from our side: what is held is abandoned, what runs has an unknown outcome."""
        if self._closed:
            return
        self._abandon_all(message)
        self._for_client.append(make_error("57P01", message, severity="FATAL"))
        self._close(message)

    def client_left(self, reason: str) -> None:
        """The client is gone."""
        if self._closed:
            return
        if self._target.running():
            self._requests.append(CancelTarget())
        self._abandon_all(reason)
        self._close(reason)

    # What goes out

    def requests(self) -> list[Request]:
        requests, self._requests = self._requests, []
        return requests

    def data_for_client(self) -> list[bytes]:
        data, self._for_client = self._for_client, []
        return data

    def data_for_target(self) -> list[bytes]:
        data, self._for_target = self._for_target, []
        return data

    @property
    def leaves_unread(self) -> bool:
        """Whether it did, or may have done, something to the catalogue that has not been read since."""
        return bool(self._target.effects.unread or self._catalogue_wanted or self._unsettled)

    @property
    def wants_client_data(self) -> bool:
        """False while so much is buffered that the client should wait."""
        return self._client_reader.is_starved or self._client_reader.buffered < _BUFFERED

    # The turn of the wheel

    def _turn(self) -> None:
        """Takes, sends and answers until nothing more can be done without news."""
        while not self._closed:
            self._collect()  # what has ended may be what the next command waited for
            self._leave_role()
            taken = self._take()
            sent = self._send()
            self._target.flush_local()
            self._collect()
            if self._target.ended:
                self._abandon_all(self._target.ended)
                self._close(f"the target ended the session: {self._target.ended}")
            if not taken and not sent:
                return

    def _take(self) -> bool:
        """Puts messages of the client into groups; False when there was nothing to do."""
        taken = False
        while not self._closed:
            message = self._next or self._client_reader.next_message()
            if message is None:
                return taken
            self._next = message
            if message.kind == b"X":
                self.client_left("the client left")
                return True
            if message.kind in _COPY_KINDS:
                if not self._target.copying_in and (self._groups or self._target.expected):
                    self._flush()
                    return taken  # some clients send data before the target has asked for it
                if self._target.copying_in:  # what is left after an error is dropped
                    self._for_target.append(message.raw)
                    if message.kind != b"d":
                        self._target.copy_ended()
            elif self._target.copying_in and message.kind in (b"S", b"H"):
                self._for_target.append(message.raw)  # ignored by the target during COPY
            elif not self._may_take(message):
                return taken
            else:
                self._bearings.tell(self._target, self._queued())
                self._client.encoding = self._target.parameters.get("client_encoding", "UTF8")
                for group in self._client.take(message):
                    self._submit(group)
            self._next = None
            taken = True
        return taken

    def _may_take(self, message: Message) -> bool:
        if len(self._target.expected) >= _OWED:
            self._flush()  # or the target might wait for a Sync that we do not take
            return False
        if len(self._groups) >= _AHEAD or sum(group.size for group in self._groups) >= _BUFFERED:
            return False
        return not self._client.needs_context(message) or self._settled()

    def _settled(self) -> bool:
        """Whether names mean now what the judge thinks; asks for news where they may not."""
        target = self._target
        if self._catalogue_wanted or self._bearings.are_asked_for:
            return False
        is_busy = bool(self._groups or target.expected)
        if self._narrowing.holds_back or self._unsettled or (target.effects.changed_names and is_busy):
            self._flush()
            return False
        if target.effects.changed_names:
            target.effects.changed_names = False
            self._bearings.are_old = True
        if not self._bearings.are_old or target.status == b"E":
            return True
        if is_busy:
            self._flush()
        else:
            asked = self._bearings.ask(unread=bool(target.effects.unread), in_series=self._series.ran)
            self._put_aside(asked)
        return False

    def _submit(self, group: Group) -> None:
        if any(map(makes_last, group.executions)) and may_be_held(self._transaction, self._queued()):
            group.ends = Ending()
        self._groups.append(group)
        group.waiting.update(execution.command.id for execution in group.executions)
        if group.ends is None:
            self._requests.extend(Submit(execution.command) for execution in group.executions)
        self._unsettled.update(one.command.id for one in group.all_executions() if one.unsettles)

    def _queued(self) -> list[Execution]:
        """What waits for its verdict, or its turn."""
        waiting = (group for group in self._groups if not group.error and group.refusal is None)
        return [execution for group in waiting for execution in group.executions]

    def _ask_about_end(self, group: Group, ending: Ending) -> bool:
        """Asks about the end of a transaction, once all that ran in it has been answered; whether it did."""
        if ending.is_asked or self._target.expected:
            return ending.is_asked
        step = ask_about(group, ending, self._transaction, self._standing(()), self._masked)
        if isinstance(step, Aside):
            self._put_aside(step)
            self._series.unflushed = self._series.sent
            return False
        if isinstance(step, AskBeside):
            self._requests.append(step)
        if isinstance(step, AskBeside | Wait):
            return False
        ending.is_asked = True
        self._requests.extend(Submit(execution.command) for execution in group.executions)
        if isinstance(step, Refuse):
            self._refuse_beforehand(group, step)
            group.waiting.clear()
        return True

    def _settle(self, group: Group) -> None:
        """Nothing of the group will be sent: it changes nothing."""
        self._unsettled.difference_update(one.command.id for one in group.all_executions())

    def _send(self) -> bool:
        """Sends the groups whose turn it is; False when there was none."""
        sent = False
        while self._groups and not self._closed:
            group = self._groups[0]
            if not self._is_due(group):
                self._flush()
                return sent
            sent = True
            if not group.error and not group.refusal and not self._check(group):
                continue
            self._groups.popleft()
            if group.error or group.refusal:
                self._answer_refused(group)
            else:
                self._forward(group)
        return sent

    def _is_due(self, group: Group) -> bool:
        """Whether it may be sent; asks for what must be known before."""
        is_held = self._narrowing.holds_back and not group.only_syncs
        if is_held or (group.ends and not group.refusal and not self._ask_about_end(group, group.ends)):
            return False
        awaits = group.waiting or self._cancels or self._series.awaits_answers(group, self._target)
        return not awaits and self._settles(group)

    def _settles(self, group: Group) -> bool:
        """Whether all that must be known or done before the group is sent has been."""
        if group.error or group.refusal:
            return True
        standing = self._standing(self._target.expected)
        step: Narrow | Wait | Aside | Refuse | None = settle(group, standing) if has_duties(group) else None
        if step is None:
            step = self._narrowing.before(self._groups, standing, self._judge)
        match step:
            case Narrow():
                self._requests.append(step)
            case Aside():
                self._put_aside(step)
                self._series.unflushed = standing.sent
            case Refuse():
                self._refuse_beforehand(group, step)
        return step is None or isinstance(step, Refuse)

    def _leave_role(self) -> None:
        """What is to be done after a command that ran as a role of its own."""
        standing = self._standing(self._target.expected)
        step = self._narrowing.leave(self._groups, standing, failed=self._client.skipping)
        if isinstance(step, Narrow):
            self._requests.append(step)
        elif step is not None:
            self._put_aside(step)

    def _standing(self, expected: Collection[Expected]) -> Standing:
        target, ran, sent = self._target, self._series.ran, self._series.sent
        return Standing(target.status, ran, sent, expected, target.in_block, self._transaction.is_full)

    def _refuse_beforehand(self, group: Group, refuse: Refuse) -> None:
        group.error = refuse.data
        for execution in group.executions:
            why = "another statement of the same message was refused"
            self._unsettled.discard(execution.command.id)
            self._abandon(execution, refuse.reason if execution is refuse.execution else why)

    def _check(self, group: Group) -> bool:
        """The gate's last word on each command; a refusal of one is a refusal of the group. False where it is
        not the last: what names mean something else by now is asked about once more."""
        changed = [one for one in group.executions if not self._judge.means_the_same(one)]
        if changed and self._ask_again(group, changed):
            return False
        if changed:
            self._abandon(changed[0], REASON)
            self._refuse(group, changed[0].command.id, CHANGED_MEANWHILE)
        elif refused := self._release([execution.command.id for execution in group.executions]):
            self._refuse(group, *refused)
        return True

    def _ask_again(self, group: Group, changed: Sequence[Execution]) -> bool:
        self._bearings.tell(self._target, ())
        self._unsettled.difference_update(one.command.id for one in changed)
        requests = judge_again(group, changed, self._judge, is_last=self._queued() == group.executions)
        self._requests += requests
        self._unsettled.update(one.command.id for one in changed if one.unsettles)
        return bool(requests)

    def _forward(self, group: Group) -> None:
        reveal(group, self._judge.tokens)
        asked = {id(execution) for expected in group.expected for execution in expected.executions}
        for execution in group.executions:
            if id(execution) in asked:
                execution.alone = not self._series.ran
                put_maskers(execution, self._judge.origin, self._masks)
                if execution.at_commit and not self._transaction.is_held:
                    self._for_client.append(make_runs_first(execution))
                self._transaction.sent(execution)
                self._requests.append(Record(Frame.COMMAND, execution.command.text.encode()))
            else:  # a preparation: nothing runs, nothing is owed
                self._requests.append(only_prepared(execution))
                self._unsettled.discard(execution.command.id)
        begun = [execution for execution in group.executions if id(execution) in asked]
        entering, standing = self._narrowing.enter(group), self._standing(())
        around, may_be_skipped = surrounded(group, begun, entering, self._judge.catalogue, standing)
        self._put_aside(around)
        self._target.watch()
        self._series.goes_on(group, ran=bool(asked), may_be_skipped=may_be_skipped)

    def _refuse(self, group: Group, command: str, refusal: Refusal) -> None:
        """One command of a group is refused: nothing of the group is sent."""
        if group.refusal is None:
            group.refusal = (command, refusal)
        self._settle(group)
        for execution in group.executions:
            if refusal.cancelled:
                self._abandon(execution, "the client cancelled it")
            elif execution.command.id != command:
                self._abandon(execution, "another statement of the same message was refused")
        group.waiting.clear()

    def _answer_refused(self, group: Group) -> None:
        """The refusal takes its place behind what the target still owes."""
        self._settle(group)
        error = error_of(group, self._link)
        if group.refusal is not None and not group.error:
            self._requests.append(Record(Frame.COMMAND, group.executions[0].command.text.encode()))
            self._requests.append(Record(Frame.NOTE, group.refusal[1].message.encode()))
        self._put_aside(in_place_of(group, error, self._target.status, ran_in_series=self._series.ran))
        if not group.simple:
            take_back(self._names, group)
            self._skip_series("an earlier command of the same series was refused", synced=group.syncs)

    def _skip_series(self, reason: str, *, synced: bool = False) -> None:
        """After an error everything up to Sync is discarded (55.2.3, "Extended Query")."""
        while self._groups and not synced:
            group = self._groups.popleft()
            synced = group.syncs
            self._settle(group)
            for execution in group.executions:
                self._abandon(execution, reason)
            take_back(self._names, group)
        if synced:
            self._groups.appendleft(Group([SYNC], [Expected(Kind.SYNC)], syncs=True))
            return
        take_back(self._names, self._client.discard())

    def _tell_unplanned(self) -> None:
        """Where the target could not plan what came next in a series: its error is the series' error."""
        if not self._groups or (group := self._groups[0]).estimates is None:
            return
        refused = settle(group, self._standing(()))
        if isinstance(refused, Refuse):
            self._refuse_beforehand(group, refused)
            self._target.expected.append(Expected(Kind.LOCAL, data=group.error))

    def _cut_off(self) -> None:
        """An answer was cut off at its limit in the middle of a series: the target is made to fail, too."""
        self._put_aside(failing(self._target.cut_off))
        self._target.cut_off = b""
        self._skip_series("an earlier command of the same series was stopped at its limit")

    def _flush(self) -> None:
        """Makes the target give the answers it owes: what comes next depends on them."""
        if self._series.unflushed:
            self._for_target.append(FLUSH)
            self._series.unflushed = False

    def _estimate(self, group: Group, command: str) -> None:
        """While it waits nothing else is asked of the target."""
        is_idle = not self._target.expected and not self._series.sent and self._target.status == b"I"
        if is_idle and group is self._groups[0] and (found := impact.ask(group, command)) is not None:
            self._estimates.append(found[0])
            self._put_aside(found[1])

    def _put_aside(self, aside: Aside) -> None:
        self._for_target += aside.messages
        self._target.expected.extend(aside.expected)

    def _collect(self) -> None:
        """What the target's side has to say since the last time."""
        for request in self._target.take_requests():
            if isinstance(request, Finish):
                self._unsettled.discard(request.command)
            self._cancels += isinstance(request, CancelTarget)
            self._requests.append(request)
            if isinstance(request, ReadCatalogue):
                self._catalogue_wanted += 1
        self._unsettled.difference_update(self._target.take_suspended())
        self._for_client.extend(self._target.take_out())
        if self._bearings.are_asked_for and not any(expected.quiet for expected in self._target.expected):
            is_unchanged = self._bearings.take()
            if is_unchanged:
                self._target.effects.unread = frozenset()  # it changed nothing after all
            elif is_unchanged is None and self._target.status != b"E":
                self.end("the gateway could not ask the target for the session's search path and role")
        while self._estimates and not self._target.expected:
            self._requests += self._estimates.pop(0).estimated()

    def _group_of(self, command: str) -> Group | None:
        return next((group for group in self._groups if command in group.waiting), None)

    def _tell(self, notice: bytes) -> None:
        self._for_client.append(notice)
        self._requests.append(Record(Frame.ANSWER, notice))

    def _abandon(self, execution: Execution, reason: str) -> None:
        self._requests.append(Abandon(execution.command.id, reason))

    def _abandon_all(self, reason: str) -> None:
        for group in self._groups:
            for execution in group.executions:
                self._abandon(execution, reason)
        self._groups.clear()
        for execution in self._target.running():
            self._requests.append(lost(execution, reason))

    def _close(self, reason: str) -> None:
        self._closed = True
        self._requests.append(Close(reason))
