"""What a list is asked for: one attribute that equals a value, and a page (RFC 7644, section 3.4.2). Pure.

Providers look for one entry before they write it; whatever else a filter may say is refused.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from scim2_models import InvalidFilterException, SCIMException, ScimFilter, SearchRequest
from scim2_models.path.expressions import CompareOperator, Comparison

from api.scim.errors import refused
from api.scim.resources import MOST_RESULTS, TOLERANT, Group, User
from infra.identity.directory import DirectoryGroup, DirectoryUser

E = TypeVar("E", DirectoryUser, DirectoryGroup)

_USERS: Mapping[str, Callable[[DirectoryUser], str]] = {
    "id": lambda user: user.id,
    "externalid": lambda user: user.external_id,
    "username": lambda user: user.name,
    "displayname": lambda user: user.display_name,
}
_GROUPS: Mapping[str, Callable[[DirectoryGroup], str]] = {
    "id": lambda group: group.id,
    "externalid": lambda group: group.external_id,
    "displayname": lambda group: group.name,
}
_EXACT = ("id", "externalid")  # all else is caseless


def searched(model: type[User] | type[Group], query: Mapping[str, str]) -> SearchRequest[Any]:
    """What the query of a request asks for. Raises Problem."""
    try:
        return SearchRequest[model].model_validate(dict(query), scim_policy=TOLERANT)  # type: ignore[valid-type]
    except (ValidationError, SCIMException) as error:
        raise refused(error) from error


def users(found: Iterable[DirectoryUser], filter: object) -> list[DirectoryUser]:
    """Those that the filter names, the first provisioned first. Raises Problem."""
    return _matching(found, filter, User, _USERS)


def groups(found: Iterable[DirectoryGroup], filter: object) -> list[DirectoryGroup]:
    """Likewise."""
    return _matching(found, filter, Group, _GROUPS)


def page(found: list[str], asked: SearchRequest[Any]) -> list[str]:
    """The part of a list that was asked for."""
    start = asked.start_index_0 or 0
    count = MOST_RESULTS if asked.count is None else min(asked.count, MOST_RESULTS)
    return found[start : start + count]


def _matching(
    found: Iterable[E],
    filter: object,
    model: type[User] | type[Group],
    attributes: Mapping[str, Callable[[E], str]],
) -> list[E]:
    if filter is None:
        return list(found)
    try:
        node = ScimFilter[model](str(filter)).ast  # type: ignore[valid-type]
    except SCIMException as error:
        raise refused(error) from error
    if not isinstance(node, Comparison) or node.op is not CompareOperator.eq or node.attr_path.sub_attr:
        raise refused(InvalidFilterException(detail="expected one attribute and eq, such as userName eq"))
    name, wanted = node.attr_path.attr.casefold(), str(node.value)
    read = attributes.get(name)
    if read is None:
        raise refused(InvalidFilterException(detail=f"expected one of {', '.join(attributes)}"))
    if name in _EXACT:
        return [entry for entry in found if read(entry) == wanted]
    return [entry for entry in found if read(entry).casefold() == wanted.casefold()]
