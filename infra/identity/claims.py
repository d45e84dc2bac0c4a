"""What a verified token says about somebody -> a principal. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from infra.config import Federated, Oidc, Saml
from infra.config.identity import NAME
from infra.identity.signed_in import TokenRefused
from schemas.vocabulary import Principal, PrincipalKind

Claims = Mapping[str, Any]
_LONGEST_NAME = 128


class GroupsMissing(TokenRefused):
    """The provider's answer has no groups where the configuration says they are."""


def find(claims: Claims, path: str) -> Any:
    """A claim by its name, which may hold dots ("https://example.com/groups"), or by the path to it
    ("realm_access.roles"); None where it is not there."""
    if path in claims:
        return claims[path]
    node: Any = claims
    for part in path.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return None
        node = node[part]
    return node


def has_groups(claims: Claims, oidc: Oidc) -> bool:
    """Whether the groups are in these claims. Raises TokenRefused when the provider left them out."""
    if oidc.groups_claim is None or find(claims, oidc.groups_claim) is not None:
        return True
    # Entra ID, "Groups overage claim": more than 200 groups, and a link to them stands in their place.
    sources = claims.get("_claim_names")
    if (isinstance(sources, Mapping) and oidc.groups_claim in sources) or claims.get("hasgroups"):
        raise TokenRefused(
            "the identity provider left your groups out because there are too many (Entra ID's overage): "
            'have it send only "groups assigned to the application", or roles with groups_claim: roles'
        )
    return False


def principal_of(claims: Claims, oidc: Oidc, taken: Iterable[str]) -> Principal:
    """Who signed in with the provider. `taken`: the names that the configuration gives to others.

    Raises TokenRefused; GroupsMissing where the claims have none.
    """
    name = find(claims, oidc.name_claim)
    if not isinstance(name, str):
        raise TokenRefused(f'the identity provider gives no usable name in "{oidc.name_claim}"')
    if not has_groups(claims, oidc):
        raise GroupsMissing(
            f'the identity provider\'s answer has no "{oidc.groups_claim}": see identity.oidc.groups_claim'
        )
    theirs = _groups(find(claims, oidc.groups_claim), oidc) if oidc.groups_claim is not None else ()
    return principal(name, theirs, oidc, taken)


def principal(name: str, theirs: Iterable[str], provider: Oidc | Saml, taken: Iterable[str]) -> Principal:
    """Whom the provider calls by this name, with the groups that count of `theirs`. Raises TokenRefused."""
    if not is_usable(name):
        raise TokenRefused("the identity provider gives no usable name")
    if name.casefold() in {other.casefold() for other in taken}:
        raise TokenRefused(
            f'the name "{name}" is that of a user of the configuration, who signs in otherwise'
        )
    if provider.groups is not None:
        theirs = [provider.groups[group] for group in theirs if group in provider.groups]
    groups = frozenset(theirs)
    is_agent = not groups.isdisjoint(provider.agent_groups)
    return Principal(name, PrincipalKind.AGENT if is_agent else PrincipalKind.PERSON, tuple(sorted(groups)))


def meets(claims: Claims, entry: Federated) -> bool:
    """Whether a federated token is that of the entry's principal."""
    return all(_meets(find(claims, path), wanted) for path, wanted in entry.claims.items())


def _meets(value: Any, wanted: str | bool | tuple[str, ...]) -> bool:
    if isinstance(wanted, bool):
        return value is wanted
    patterns = (wanted,) if isinstance(wanted, str) else wanted
    values = value if isinstance(value, list) else [value]
    return any(
        isinstance(found, str) and fnmatchcase(found, pattern) for found in values for pattern in patterns
    )


def is_usable(name: str) -> bool:
    """Whether a name is what it looks like: without invisible characters and other spellings of the same."""
    is_plain = name.isprintable() and unicodedata.is_normalized("NFKC", name)
    return is_plain and len(name) <= _LONGEST_NAME and re.fullmatch(NAME, name) is not None


def _groups(value: Any, oidc: Oidc) -> list[str]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(group, str) for group in found):
        raise TokenRefused(f'the identity provider\'s "{oidc.groups_claim}" is no list of groups')
    return found
