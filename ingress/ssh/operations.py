"""An operation on files -> what it does, and how it is written. Pure."""

import shlex
from collections.abc import Sequence, Set

from asyncssh import SFTPAttrs

from ingress.shell.paths import holds_credentials, rules
from schemas.vocabulary import Facts, Intent

SETS_OWNER_OF_PROCESS = 0o6000  # set-user-ID and set-group-ID, of a file's mode


def operation_facts(
    statement: str, intents: Set[Intent], paths: Sequence[str], attrs: SFTPAttrs | None
) -> Facts:
    """What the operation does to these paths. `attrs`: what it sets of them."""
    found = set(intents)
    writes = Intent.WRITE in found
    if any(holds_credentials(path, recursive=writes) for path in paths):
        found.add(Intent.CREDENTIAL)
    sets = attrs is not None and bool((attrs.permissions or 0) & SETS_OWNER_OF_PROCESS)
    owns = attrs is not None and attrs.uid is not None
    if writes and (sets or owns or any(rules(path) for path in paths)):
        found.add(Intent.ADMIN)
    return Facts(intents=tuple(sorted(found)), statements=(statement,), paths=tuple(sorted(set(paths))))


def unguardable(facts: Facts, attrs: SFTPAttrs | None) -> str:
    """Why what it writes could not be looked into; "" where it can."""
    if attrs is not None and attrs.size is not None:
        return "it sets a file's size"
    if {Intent.READ, Intent.WRITE} <= set(facts.intents):
        return "it opens a file for reading and writing at once"
    return ""


def operation_text(statement: str, paths: Sequence[str], attrs: SFTPAttrs | None) -> str:
    """The operation as policy, reviewers and auditors read it."""
    text = " ".join((statement.replace("_", " "), *map(shlex.quote, paths)))
    if attrs is not None and attrs.permissions is not None:
        text += f" mode {attrs.permissions & 0o7777:04o}"
    return text
