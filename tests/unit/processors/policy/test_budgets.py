from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import NOW

from processors.policy.budgets import (
    REMEMBERED,
    SLOTS,
    Account,
    Drawn,
    draw,
    duration,
    forgive,
    in_words,
    reject,
    room_at,
    settle,
    used,
)
from processors.policy.limits import RuleBudgets
from processors.policy.rule import NO_LIMITS, Budget, Limits, Measure
from schemas.vocabulary import Verdict

EMPTY = Account("agent-7")
HOUR = 3600


def rule(*budgets: Budget, name: str = "r", over: Verdict = Verdict.DENY) -> RuleBudgets:
    return RuleBudgets(name, budgets, over, None)


def ask(
    account: Account,
    command: str,
    *rules: RuleBudgets,
    at: datetime = NOW,
    limits: Limits = NO_LIMITS,
    reviewed: bool = False,
) -> tuple[Account, Drawn]:
    deadline = at + timedelta(seconds=15)
    return draw(account, command, rules, limits, reviewed=reviewed, deadline=deadline, now=at)


THREE = rule(Budget(Measure.COMMANDS, 3, HOUR))
ROWS = rule(Budget(Measure.ROWS, 100, HOUR))


class TestCommands:
    def test_the_fourth_of_three_is_refused_and_told_when(self) -> None:
        account = EMPTY
        for number in range(3):
            account, drawn = ask(account, f"c{number}", THREE, at=NOW + timedelta(minutes=number))
            assert drawn.refused is None
        account, drawn = ask(account, "c3", THREE, at=NOW + timedelta(minutes=3))
        assert drawn.refused is not None
        assert (drawn.refused.used, drawn.refused.amount) == (3, 3)
        message, hint = in_words(drawn.refused)
        assert message.startswith("its budget of 3 commands in 1 hour is used up: 3 used")
        assert hint == "Nothing was executed. There is room again at 2026-03-02T10:31:00+00:00."
        assert drawn.refused.room_at is not None
        account, drawn = ask(account, "c4", THREE, at=datetime.fromtimestamp(drawn.refused.room_at, UTC))
        assert drawn.refused is None

    def test_asked_again_the_answer_is_the_same_and_nothing_is_counted(self) -> None:
        account, first = ask(EMPTY, "c", THREE)
        assert ask(account, "c", THREE) == (account, first)
        account = settle(account, "c", 0, 0, ran=True, now=NOW)
        assert ask(account, "c", THREE, at=NOW + timedelta(seconds=10))[1].counted
        assert used(account, "r", THREE.budgets[0], NOW.timestamp()) == 1

    def test_of_several_budgets_each_must_have_room(self) -> None:
        both = rule(Budget(Measure.COMMANDS, 1, 1), Budget(Measure.COMMANDS, 2, HOUR))
        account, _ = ask(EMPTY, "a", both)
        account, drawn = ask(account, "b", both)
        assert drawn.refused is not None
        assert drawn.refused.window == 1
        account, drawn = ask(account, "c", both, at=NOW + timedelta(seconds=5))
        assert drawn.refused is None
        account, drawn = ask(account, "d", both, at=NOW + timedelta(seconds=10))
        assert drawn.refused is not None
        assert drawn.refused.window == HOUR

    def test_a_budget_that_denies_comes_before_one_that_asks(self) -> None:
        asks = rule(Budget(Measure.COMMANDS, 1, HOUR), name="asks", over=Verdict.REVIEW)
        denies = rule(Budget(Measure.COMMANDS, 1, HOUR), name="denies")
        account, _ = ask(EMPTY, "a", asks, denies)
        _, drawn = ask(account, "b", asks, denies)
        assert drawn.refused is not None
        assert drawn.refused.rule == "denies"

    def test_what_a_person_decides_counts_when_it_has_finished(self) -> None:
        account, drawn = ask(EMPTY, "a", THREE, ROWS, reviewed=True)
        assert (drawn.counted, drawn.reserved) == (False, {})
        later = NOW + timedelta(minutes=30)
        account = settle(account, "a", 500, 0, ran=True, now=later)
        assert used(account, "r", THREE.budgets[0], later.timestamp()) == 1
        assert used(account, "r", ROWS.budgets[0], later.timestamp()) == 500


