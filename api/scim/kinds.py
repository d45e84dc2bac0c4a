"""The two kinds of entries, users and groups, with what differs between them."""

from typing import Any, Protocol

from api.scim import changes, searching
from api.scim.changes import Change
from api.scim.errors import unknown
from api.scim.registry import Registry
from api.scim.resources import Group, User, group_resource, user_resource
from infra.identity.directory import DirectoryGroup, DirectoryUser
from schemas.envelope import Envelope


class Kind(Protocol):
    """One kind, for routes that are the same for both. An `id` that is not there raises Problem 404."""

    @property
    def name(self) -> str:
        """As in `/Users`."""

    @property
    def model(self) -> type[User] | type[Group]:
        """How SCIM shows it."""

    def resource(self, id: str) -> User | Group:
        """The entry as SCIM shows it."""

    def ids(self, filter: object) -> list[str]:
        """Those that a filter names, the first provisioned first. Raises Problem."""

    def change(self, id: str, wanted: Any, about: Envelope) -> Change:
        """The entry as it is wanted; a new one where the id is new. Raises Problem."""

    def removal(self, id: str, about: Envelope) -> Change:
        """Its end."""


class UserKind:
    name = "Users"
    model = User

    def __init__(self, registry: Registry, base: str) -> None:
        self._registry = registry
        self._base = base

    def resource(self, id: str) -> User:
        return user_resource(self._entry(id), self._base)

    def ids(self, filter: object) -> list[str]:
        return [user.id for user in searching.users(self._registry.directory.users.values(), filter)]

    def change(self, id: str, wanted: User, about: Envelope) -> Change:
        directory = self._registry.directory
        before = directory.users.get(id)
        return changes.user_change(id, before, wanted, directory, self._registry.reserved, about)

    def removal(self, id: str, about: Envelope) -> Change:
        return changes.user_removal(self._entry(id), about)

    def _entry(self, id: str) -> DirectoryUser:
        found = self._registry.directory.users.get(id)
        if found is None:
            raise unknown(id)
        return found


class GroupKind:
    name = "Groups"
    model = Group

    def __init__(self, registry: Registry, base: str) -> None:
        self._registry = registry
        self._base = base

    def resource(self, id: str) -> Group:
        group = self._entry(id)
        return group_resource(group, self._registry.directory.members(group), self._base)

    def ids(self, filter: object) -> list[str]:
        return [group.id for group in searching.groups(self._registry.directory.groups.values(), filter)]

    def change(self, id: str, wanted: Group, about: Envelope) -> Change:
        directory = self._registry.directory
        counts = self._registry.counts(id)
        return changes.group_change(id, directory.groups.get(id), wanted, directory, about, counts=counts)

    def removal(self, id: str, about: Envelope) -> Change:
        group, directory = self._entry(id), self._registry.directory
        return changes.group_removal(group, directory, about, counts=self._registry.counts(id))

    def _entry(self, id: str) -> DirectoryGroup:
        found = self._registry.directory.groups.get(id)
        if found is None:
            raise unknown(id)
        return found
