"""Whether a PostgreSQL target can be entered past the gateway, and whether the way to it is safe.

`observe` asks the target; the checks are functions of what it said. PostgreSQL documentation, "The
pg_hba.conf File" (20.1) and "pg_hba_file_rules" (53.10).
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

import asyncpg

from infra.config import ConfigError, PostgresResource
from infra.credentials import Account
from infra.findings import CLOSE_THE_NETWORK, Finding, State
from ingress.errors import TargetError
from ingress.postgres.accounts import Accounts
from ingress.postgres.target_connection import leave, open_target

_RULES = """
    select line_number, type, database, user_name, address, netmask, auth_method
    from pg_hba_file_rules where error is null order by line_number
"""
_ROLES = """
    select rolname, rolname = current_user as own, rolsuper, rolcreaterole,
        pg_has_role(current_user, oid, 'member with admin option') as given
    from pg_roles where rolname = current_user or rolname = any ($1::text[])
"""
_KEPT = """
    select acting.rolname, string_agg(privilege, ', ' order by privilege),
        format('%I.%I', n.nspname, c.relname)
    from pg_roles acting
    cross join unnest(array['select', 'insert', 'update', 'delete', 'truncate']) privilege
    cross join pg_class c join pg_namespace n on n.oid = c.relnamespace
    where acting.rolname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm') and c.oid >= 16384
        and has_table_privilege(acting.oid, c.oid, privilege)
        and not has_table_privilege('public', c.oid, privilege)
        and not has_table_privilege(c.oid, privilege || ' with grant option')
    group by 1, 3 order by 1, 3
"""
_EVERYWHERE = ("0.0.0.0/0", "::/0")
_NOBODY = "countersign_doctor"

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class HbaRule:
    """A line of pg_hba.conf. `networks` is empty for a host name and for words such as samenet."""

    line: int
    kind: str  # local, host, hostssl, hostnossl, …
    is_for_all: bool  # databases and users
    address: str  # as it is there
    networks: tuple[Network, ...]
    method: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the target: the gateway's own, or one that sessions act as."""

    name: str
    is_own: bool
    is_superuser: bool
    makes_roles: bool
    may_be_given: bool  # by the gateway's own


@dataclass(frozen=True, slots=True)
class Kept:
    """Privileges of a role that sessions act as, which the gateway may not pass on to a command's role."""

    role: str
    privileges: str
    relation: str


@dataclass(frozen=True, slots=True)
class Observed:
    """`failure`: why the gateway does not get in. `rules`: None where they may not be read."""

    resource: PostgresResource
    failure: str = ""
    gateway_address: str = ""  # as the target sees it; empty over a socket
    rules: tuple[HbaRule, ...] | None = None
    roles: tuple[Role, ...] = ()
    kept: tuple[Kept, ...] = ()


async def observe(resource: PostgresResource, accounts: Accounts) -> Observed:
    """Signs in as the gateway does."""
    try:
        connection = await accounts.connect(
            resource, resource.database or resource.name, "countersign doctor"
        )
    except (TargetError, ConfigError) as error:
        return Observed(resource, failure=getattr(error, "reason", str(error)))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return Observed(resource, failure=f"{type(error).__name__}: {error}")
    try:
        address = await connection.fetchval("select host(inet_client_addr())") or ""
        rows = await connection.fetch(_ROLES, list(_acted_as(resource)))
        roles = tuple(Role(*row) for row in rows)
        kept = tuple(Kept(*row) for row in await connection.fetch(_KEPT, list(_narrowed(resource))))
        try:
            rules = tuple(map(_rule, await connection.fetch(_RULES)))
        except asyncpg.InsufficientPrivilegeError:
            return Observed(resource, gateway_address=address, roles=roles, kept=kept)
        return Observed(resource, gateway_address=address, rules=rules, roles=roles, kept=kept)
    finally:
        await connection.close()