class TestRows:
    def test_a_command_reserves_its_limit_or_what_is_left(self) -> None:
        account, drawn = ask(EMPTY, "a", ROWS, limits=Limits(rows=60))
        assert drawn.reserved == {"rows": 60}
        account, drawn = ask(account, "b", ROWS, limits=Limits(rows=60))
        assert drawn.reserved == {"rows": 40}
        account, drawn = ask(account, "c", ROWS, limits=Limits(rows=60))
        assert drawn.refused is not None
        account = settle(account, "a", 10, 0, ran=True, now=NOW)
        account, drawn = ask(account, "d", ROWS)
        assert drawn.reserved == {"rows": 50}

    def test_what_was_given_up_goes_back_whole(self) -> None:
        account, _ = ask(EMPTY, "a", ROWS)
        account = settle(account, "a", 0, 0, ran=False, now=NOW)
        assert ask(account, "b", ROWS)[1].reserved == {"rows": 100}

    def test_a_second_end_changes_nothing(self) -> None:
        account, _ = ask(EMPTY, "a", ROWS)
        account = settle(account, "a", 10, 0, ran=True, now=NOW)
        assert settle(account, "a", 99, 0, ran=True, now=NOW) == account
        assert settle(account, "unknown", 99, 0, ran=True, now=NOW) == account

    def test_what_a_command_changed_beyond_its_reservation_counts_too(self) -> None:
        account, _ = ask(EMPTY, "a", ROWS)
        account = settle(account, "a", 5000, 0, ran=True, now=NOW)
        assert used(account, "r", ROWS.budgets[0], NOW.timestamp()) == 5000

    def test_a_reservation_nobody_gave_back_ends_with_the_window(self) -> None:
        account, _ = ask(EMPTY, "a", ROWS)
        _, drawn = ask(account, "b", ROWS, at=NOW + timedelta(minutes=59))
        assert drawn.refused is not None
        _, drawn = ask(account, "c", ROWS, at=NOW + timedelta(minutes=62))
        assert drawn.refused is None


windows = st.sampled_from([1, 7, 60, 3600, 86400])


@given(
    window=windows,
    amount=st.integers(1, 8),
    gaps=st.lists(st.floats(0, 0.4), min_size=1, max_size=60),
)
def test_no_window_holds_more_than_the_amount(window: int, amount: int, gaps: list[float]) -> None:
    budget = rule(Budget(Measure.COMMANDS, amount, window))
    account, moment, allowed = EMPTY, NOW, []
    for number, gap in enumerate(gaps):
        moment += timedelta(seconds=gap * window)
        account, drawn = ask(account, f"c{number}", budget, at=moment)
        if drawn.refused is None:
            allowed.append(moment.timestamp())
    for start in allowed:
        assert sum(start <= other < start + window - 1e-6 for other in allowed) <= amount


@given(window=windows, share=st.floats(0, 1))
def test_there_is_room_again_within_a_window_and_a_slot(window: int, share: float) -> None:
    budget = Budget(Measure.COMMANDS, 1, window)
    at = NOW + timedelta(seconds=share * window)
    account, _ = ask(EMPTY, "a", rule(budget), at=at)
    when = room_at(account, "r", budget, at.timestamp())
    assert when is not None
    assert window - 1e-3 <= when - at.timestamp() <= window * (1 + 1 / SLOTS) + 1e-3


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 30), st.sampled_from(["ask", "end", "give up"])),
        max_size=40,
    )
)
def test_rows_let_through_never_exceed_the_budget(steps: list[tuple[str, int, str]]) -> None:
    """A command never uses more than it reserved: then neither do all of them together."""
    account, granted, finished = EMPTY, {}, {}
    for name, rows, what in steps:
        if what == "ask":
            account, drawn = ask(account, name, ROWS, limits=Limits(rows=40))
            if drawn.refused is None:
                granted[name] = drawn.reserved["rows"]
        elif name in granted and name not in finished:
            finished[name] = min(rows, granted[name]) if what == "end" else 0
            account = settle(account, name, finished[name], 0, ran=what == "end", now=NOW)
    assert sum(finished.get(name, most) for name, most in granted.items()) <= 100


