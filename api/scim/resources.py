"""Users and groups as SCIM shows them. Pure.

Of what providers send, this much is kept: what tells who may come in. Names, addresses and telephone numbers
are taken without complaint and forgotten: events are for ever.
"""

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import ValidationError
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    ETag,
    Filter,
    GroupMember,
    Meta,
    Patch,
    PatchOp,
    Required,
    Resource,
    SCIMException,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

from api.scim.errors import refused
from infra.identity.directory import DirectoryGroup, DirectoryUser

MOST_RESULTS = 200  # in one answer to a list
_LONGEST = 256  # characters of what is kept

# What Okta and Entra ID send beyond the standard or what is kept here: unknown attributes, `remove` with a
# value, paths whose filter finds nothing yet.
TOLERANT = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class User(Resource[Any]):
    """A user: who may come in (RFC 7643, section 4.1)."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")
    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    display_name: str | None = None
    active: bool | None = None


class Group(Resource[Any]):
    """A group (RFC 7643, section 4.2)."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")
    display_name: Annotated[str | None, Required.true] = None
    members: list[GroupMember] | None = None


R = TypeVar("R", bound=User | Group)


def user_resource(user: DirectoryUser, base: str) -> User:
    """`base`: the URL of the endpoint."""
    return User(
        id=user.id,
        external_id=user.external_id or None,
        meta=_meta("User", user, base),
        user_name=user.name,
        display_name=user.display_name or None,
        active=user.is_active,
    )


def group_resource(group: DirectoryGroup, members: Iterable[DirectoryUser], base: str) -> Group:
    return Group(
        id=group.id,
        external_id=group.external_id or None,
        meta=_meta("Group", group, base),
        display_name=group.name,
        members=[GroupMember.model_validate({"value": user.id, "display": user.name}) for user in members],
    )


def received(model: type[R], document: Any, context: Context) -> R:
    """What a provider sent to create or replace an entry. Raises Problem."""
    shape: Any = model
    try:
        found: R = shape.model_validate(document, scim_ctx=context, scim_policy=TOLERANT)
    except (ValidationError, SCIMException) as error:
        raise refused(error) from error
    _check_lengths(found)
    return found


def patched(current: R, document: Any) -> R:
    """What a PATCH makes of an entry (RFC 7644, section 3.5.2). Raises Problem."""
    model: Any = type(current)
    try:
        with TOLERANT:
            patch = PatchOp[model].model_validate(
                _without_read_only(document), scim_ctx=Context.RESOURCE_PATCH_REQUEST
            )
            patch.patch(current)
    except (ValidationError, SCIMException) as error:
        raise refused(error) from error
    if isinstance(current, User):
        current.active = bool(current.active)  # who is no longer said to be active is not
    _check_lengths(current)
    return current


def configuration(base: str) -> ServiceProviderConfig:
    """What this endpoint can do (RFC 7643, section 5)."""
    return ServiceProviderConfig(
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{base}/ServiceProviderConfig"),
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=False),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="The token whose hash is identity.scim.token_hash in the configuration.",
            )
        ],
    )


def _meta(kind: str, entry: DirectoryUser | DirectoryGroup, base: str) -> Meta:
    location = f"{base}/{kind}s/{entry.id}"
    return Meta(
        resource_type=kind, created=entry.created_at, last_modified=entry.changed_at, location=location
    )


def _check_lengths(found: User | Group) -> None:
    name = found.user_name if isinstance(found, User) else found.display_name
    if any(len(text or "") > _LONGEST for text in (name, found.display_name, found.external_id)):
        raise refused(f"a name or an id is longer than {_LONGEST} characters")


def _without_read_only(document: Any) -> Any:
    """Okta sends a group's own id along with its new name; "SHALL be ignored" is what RFC 7643, section 3.1,
    says of it in other requests."""
    if not isinstance(document, dict) or not isinstance(document.get("Operations"), list):
        return document
    operations = [
        {**operation, "value": {k: v for k, v in operation["value"].items() if k not in ("id", "meta")}}
        if isinstance(operation, dict)
        and not operation.get("path")
        and isinstance(operation.get("value"), dict)
        else operation
        for operation in document["Operations"]
    ]
    return {**document, "Operations": operations}
