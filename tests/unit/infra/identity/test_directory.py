"""The directory is what its events say, in their order."""

from datetime import timedelta

from support.reviews import NOW

from infra.identity.directory import Directory
from schemas.envelope import envelope
from schemas.events import EntryRemoved, Event, GroupProvisioned, UserProvisioned


def user(id: str, name: str, *, active: bool | None = True) -> UserProvisioned:
    return UserProvisioned(
        envelope=envelope(NOW, "api@test#1"),
        entry=id,
        name=name,
        active=active,
        external_id="",
        display_name="",
    )


def group(id: str, name: str, joined: tuple[str, ...] = (), left: tuple[str, ...] = ()) -> GroupProvisioned:
    return GroupProvisioned(
        envelope=envelope(NOW + timedelta(minutes=1), "api@test#1"),
        entry=id,
        name=name,
        external_id="",
        joined=joined,
        left=left,
    )


def removed(id: str) -> EntryRemoved:
    return EntryRemoved(envelope=envelope(NOW, "api@test#1"), entry=id, name="")


def directory(*events: Event) -> Directory:
    made = Directory()
    for event in events:
        made.apply(event)
    return made


def test_a_user_is_known_by_name_however_it_is_written() -> None:
    found = directory(user("1", "Alice")).user("aLICE")
    assert found is not None
    assert (found.name, found.is_active) == ("Alice", True)


def test_what_is_not_said_stays() -> None:
    made = directory(user("1", "alice"), user("1", "alice", active=False), user("1", "alicia", active=None))
    assert not made.users["1"].is_active
    assert made.user("alice") is None
    assert made.user("alicia") is made.users["1"]


def test_of_two_who_take_a_name_the_first_has_it() -> None:
    made = directory(user("1", "alice"), user("2", "Alice"), user("3", "bob"))
    assert set(made.users) == {"1", "3"}

    made.apply(user("3", "ALICE", active=False))  # the name is not hers, but she is out

    assert made.users["3"].name == "bob"
    assert not made.users["3"].is_active
    assert made.user("alice") is made.users["1"]


def test_a_name_is_free_again_after_its_user() -> None:
    made = directory(user("1", "alice"), removed("1"), user("2", "alice"))
    assert made.user("alice") is made.users["2"]
    assert list(made.groups_of(made.users["2"])) == []


def test_members_come_and_go_one_by_one() -> None:
    made = directory(
        user("1", "alice"),
        user("2", "bob"),
        group("g", "dba", ("1",)),
        group("g", "DBA", ("2", "gone")),
        group("g", "DBA", (), ("1",)),
    )
    assert [member.name for member in made.members(made.groups["g"])] == ["bob"]
    assert [found.name for found in made.groups_of(made.users["2"])] == ["DBA"]
    assert made.group("dba") is made.groups["g"]
    made.apply(removed("g"))
    assert made.group("dba") is None
