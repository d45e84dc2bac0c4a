from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from hypothesis.stateful import rule as step
from support.commands import DELETE, NOW, requested
from support.grants import FINGERPRINT, RULE, grant_issued, grant_revoked

from processors.grants.granted import Granted, expire, find, finish, issue, revoke, use
from schemas.events import CommandRequested
from schemas.vocabulary import Facts, GrantKind, Intent

SOON = NOW + timedelta(seconds=30)
NOTHING = Granted("agent-7")


def asked(at: datetime = SOON) -> CommandRequested:
    return requested(DELETE, at=at, fingerprint=FINGERPRINT, reply_to=3)


def let_through(granted: Granted, request: CommandRequested, now: datetime = SOON) -> Granted:
    grant = find(granted, request, (RULE,), now)
    assert grant is not None
    return use(granted, grant, request, now)[0]


def test_of_several_the_one_that_ends_first_is_used() -> None:
    granted = issue(
        issue(NOTHING, grant_issued("long"), NOW), grant_issued("short", lasts=timedelta(minutes=1)), NOW
    )
    found = find(granted, asked(), (RULE,), SOON)
    assert found is not None
    assert found.id == "short"


def test_a_repeat_of_a_command_is_one_use_also_after_the_end() -> None:
    request, other = asked(), asked()
    granted = let_through(issue(NOTHING, grant_issued(uses=1), NOW), request)
    assert find(granted, other, (RULE,), SOON) is None
    again = let_through(granted, request, SOON + timedelta(hours=1))
    assert again == granted
    assert [grant.used for grant in again.grants] == [1]


def test_revocation_stops_what_runs_and_nothing_else() -> None:
    running, over = asked(), asked()
    granted = let_through(let_through(issue(NOTHING, grant_issued(), NOW), running), over)
    granted = finish(granted, over.envelope.command)
    event = grant_revoked(at=SOON)
    after, orders = revoke(granted, event)
    ((order, partition),) = orders
    assert (order.envelope.command, order.digest, partition) == (
        running.envelope.command,
        running.digest,
        3,
    )
    assert (order.grant, order.revoked_by, order.comment) == ("grant-1", "dana", "enough")
    assert find(after, asked(), (RULE,), SOON) is None
    assert revoke(after, event) == (after, orders), "told again, it is said again"


def test_what_was_reviewed_before_it_came_is_not_let_through_when_it_is_read_again() -> None:
    """The request came after the reviewers had granted, and before the grant had come to the account."""
    request = asked(NOW + timedelta(milliseconds=5))
    assert find(NOTHING, request, (RULE,), SOON) is None
    granted = issue(NOTHING, grant_issued(), NOW + timedelta(milliseconds=10))
    assert find(granted, request, (RULE,), SOON) is None
    assert find(issue(granted, grant_issued(), SOON), asked(), (RULE,), SOON) is not None


def test_a_revocation_that_is_read_first_counts() -> None:
    after, orders = revoke(NOTHING, grant_revoked())
    assert orders == ()
    assert issue(after, grant_issued(), NOW) == after


def test_its_end_stops_what_runs() -> None:
    request = asked()
    granted = let_through(issue(NOTHING, grant_issued(), NOW), request)
    end = NOW + timedelta(minutes=10)
    assert granted.due_at == end
    assert expire(granted, end - timedelta(seconds=1)) == (granted, ())
    after, ((order, _),) = expire(granted, end)
    assert (order.envelope.command, order.revoked_by) == (request.envelope.command, "")
    assert expire(after, end) == (after, ())
    assert after.due_at is not None
    forgotten, orders = expire(after, after.due_at)
    assert (forgotten.is_empty, orders) == (True, ())


class AnyOrder(RuleBasedStateMachine):
    """Grants, revocations and commands in any order, read twice, with crashes: every event since the last
    commit is read again, and what was kept is as new as it was."""

    @initialize(uses=st.one_of(st.none(), st.integers(1, 3)))
    def begin(self, uses: int | None) -> None:
        self.uses = uses
        self.now = NOW
        self.granted = NOTHING
        self.log: list[object] = []
        self.let_through: dict[str, datetime] = {}
        self.revoked_at: datetime | None = None
        self.stopped: set[str] = set()
        self.finished: set[str] = set()
        self.take(grant_issued(uses=uses, lasts=timedelta(seconds=60)))

    def take(self, event: object, *, again: bool = False) -> None:
        if not again:
            self.log.append(event)
        if isinstance(event, CommandRequested):
            grant = find(self.granted, event, (RULE,), self.now)
            if grant is not None:
                self.granted, _ = use(self.granted, grant, event, self.now)
                self.let_through.setdefault(event.envelope.command, self.now)
        elif isinstance(event, str):
            self.granted = finish(self.granted, event)
        elif hasattr(event, "revoked_by"):
            self.granted, orders = revoke(self.granted, event)  # type: ignore[arg-type]
            self.stopped |= {order.envelope.command for order, _ in orders}
        else:
            self.granted = issue(self.granted, event, self.now)  # type: ignore[arg-type]

    @step()
    def ask(self) -> None:
        self.take(asked(self.now))

    @step(data=st.data())
    def end_one(self, data: st.DataObject) -> None:
        running = sorted(set(self.let_through) - self.finished - self.stopped)
        if running:
            command = data.draw(st.sampled_from(running))
            self.finished.add(command)
            self.take(command)

    @step()
    def take_back(self) -> None:
        if self.revoked_at is None:
            self.revoked_at = self.now
        self.take(grant_revoked(at=self.now))

    @step(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.granted, orders = expire(self.granted, self.now)
        self.stopped |= {order.envelope.command for order, _ in orders}

    @step(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(self.log)))
        for event in self.log[start:]:
            self.take(event, again=True)

    @invariant()
    def never_more_than_its_uses(self) -> None:
        if self.uses is not None:
            assert len(self.let_through) <= self.uses
        if self.granted.grants:
            assert self.granted.grants[0].used == len(self.let_through)

    @invariant()
    def never_after_its_end_or_its_revocation(self) -> None:
        for at in self.let_through.values():
            assert at < NOW + timedelta(seconds=60)
            assert self.revoked_at is None or at <= self.revoked_at

    @invariant()
    def nothing_runs_on(self) -> None:
        if self.revoked_at is not None or self.now >= NOW + timedelta(seconds=60):
            assert set(self.let_through) <= self.stopped | self.finished


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_an_intent_is_no_less_than_it_is() -> None:
    """A command without any intent is unknown, which no window covers unless it says so."""
    window = grant_issued(kind=GrantKind.WINDOW, intents=(Intent.UNKNOWN,))
    granted = issue(NOTHING, window, NOW)
    assert find(granted, requested(Facts(()), at=SOON), (RULE,), SOON) is not None
