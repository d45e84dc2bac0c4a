from datetime import timedelta

from support.commands import NOW
from support.grants import grant_issued, grant_revoked

from api.register import Entry, GrantState, Register

END = NOW + timedelta(minutes=10)


def register(*events: object) -> Register:
    found = Register()
    for event in events:
        found.apply(event)  # type: ignore[arg-type]
    return found


def test_a_grant_begins_and_ends() -> None:
    entry = Entry(grant_issued(starts_at=NOW + timedelta(minutes=1)))
    assert entry.state(NOW) is GrantState.UPCOMING
    assert entry.state(NOW + timedelta(minutes=1)) is GrantState.ACTIVE
    assert entry.state(END) is GrantState.ENDED


def test_the_first_revocation_counts_and_a_repeat_changes_nothing() -> None:
    found = register(
        grant_issued(), grant_revoked(), grant_revoked(by="erin"), grant_issued(), grant_revoked("unknown")
    )
    (entry,) = found.entries(NOW)
    assert entry.state(NOW) is GrantState.REVOKED
    assert entry.revoked is not None
    assert entry.revoked.revoked_by == "dana"


def test_the_newest_come_first_and_old_ones_go() -> None:
    found = register(grant_issued("old"), grant_issued("new", at=NOW + timedelta(days=8, minutes=10)))
    assert [entry.id for entry in found.entries(NOW + timedelta(days=1))] == ["new", "old"]
    assert [entry.id for entry in found.entries(END + timedelta(days=8, seconds=1))] == ["new"]


def test_it_is_found_by_the_beginning_of_its_id() -> None:
    found = register(grant_issued("abcdef-1"), grant_issued("abcdef-2"))
    assert [entry.id for entry in found.find("abcdef-1")] == ["abcdef-1"]
    assert len(found.find("abcdef")) == 2
