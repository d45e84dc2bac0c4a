"""MATCHERS: a key of `when` -> how it matches.

Each maker takes the rule's value and whether the rule permits something, and gives a predicate over a
command. A list that permits must cover all of a command (`every`); another is hit by any part of it.
"""

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import re2

from processors.policy.command import Command
from processors.policy.expression import compile_expression
from processors.policy.rule import Hours
from schemas.vocabulary import Facts, Intent

Predicate = Callable[[Command, datetime], bool]
Maker = Callable[[Any, bool], Predicate]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def compile_command_pattern(pattern: str) -> Any:
    """The pattern of `command`, as RE2: linear in the text, whatever the text is. Raises ValueError.

    It ignores case, and a dot matches a line's end too: SQL does not care for either.
    """
    options = re2.Options()
    options.case_sensitive = False
    options.dot_nl = True
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"not a pattern RE2 knows: {reason}") from error


def _users(names: tuple[str, ...], every: bool) -> Predicate:
    wanted = frozenset(names)
    if every:
        return lambda command, now: command.principal.name in wanted
    # What a person is kept from, an agent that acts for them is kept from too.
    return lambda command, now: command.principal.name in wanted or command.principal.acts_for in wanted


def _groups(names: tuple[str, ...], every: bool) -> Predicate:
    wanted = frozenset(names)
    if every:
        return lambda command, now: not wanted.isdisjoint(command.principal.groups)
    return lambda command, now: (
        not wanted.isdisjoint((*command.principal.groups, *command.principal.acts_for_groups))
    )


def _acts_for(patterns: tuple[str, ...], _: bool) -> Predicate:
    matches = _globs(patterns)
    return lambda command, now: bool(command.principal.acts_for) and matches(command.principal.acts_for)


def _acts_for_groups(names: tuple[str, ...], _: bool) -> Predicate:
    wanted = frozenset(names)
    return lambda command, now: not wanted.isdisjoint(command.principal.acts_for_groups)


def _kinds(kinds: tuple[str, ...], _: bool) -> Predicate:
    wanted = frozenset(kinds)
    return lambda command, now: command.principal.kind in wanted


def _resources(patterns: tuple[str, ...], _: bool) -> Predicate:
    matches = _globs(patterns)
    return lambda command, now: matches(command.resource.name)


def _labels(labels: Mapping[str, str], _: bool) -> Predicate:
    wanted = tuple(labels.items())
    return lambda command, now: all(command.resource.labels.get(key) == value for key, value in wanted)


def _intents(intents: tuple[Intent, ...], every: bool) -> Predicate:
    wanted = frozenset(intents)
    if every:
        return lambda command, now: wanted.issuperset(command.facts.intents)
    return lambda command, now: not wanted.isdisjoint(command.facts.intents)


def _names(part: Callable[[Facts], Iterable[str]]) -> Maker:
    """A matcher of globs over one part of the facts."""

    def make(patterns: tuple[str, ...], every: bool) -> Predicate:
        matches = _globs(patterns)
        quantifier = all if every else any
        return lambda command, now: quantifier(matches(name) for name in part(command.facts))

    return make


def _namespaces(patterns: tuple[str, ...], every: bool) -> Predicate:
    """What permits in a namespace permits nothing outside of all; what stops in one also stops what reaches
    all of them."""
    matches = _globs(patterns)
    if every:
        return lambda command, now: (
            bool(command.facts.namespaces) and all(map(matches, command.facts.namespaces))
        )
    return lambda command, now: any(name == "*" or matches(name) for name in command.facts.namespaces)


def _tools(patterns: tuple[str, ...], every: bool) -> Predicate:
    """What permits tools permits nothing else that an MCP server does."""
    matches = _globs(patterns)
    if every:
        return lambda command, now: bool(command.facts.tools) and all(map(matches, command.facts.tools))
    return lambda command, now: any(map(matches, command.facts.tools))


def _command(pattern: str, _: bool) -> Predicate:
    compiled = compile_command_pattern(pattern)
    return lambda command, now: compiled.search(command.text) is not None


def _unmask(patterns: tuple[str, ...], every: bool) -> Predicate:
    matches = _globs(patterns)
    quantifier = all if every else any
    return lambda command, now: bool(command.unmask) and quantifier(map(matches, command.unmask))


def _hours(hours: Hours, _: bool) -> Predicate:
    zone = ZoneInfo(hours.zone)
    start, end = time.fromisoformat(hours.start), time.fromisoformat(hours.end)
    days = frozenset(_DAYS.index(day) for day in hours.days)

    def within(command: Command, now: datetime) -> bool:
        local = now.astimezone(zone)
        today, yesterday = local.weekday(), (local - timedelta(days=1)).weekday()
        clock = local.time()
        if start < end:
            return today in days and start <= clock < end
        return (today in days and clock >= start) or (yesterday in days and clock < end)

    return within


def _networks(networks: tuple[str, ...], every: bool) -> Predicate:
    parsed = tuple(ipaddress.ip_network(network) for network in networks)

    def within(command: Command, now: datetime) -> bool:
        address = _address(command.client_address)
        if address is None:
            return not every  # where a client is cannot be told: no reason to allow, one to refuse
        return any(address in network for network in parsed)

    return within


def _expression(text: str, _: bool) -> Predicate:
    return compile_expression(text)


def _globs(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a name matches any of the patterns; * ? [] as in a shell, and case counts."""
    literal = frozenset(pattern for pattern in patterns if not set(pattern) & set("*?["))
    others = [re.compile(fnmatch.translate(pattern)) for pattern in patterns if pattern not in literal]
    return lambda name: name in literal or any(pattern.match(name) is not None for pattern in others)


def _address(client_address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    host = client_address.rpartition(":")[0].removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


MATCHERS: Mapping[str, Maker] = {
    # The order is that of evaluation: the quickest first, CEL last.
    "users": _users,
    "groups": _groups,
    "kinds": _kinds,
    "acts_for": _acts_for,
    "acts_for_groups": _acts_for_groups,
    "resources": _resources,
    "labels": _labels,
    "intents": _intents,
    "statements": _names(lambda facts: facts.statements),
    "tables": _names(lambda facts: facts.tables),
    "columns": _names(lambda facts: facts.columns),
    "functions": _names(lambda facts: facts.functions),
    "programs": _names(lambda facts: facts.programs),
    "methods": _names(lambda facts: facts.methods),
    "paths": _names(lambda facts: facts.paths),
    "verbs": _names(lambda facts: facts.verbs),
    "kinds_of_object": _names(lambda facts: facts.kinds_of_object),
    "namespaces": _namespaces,
    "tools": _tools,
    "unmask": _unmask,
    "networks": _networks,
    "hours": _hours,
    "command": _command,
    "expression": _expression,
}
