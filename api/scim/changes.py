"""What a request of the provider's makes of an entry of the directory, and whose tokens end with it. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from api.scim.errors import refused, taken
from api.scim.resources import Group, User
from infra.identity.claims import is_usable
from infra.identity.directory import Directory, DirectoryGroup, DirectoryUser
from schemas.envelope import Envelope
from schemas.events import EntryRemoved, GroupProvisioned, UserProvisioned

_OUT = "the identity provider took them out"
_LEFT = "the identity provider took them out of a group"


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be published. `ended`: names whose tokens and sessions end with it."""

    event: UserProvisioned | GroupProvisioned | EntryRemoved
    ended: tuple[str, ...] = ()
    reason: str = ""


def user_change(
    id: str,
    before: DirectoryUser | None,
    wanted: User,
    directory: Directory,
    reserved: Collection[str],
    about: Envelope,
) -> Change:
    """A user as the provider wants it; `before`: None for a new one. `reserved`: names that the configuration
    gives to others. Raises Problem when the name cannot be theirs."""
    name = wanted.user_name or ""
    if not is_usable(name):
        raise refused("userName: expected a name without colon, slash and white space")
    if name.casefold() in {other.casefold() for other in reserved}:
        raise taken(f'the name "{name}" is that of a user of the gateway\'s configuration')
    owner = directory.user(name)
    if owner is not None and owner.id != id:
        raise taken(f'there is a user "{owner.name}" already')
    comes_in = before is None or before.is_active
    is_active = wanted.active if wanted.active is not None else comes_in
    # Said only where it changes, or keeps somebody out: what another process just wrote must not be undone.
    said = is_active if before is None or not is_active or not comes_in else None
    event = UserProvisioned(
        envelope=about,
        entry=id,
        name=name,
        active=said,
        external_id=wanted.external_id or "",
        display_name=wanted.display_name or "",
    )
    if before is not None and before.name != name:
        return Change(event, (before.name, name) if not is_active else (before.name,), _OUT)
    return Change(event, () if is_active else (name,), _OUT)


def group_change(
    id: str,
    before: DirectoryGroup | None,
    wanted: Group,
    directory: Directory,
    about: Envelope,
    *,
    counts: bool,
) -> Change:
    """A group as the provider wants it, likewise. `counts`: whether it is, as it was, one of ours."""
    name = wanted.display_name or ""
    if not name.isprintable() or not name:
        raise refused("displayName: expected a name")
    owner = directory.group(name)
    if owner is not None and owner.id != id:
        raise taken(f'there is a group "{owner.name}" already')
    members = {member.value or "" for member in wanted.members or ()}
    present = before.members if before is not None else frozenset()
    joined, left = members - present, present - members
    if unknown := joined - directory.users.keys():
        raise refused(f"members: there is no user {min(unknown)[:64]!r}")
    event = GroupProvisioned(
        envelope=about,
        entry=id,
        name=name,
        external_id=wanted.external_id or "",
        joined=tuple(sorted(joined)),
        left=tuple(sorted(left)),
    )
    is_renamed = before is not None and before.name != name
    return Change(event, _names(directory, present if is_renamed else left) if counts else (), _LEFT)


def user_removal(user: DirectoryUser, about: Envelope) -> Change:
    return Change(EntryRemoved(envelope=about, entry=user.id, name=user.name), (user.name,), _OUT)


def group_removal(group: DirectoryGroup, directory: Directory, about: Envelope, *, counts: bool) -> Change:
    ended = _names(directory, group.members) if counts else ()
    return Change(EntryRemoved(envelope=about, entry=group.id, name=group.name), ended, _LEFT)


def _names(directory: Directory, ids: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(directory.users[id].name for id in ids if id in directory.users))