def test_the_record_stays_small() -> None:
    wide = rule(Budget(Measure.COMMANDS, 10**9, HOUR))
    account = EMPTY
    for number in range(REMEMBERED * 4):
        moment = NOW + timedelta(milliseconds=number)
        account, _ = ask(account, f"c{number}", wide, at=moment)
        account = settle(account, f"c{number}", 1, 1, ran=True, now=moment)
    assert len(account.commands) <= REMEMBERED + 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (90, "90 seconds"), (900, "15 minutes"), (3600, "1 hour"), (172800, "2 days")],
)
def test_windows_in_words(seconds: int, words: str) -> None:
    assert duration(seconds) == words


class TestReviewers:
    """They are asked so often and no more, and who is rejected again and again has to wait."""

    ASKED = rule(Budget(Measure.APPROVALS, 2, HOUR))
    REJECTED = rule(Budget(Measure.REJECTIONS, 2, HOUR))

    def test_they_are_asked_so_often(self) -> None:
        account = EMPTY
        for number in range(2):
            account, drawn = ask(account, f"c{number}", self.ASKED, reviewed=True)
            assert drawn.refused is None
        assert ask(account, "c1", self.ASKED, reviewed=True)[1].refused is None, "a repeat"
        account, drawn = ask(account, "c2", self.ASKED, reviewed=True)
        assert drawn.refused is not None
        assert in_words(drawn.refused)[0].startswith("its budget of 2 approvals in 1 hour is used up: 2 used")
        later = NOW + timedelta(hours=1, minutes=2)
        assert ask(account, "c3", self.ASKED, reviewed=True, at=later)[1].refused is None

    def test_who_is_rejected_again_and_again_is_paused(self) -> None:
        account = EMPTY
        for number in range(2):
            account, drawn = ask(account, f"c{number}", self.REJECTED, reviewed=True)
            assert drawn.refused is None
            account = reject(account, f"c{number}", NOW)
            assert reject(account, f"c{number}", NOW) == account, "told again"
        account, drawn = ask(account, "c2", self.REJECTED, reviewed=True)
        assert drawn.refused is not None
        message, hint = in_words(drawn.refused)
        assert message == "paused: reviewers rejected 2 of its commands in 1 hour"
        assert hint.endswith("There is room again at 2026-03-02T10:31:00+00:00.")
        assert reject(account, "unknown", NOW) == account

    @pytest.mark.parametrize("budget", [ASKED, REJECTED])
    def test_what_no_reviewer_is_asked_about_passes(self, budget: RuleBudgets) -> None:
        account = EMPTY
        for number in range(3):
            account, _ = ask(account, f"c{number}", budget, reviewed=True)
            account = reject(account, f"c{number}", NOW)
        account, drawn = ask(account, "granted", budget)
        assert drawn.refused is None


def test_a_lifted_pause_forgives_what_was_rejected_until_then_and_nothing_later() -> None:
    budget = Budget(Measure.REJECTIONS, 2, 3600)
    other = Budget(Measure.APPROVALS, 9, 3600)
    rules = (RuleBudgets("r", (budget, other), Verdict.DENY, None),)
    account = Account("agent-7")
    for number, minute in enumerate((0, 1, 30)):
        at = NOW + timedelta(minutes=minute)
        account, _ = draw(account, f"c{number}", rules, NO_LIMITS, reviewed=True, deadline=at, now=at)
        if number < 2:
            account = reject(account, f"c{number}", at)
    lifted = NOW + timedelta(minutes=5)
    soon = lifted.timestamp()
    assert used(account, "r", budget, soon) == 2
    forgiven = forgive(account, "r", lifted)
    assert used(forgiven, "r", budget, soon) == 0
    assert used(forgiven, "r", other, soon) == used(account, "r", other, soon)
    assert used(forgive(account, "another", lifted), "r", budget, soon) == 2
    later = reject(forgiven, "c2", NOW + timedelta(minutes=30))
    assert used(forgive(later, "r", lifted), "r", budget, (NOW + timedelta(minutes=31)).timestamp()) == 1
