"""A provider's request -> an event, and whose tokens end with it."""

import pytest
from support.reviews import NOW

from api.problems import Problem
from api.scim.changes import Change, group_change, group_removal, user_change, user_removal
from api.scim.resources import Group, User
from infra.identity.directory import Directory
from schemas.envelope import envelope
from schemas.events import GroupProvisioned, UserProvisioned

ABOUT = envelope(NOW, "api@test#1")


def directory() -> Directory:
    """alice and bob, both in dba."""
    made = Directory()
    for id, name in (("1", "alice"), ("2", "bob")):
        made.apply(user_change(id, None, User(user_name=name), made, (), ABOUT).event)
    members = [Group.model_validate({"displayName": "dba", "members": [{"value": "1"}, {"value": "2"}]})]
    made.apply(group_change("g", None, members[0], made, ABOUT, counts=False).event)
    return made


def changed(wanted: User, id: str = "1") -> Change:
    made = directory()
    return user_change(id, made.users.get(id), wanted, made, ("dana",), ABOUT)


def regrouped(wanted: Group, *, counts: bool = True) -> Change:
    made = directory()
    return group_change("g", made.groups["g"], wanted, made, ABOUT, counts=counts)


@pytest.mark.parametrize(
    ("active", "said", "ended"), [(None, None, ()), (True, None, ()), (False, False, ("alice",))]
)
def test_whether_somebody_comes_in_is_said_where_it_changes(
    active: bool | None, said: bool | None, ended: tuple[str, ...]
) -> None:
    change = changed(User(user_name="alice", active=active))
    assert isinstance(change.event, UserProvisioned)
    assert (change.event.active, change.ended) == (said, ended)


def test_who_is_out_is_ended_again_when_it_is_said_again() -> None:
    made = directory()
    out = User(user_name="alice", active=False)
    made.apply(user_change("1", made.users["1"], out, made, (), ABOUT).event)
    assert user_change("1", made.users["1"], out, made, (), ABOUT).ended == ("alice",)
    back = user_change("1", made.users["1"], User(user_name="alice", active=True), made, (), ABOUT)
    assert isinstance(back.event, UserProvisioned)
    assert (back.event.active, back.ended) == (True, ())


def test_another_name_ends_the_old_one() -> None:
    assert changed(User(user_name="alicia")).ended == ("alice",)
    assert changed(User(user_name="alicia", active=False)).ended == ("alice", "alicia")
    assert changed(User(user_name="Alice")).ended == ("alice",)


@pytest.mark.parametrize(
    ("name", "status"), [("bob", 409), ("BOB", 409), ("dana", 409), ("Dana", 409), ("a b", 400), ("", 400)]
)
def test_a_name_that_cannot_be_theirs_is_refused(name: str, status: int) -> None:
    with pytest.raises(Problem) as refused:
        changed(User(user_name=name))
    assert refused.value.status == status


def test_members_are_said_one_by_one_and_who_leaves_is_ended() -> None:
    change = regrouped(Group.model_validate({"displayName": "dba", "members": [{"value": "2"}]}))
    assert isinstance(change.event, GroupProvisioned)
    assert (change.event.joined, change.event.left) == ((), ("1",))
    assert change.ended == ("alice",)


def test_a_group_that_does_not_count_ends_nobody() -> None:
    assert regrouped(Group(display_name="dba"), counts=False).ended == ()


def test_a_renamed_or_removed_group_ends_all_its_members() -> None:
    same = [{"value": "1"}, {"value": "2"}]
    renamed = regrouped(Group.model_validate({"displayName": "other", "members": same}))
    assert renamed.ended == ("alice", "bob")
    made = directory()
    assert group_removal(made.groups["g"], made, ABOUT, counts=True).ended == ("alice", "bob")
    assert user_removal(made.users["1"], ABOUT).ended == ("alice",)


def test_members_must_be_there() -> None:
    with pytest.raises(Problem, match="nobody"):
        regrouped(Group.model_validate({"displayName": "dba", "members": [{"value": "nobody"}]}))