def check(observed: Observed) -> Iterator[Finding]:
    """All checks of what the target said to the gateway."""
    yield check_tls(observed.resource)
    if observed.failure:
        yield Finding(
            observed.resource.name,
            State.WRONG,
            f"the gateway does not get in: {observed.failure}",
            "See `address`, `credentials` and `ca` of the resource.",
        )
        return
    yield from check_roles(observed)
    yield from check_rules(observed)


def check_tls(resource: PostgresResource) -> Finding:
    """Whether it is surely the target that the gateway gives its password to."""
    if resource.tls == "verify-full":
        return Finding(resource.name, State.OK, "the target's certificate is verified")
    if resource.address.is_loopback:
        return Finding(resource.name, State.OK, "the target is on this machine")
    return Finding(
        resource.name,
        State.WRONG,
        f"nothing verifies that it is the target (tls: {resource.tls})",
        "Set tls: verify-full, and ca: to the CA of its certificate.",
    )


def check_roles(observed: Observed) -> Iterator[Finding]:
    """Whether the gateway's own account, and those that sessions act as, may do no more than they need."""
    name = observed.resource.name
    found = {role.name: role for role in observed.roles}
    own = next((role.name for role in observed.roles if role.is_own), "its own")
    wrong = []
    for role in observed.roles:
        if role.is_superuser:
            wrong.append((f"{role.name} is a superuser", "Use a role with what sessions need, and no more."))
        elif not role.is_own and role.makes_roles:
            wrong.append(
                (f"sessions act as {role.name}, which can make roles", f"alter role {role.name} nocreaterole")
            )
        elif not role.is_own and not role.may_be_given:
            said = f"the gateway may not let sessions act as {role.name}"
            wrong.append((said, f"grant {role.name} to {own} with admin option"))
        elif role.is_own and observed.resource.credentials.ephemeral is not None and not role.makes_roles:
            wrong.append((f"{role.name} may not make roles", f"alter role {role.name} createrole"))
    wrong += [
        (f"there is no role {role}, which sessions are to act as", f"create role {role}")
        for role in _acted_as(observed.resource)
        if role not in found
    ]
    for kept in observed.kept:
        said = f"approved commands may not {kept.privileges} in {kept.relation}, as {kept.role} may"
        wrong.append((said, f"grant {kept.privileges} on {kept.relation} to {own} with grant option"))
    for said, fix in wrong:
        yield Finding(name, State.WRONG, said, fix)
    if not wrong:
        yield Finding(name, State.OK, "the gateway's account is no superuser")


def _acted_as(resource: PostgresResource) -> Iterator[str]:
    """The roles that sessions act as, where roles are made for them."""
    ephemeral = resource.credentials.ephemeral
    if ephemeral is not None:
        yield from dict.fromkeys([*ephemeral.roles.values(), *filter(None, [ephemeral.role])])


def _narrowed(resource: PostgresResource) -> Iterator[str]:
    """Those whose approved commands get roles of their own."""
    ephemeral = resource.credentials.ephemeral
    if ephemeral is not None and ephemeral.privileges != "role":
        yield from _acted_as(resource)


def check_rules(observed: Observed) -> Iterator[Finding]:
    """Whether pg_hba.conf lets in others than the gateway. The first rule that fits a connection counts."""
    name = observed.resource.name
    if observed.rules is None:
        yield Finding(
            name,
            State.UNKNOWN,
            "whom pg_hba.conf lets in is not known: the gateway's account may not read it",
            "In that database grant execute on function pg_hba_file_rules() and select on pg_hba_file_rules "
            "to it; or run `countersign doctor --from-client` where clients are.",
        )
        return
    doors = list(_doors(observed.rules, observed.gateway_address))
    for rule in doors:
        yield Finding(
            name,
            State.WRONG,
            f"line {rule.line} of pg_hba.conf lets {_whom(rule)} in past the gateway ({rule.method})",
            f"{_fix(rule, observed.gateway_address)}; then select pg_reload_conf().",
        )
    if not doors:
        yield Finding(name, State.OK, "pg_hba.conf lets nobody in but the gateway")


