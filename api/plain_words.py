"""What a command does, in plain words: facts -> sentences, and whether it can be undone. Pure.

Nothing is guessed. Where the facts do not say which of several tables a statement changes, neither does a
sentence; what is not proven is said to be so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from api.host_words import KINDS, VERBS
from api.web.words import INTENTS, Weight, duration
from schemas.events import ApprovalRequested
from schemas.vocabulary import Facts, Intent, Transaction


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing that a command does, without its subject: "deletes rows from public.orders"."""

    text: str
    weight: Weight


# Statement -> with its one table, without it, weight. Other kinds are read from their names.
_STATEMENTS: dict[str, tuple[str, str, Weight]] = {
    "select": ("reads {}", "reads data", "light"),
    "select_into": ("copies rows of {} into a new table", "copies rows into a new table", "medium"),
    "insert": ("adds rows to {}", "adds rows", "medium"),
    "update": ("changes rows of {}", "changes rows", "medium"),
    "delete": ("deletes from {}", "deletes rows", "medium"),
    "merge": ("merges rows into {}", "merges rows", "medium"),
    "truncate": ("empties {}", "empties tables", "heavy"),
    "copy": ("copies {} in or out", "copies rows in or out", "heavy"),
    "lock": ("locks {}", "locks tables", "medium"),
    "do": ("runs a block of code", "runs a block of code", "heavy"),
    "call": ("calls a procedure", "calls a procedure", "medium"),
    "grant": ("gives privileges on {}", "gives privileges", "heavy"),
    "revoke": ("takes privileges on {} away", "takes privileges away", "heavy"),
    "grant_role": ("makes somebody a member of a role", "makes somebody a member of a role", "heavy"),
    "revoke_role": ("ends a membership in a role", "ends a membership in a role", "heavy"),
    "replication": ("streams changes out of the database", "streams changes out of the database", "heavy"),
    "websocket": ("opens a WebSocket", "opens a WebSocket", "heavy"),
    "explain": ("asks how {} would be read", "asks for a plan", "light"),
    "show": ("shows a setting", "shows a setting", "light"),
    "set": ("changes a setting of its session", "changes a setting of its session", "light"),
    "begin": ("begins a transaction", "begins a transaction", "light"),
    "commit": ("commits its transaction", "commits its transaction", "medium"),
    "rollback": ("rolls its transaction back", "rolls its transaction back", "light"),
}
_VERBS: dict[str, tuple[str, Weight]] = {
    "create": ("creates", "medium"),
    "alter": ("alters", "medium"),
    "drop": ("drops", "heavy"),
    "refresh": ("refreshes", "medium"),
    "import": ("imports", "medium"),
}
_SEEN = Sentence("No: what has been seen cannot be taken back.", "heavy")
_CHANGES_ROWS = frozenset({"insert", "update", "delete", "merge"})

# What an intent adds where no sentence has said it yet.
_INTENTS: tuple[tuple[Intent, str], ...] = (
    (Intent.EXPORT, "takes data out of the target"),
    (Intent.CREDENTIAL, "touches credentials"),
    (Intent.ADMIN, "administers the target"),
    (Intent.NETWORK, "opens network connections"),
)


def sentences(facts: Facts) -> tuple[Sentence, ...]:
    """What the command does, the heaviest first."""
    asked = _tools(facts) if facts.tools else (*_statements(facts), *_programs(facts), *_requests(facts))
    found = [*asked, *_beside(facts)]
    order: dict[Weight, int] = {"heavy": 0, "medium": 1, "light": 2}
    return tuple(sorted(dict.fromkeys(found), key=lambda sentence: order[sentence.weight]))


def of_request(request: ApprovalRequested) -> tuple[Sentence, ...]:
    """What a reviewer decides on: a command, what a COMMIT makes last, or a window of time in which commands
    need no review."""
    if request.transaction is not None:
        return _of_transaction(request.transaction)
    if request.access is None:
        unmasks = Sentence(f"asks to see {_list(request.unmask)} unmasked", "heavy")
        return (*([unmasks] if request.unmask else []), *sentences(request.facts))
    intents = ", ".join(INTENTS[intent].text for intent in request.facts.intents)
    span = duration(timedelta(seconds=request.access.seconds))
    start = request.access.starts_at
    begin = f", from {start:%Y-%m-%d %H:%M} UTC on" if start is not None else ""
    return (Sentence(f"asks for {span}{begin} without review of what {intents}", "heavy"),)


def _of_transaction(transaction: Transaction) -> tuple[Sentence, ...]:
    """What a COMMIT makes last: how much, and what each of its statements did."""
    number = len(transaction.statements)
    rows = sum(one.rows for one in transaction.statements if one.at_commit)
    what = f"makes {number} {'statement' if number == 1 else 'statements'} last that ran"
    first = Sentence(f"{what}; {rows} {'row' if rows == 1 else 'rows'} changed under the rule", "heavy")
    did = (sentence for one in transaction.statements for sentence in sentences(one.facts))
    return tuple(dict.fromkeys((first, *did)))


def undoing_of(request: ApprovalRequested) -> Sentence:
    """Whether what is decided on can be undone."""
    if request.access is not None:
        return Sentence("The grant can be revoked; what ran under it is a matter of its own.", "medium")
    if request.transaction is not None:
        return Sentence("Until it is approved: to reject it undoes all of it.", "medium")
    if request.unmask:
        return _SEEN
    return undoing(request.facts)


def headline(request: ApprovalRequested) -> str:
    """The one sentence for a list or a message."""
    found = of_request(request)
    return found[0].text if found else "does nothing that is known"


