"""The identity provider's directory, as SCIM says it: users and the groups they are in. Pure.

Events make it what it is, in the order of their topic, so that every process has the same. Of two who take
one name the first has it: a name stands for one user, else whoever is taken out could stay as the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.events import EntryRemoved, Event, GroupProvisioned, UserProvisioned


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A user of the directory."""

    id: str
    name: str
    is_active: bool
    external_id: str
    display_name: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class DirectoryGroup:
    """A group of the directory; `members` are ids of users."""

    id: str
    name: str
    external_id: str
    members: frozenset[str]
    created_at: datetime
    changed_at: datetime


class Directory:
    """What the events said so far."""

    def __init__(self) -> None:
        self.users: dict[str, DirectoryUser] = {}
        self.groups: dict[str, DirectoryGroup] = {}
        self._ids: dict[str, str] = {}  # a user's name, caseless -> its id

    def apply(self, event: Event) -> None:
        """Takes in one event of the topic."""
        match event:
            case UserProvisioned():
                self._take_user(event)
            case GroupProvisioned():
                self._take_group(event)
            case EntryRemoved():
                self._remove(event.entry)
            case _:
                pass

    def user(self, name: str) -> DirectoryUser | None:
        """Who has this name, however it is capitalised (RFC 7643, section 4.1.1)."""
        id = self._ids.get(name.casefold())
        return self.users[id] if id is not None else None

    def group(self, name: str) -> DirectoryGroup | None:
        """The group of this name, likewise."""
        return next((g for g in self.groups.values() if g.name.casefold() == name.casefold()), None)

    def groups_of(self, user: DirectoryUser) -> Iterator[DirectoryGroup]:
        return (group for group in self.groups.values() if user.id in group.members)

    def members(self, group: DirectoryGroup) -> list[DirectoryUser]:
        """Those of its members who are still there, by name."""
        found = (self.users[id] for id in group.members if id in self.users)
        return sorted(found, key=lambda user: user.name)

    def _take_user(self, event: UserProvisioned) -> None:
        before = self.users.get(event.entry)
        name, owner = event.name, self._ids.get(event.name.casefold())
        if owner not in (None, event.entry):
            if before is None:
                return
            name = before.name
        is_active = event.active if event.active is not None else before is not None and before.is_active
        if before is not None:
            del self._ids[before.name.casefold()]
        self._ids[name.casefold()] = event.entry
        at = event.envelope.time
        self.users[event.entry] = DirectoryUser(
            event.entry,
            name,
            is_active,
            event.external_id,
            event.display_name,
            before.created_at if before is not None else at,
            at,
        )

    def _take_group(self, event: GroupProvisioned) -> None:
        at = event.envelope.time
        new = DirectoryGroup(event.entry, event.name, event.external_id, frozenset(), at, at)
        before = self.groups.get(event.entry, new)
        self.groups[event.entry] = replace(
            new,
            members=before.members.difference(event.left).union(event.joined),
            created_at=before.created_at,
        )

    def _remove(self, id: str) -> None:
        self.groups.pop(id, None)
        user = self.users.pop(id, None)
        if user is not None:
            del self._ids[user.name.casefold()]