def _doors(rules: tuple[HbaRule, ...], gateway: str) -> Iterator[HbaRule]:
    closed: list[Network] = []
    for rule in rules:
        if rule.kind == "local":
            if rule.method == "trust" and rule.is_for_all:
                yield rule  # whoever is on that machine is whoever they like
            continue
        if rule.method == "reject":
            if rule.kind == "host" and rule.is_for_all:
                closed += rule.networks
            continue
        if not rule.networks or any(
            not _is_harmless(network, gateway) and not _is_within(network, closed)
            for network in rule.networks
        ):
            yield rule


def _is_harmless(network: Network, gateway: str) -> bool:
    """It is the gateway alone, or that machine itself."""
    if network.is_loopback:
        return True
    return network.num_addresses == 1 and bool(gateway) and network.network_address == ip_address(gateway)


def _is_within(network: Network, closed: list[Network]) -> bool:
    return any(
        network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]
        for other in closed
    )


def _whom(rule: HbaRule) -> str:
    if rule.kind == "local":
        return "everybody on its machine"
    if any(network.prefixlen == 0 for network in rule.networks):
        return "everybody"
    return ", ".join(map(str, rule.networks)) or rule.address


def _fix(rule: HbaRule, gateway: str) -> str:
    if rule.kind == "local":
        return "Let its method be peer or scram-sha-256"
    return f"Let it name the gateway's address alone{f', {gateway}' if gateway else ''}"


def _rule(row: "asyncpg.Record") -> HbaRule:
    address = row["address"] or ""
    return HbaRule(
        line=row["line_number"],
        kind=row["type"],
        is_for_all=row["database"] == ["all"] and row["user_name"] == ["all"],
        address=address,
        networks=networks_of(address, row["netmask"] or ""),
        method=row["auth_method"],
    )


def networks_of(address: str, netmask: str) -> tuple[Network, ...]:
    """What an address of pg_hba.conf stands for; nothing where only the target can say."""
    if address == "all":
        return tuple(ip_network(network) for network in _EVERYWHERE)
    if address == "samehost":
        return (ip_network("127.0.0.0/8"), ip_network("::1"))
    try:
        if ":" in netmask:
            prefix = int(ip_address(netmask)).bit_count()
            return (ip_network(f"{address}/{prefix}", strict=False),)
        return (ip_network(f"{address}/{netmask}" if netmask else address, strict=False),)
    except ValueError:
        return ()


async def observe_as_client(resource: PostgresResource, base: Path) -> str:
    """What the target says to somebody who comes past the gateway: a stranger with a wrong password."""
    stranger = Account(_NOBODY, secrets.token_urlsafe(16))
    settings = {"database": resource.database or resource.name}
    try:
        target = await open_target(resource, base, settings, stranger)
    except TargetError as error:
        return f"{error}: {error.reason}"
    leave(target.channel)
    return "it let a stranger in"


def check_as_client(resource: str, said: str) -> Finding:
    """`said`: what `observe_as_client` heard."""
    if "cannot be reached" in said or "does not answer" in said:
        return Finding(resource, State.OK, "it cannot be reached from here past the gateway")
    # In every language the server's message for this names the file (libpq/auth.c, ClientAuthentication).
    if "pg_hba.conf" in said:
        return Finding(resource, State.OK, "it refuses connections from here (pg_hba.conf)")
    if "TLS with the target failed" in said or "does not speak TLS" in said:
        return Finding(
            resource,
            State.UNKNOWN,
            "it answers here past the gateway, but not with the TLS that the resource asks for",
            f"Let pg_hba.conf refuse them. {CLOSE_THE_NETWORK}",
        )
    return Finding(
        resource,
        State.WRONG,
        "it lets clients sign in from here past the gateway: whoever has a password needs no gateway",
        f"Let pg_hba.conf name the gateway's address alone. {CLOSE_THE_NETWORK}",
    )