def undoing(facts: Facts) -> Sentence:
    """Whether what the command does can be undone afterwards, by the kinds of its statements."""
    intents = set(facts.intents)
    if Intent.UNKNOWN in intents:
        return Sentence("Not known: what it does is not proven.", "heavy")
    if Intent.EXPORT in intents or Intent.PROBE in intents:
        return _SEEN
    if intents <= {Intent.READ, Intent.SESSION}:
        return Sentence("Nothing to undo: it changes no data.", "light")
    kinds = facts.statements
    if not kinds:
        return Sentence("Not by the gateway: only whoever keeps the target can.", "medium")
    if any(kind == "truncate" or kind.startswith("drop_") for kind in kinds):
        return Sentence("Only from a backup.", "heavy")
    if Intent.BULK_WRITE in intents:
        return Sentence(
            "Only from a backup" + (": it may change every row." if facts.tables else "."), "heavy"
        )
    if _CHANGES_ROWS & set(kinds):
        return Sentence("Only row by row, by who knows the old values.", "medium")
    if all(kind.startswith(("create_", "grant", "begin", "set")) for kind in kinds):
        return Sentence("Yes, by dropping or revoking what it makes.", "light")
    return Sentence("By hand, by who knows how it was before.", "medium")


def _statements(facts: Facts) -> Iterator[Sentence]:
    tables = facts.tables
    is_alone = len(facts.statements) == 1
    for kind in facts.statements:
        if kind in KINDS:
            yield from _of_host(kind, facts)
            continue
        with_table, without, weight = _words(kind)
        is_read = kind == "select" and is_alone
        named = tables[0] if len(tables) == 1 else _list(tables) if is_read else ""
        text = with_table.format(named) if named else without
        if kind in _CHANGES_ROWS and Intent.BULK_WRITE in facts.intents:
            # Of several statements, facts do not say which one is without bound.
            text += " without a bound" if kind == "insert" else " without a WHERE that bounds it"
            weight = "heavy"
        if is_alone and len(tables) > 1 and not is_read:
            text += f", reaching {_list(tables)}"
        yield Sentence(text, weight)
    if not is_alone and len(tables) > 1:
        yield Sentence(f"reaches {_list(tables)}", "medium")


def _of_host(kind: str, facts: Facts) -> Iterator[Sentence]:
    said = KINDS[kind]
    if said is not None:
        text, weight = said
        yield Sentence(text.format(_list(facts.paths) or "something"), weight)


def _words(kind: str) -> tuple[str, str, Weight]:
    if kind in _STATEMENTS:
        return _STATEMENTS[kind]
    verb, _, thing = kind.partition("_")
    name = thing.replace("_", " ")
    if verb in _VERBS and thing:
        word, weight = _VERBS[verb]
        a = "an" if name[0] in "aeio" else "a"
        plain = f"{word} {a} {name}"
        return f"{word} {name} {{}}" if thing.endswith("table") else f"{plain} on {{}}", plain, weight
    if "/" in kind:  # a method of MCP
        return f"calls {kind}", f"calls {kind}", "light"
    plain = f"runs {kind.replace('_', ' ').upper()}"
    return f"{plain} on {{}}", plain, "medium"


def _programs(facts: Facts) -> Iterator[Sentence]:
    programs = [name for name in facts.programs if name != "sudo"]
    if not facts.programs:
        return
    runs = f"runs {_list(programs)}" if programs else "runs sudo"
    is_on_host = KINDS.keys() >= set(facts.statements)
    runs += "" if is_on_host else " on the target"
    changes = {Intent.BULK_WRITE, Intent.ADMIN, Intent.UNKNOWN} & set(facts.intents)
    if "sudo" in facts.programs:
        yield Sentence(f"{runs} as root or another user, by sudo", "heavy")
    else:
        yield Sentence(runs, "heavy" if changes or not is_on_host else "medium")
    if facts.paths and not facts.methods:
        yield Sentence(f"uses {_list(facts.paths)}", "medium")


def _requests(facts: Facts) -> Iterator[Sentence]:
    if not facts.methods:
        return
    if facts.kinds_of_object:
        yield from _objects(facts)
        return
    is_safe = set(facts.methods) <= {"GET", "HEAD", "OPTIONS"}
    method = " and ".join(facts.methods)
    where = _list(facts.paths)
    weight: Weight = "light" if is_safe else "heavy" if "DELETE" in facts.methods else "medium"
    yield Sentence(f"{method} {where}".strip(), weight)


def _objects(facts: Facts) -> Iterator[Sentence]:
    """A request to a cluster."""
    where = " and ".join("all namespaces" if one == "*" else f"namespace {one}" for one in facts.namespaces)
    for verb in facts.verbs:
        does, weight = VERBS.get(verb, (verb, "medium"))
        yield Sentence(f"{does} {_list(facts.kinds_of_object)}" + (f" in {where}" if where else ""), weight)


def _tools(facts: Facts) -> Iterator[Sentence]:
    is_read = set(facts.intents) <= {Intent.READ, Intent.SESSION}
    yield Sentence(f"calls the tool {_list(facts.tools)}", "light" if is_read else "medium")


def _beside(facts: Facts) -> Iterator[Sentence]:
    if facts.probed:
        yield Sentence(f"finds out about masked values of {_list(facts.probed)}", "heavy")
    for intent, text in _INTENTS:
        if intent in facts.intents:
            yield Sentence(text, "heavy")
    if Intent.EXEC in facts.intents and not facts.programs:
        yield Sentence("runs a program on the target", "heavy")
    if Intent.UNKNOWN in facts.intents:
        yield Sentence("does something that cannot be proven", "heavy")


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}" if names else ""
