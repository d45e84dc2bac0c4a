"""Right before a command runs, in its own transaction: what its names mean is still what was judged.

Between the gateway's last look at the catalogue and the command's own locks another session's DDL can
commit: one whose lock the command waits for takes its time. So the gateway names the same relations first,
which locks them until the transaction ends (parsing takes ACCESS SHARE locks: PostgreSQL documentation
13.3.1), and then has the server say what they are: as the newest commit has it, whatever the transaction's
snapshot is (`pg_identify_object`). Where that is not what was judged, the server fails by it, and does not
run the command.
"""

from collections.abc import Collection, Iterable, Sequence
from string import Template

from ingress.postgres.catalogue import Catalogue, is_temporary
from ingress.postgres.catalogue_changes import FIRST_OF_USERS
from ingress.postgres.catalogue_items import FOREIGN, MATERIALISED, PARTITIONED, TABLE, VIEW, Relation
from ingress.postgres.execution import Execution, Guard
from ingress.postgres.messages import make_error
from ingress.postgres.own import Aside
from schemas.vocabulary import Intent

_IDENTITY = Template("(pg_catalog.pg_identify_object(1259, $oid, $number)).identity")  # 1259: pg_class
_RULES = Template(
    "(select pg_catalog.md5(pg_catalog.string_agg(ev_action::pg_catalog.text, ',' order by oid)) "
    "from pg_catalog.pg_rewrite where ev_class operator(pg_catalog.=) $oid::pg_catalog.oid)"
)
_TEXT = Template("pg_catalog.convert_from(pg_catalog.decode('$hex', 'hex'), 'UTF8')")
_COMPARISON = Template(
    "select pg_catalog.int4div(1, (array[$found] operator(pg_catalog.=) array[$judged])::pg_catalog.int4)"
)
_CAN_BE_READ = frozenset((TABLE, PARTITIONED, VIEW, MATERIALISED, FOREIGN))
_CHANGED = make_error(
    "40001",  # serialization_failure: what clients know how to run again
    "what the command names was changed by another session at this moment",
    hint="Nothing was executed. Send the command again; in a transaction, the whole transaction.",
)


# What runs in a transaction block as well as outside of one.
_OF_DATA = frozenset(
    ("select", "insert", "update", "delete", "merge", "copy", "create_table_as", "select_into", "declare")
)


def is_of_data(executions: Sequence[Execution]) -> bool:
    """Whether none of them begins or ends a transaction, or depends on there being none."""
    return all(_OF_DATA.issuperset(one.command.facts.statements) for one in executions)


def guard(executions: Sequence[Execution], catalogue: Catalogue, status: bytes) -> Aside:
    """What to send before these, in a transaction of this status. Where it fails, the first of them has."""
    aside = Aside()
    guarded = [one for one in executions if _depends_on_names(one)]
    if status == b"E" or not guarded:
        return aside
    named = {oid for one in guarded for oid in _named(one)}
    relations = [relation for oid in sorted(named) if (relation := _guardable(catalogue, oid)) is not None]
    if not relations:
        return aside
    columns = {column for one in guarded for column in one.command.facts.columns}
    aside.guard(
        b"select from " + b", ".join(_identifier(relation) for relation in relations),
        _comparison(relations, columns).encode(),
        Guard(guarded[0], _CHANGED),
    )
    return aside


def _depends_on_names(execution: Execution) -> bool:
    """Whether what it does is proven by what its names mean, and matters: to masking, or to who approved it.
    What is not proven is masked whatever they mean."""
    allowed, facts = execution.allowed, execution.command.facts
    return (
        allowed is not None
        and bool(allowed.obligations.masking.columns or allowed.approval)
        and Intent.UNKNOWN not in facts.intents
        and _OF_DATA.issuperset(facts.statements)
    )


def _named(execution: Execution) -> Iterable[int]:
    return execution.statement.relations if execution.statement is not None else ()


def _guardable(catalogue: Catalogue, oid: int) -> Relation | None:
    """None for what nobody else can change: PostgreSQL's own, and the session's temporary ones."""
    relation = catalogue.relation(oid)
    if relation is None or oid < FIRST_OF_USERS or is_temporary(relation.schema):
        return None
    return relation if relation.kind in _CAN_BE_READ else None


def _comparison(relations: Iterable[Relation], columns: Collection[str]) -> str:
    """A SELECT that fails with DIVISION_BY_ZERO where the relations, their touched columns or the rules that
    make them views are others. Its names are qualified, and it depends on no setting."""
    found, judged = [], []
    for relation in relations:
        touched = (number for number, column in relation.numbers.items() if column.qualified in columns)
        for number in (0, *touched):
            names = [relation.schema, relation.name]
            names += [relation.numbers[number].name] if number else []
            found.append(_IDENTITY.substitute(oid=relation.oid, number=number))
            judged.append(f"pg_catalog.format('{'.'.join(['%I'] * len(names))}', {_texts(names)})")
        if relation.is_view:
            found.append(_RULES.substitute(oid=relation.oid))
            judged.append(_texts([relation.written]))
    return _COMPARISON.substitute(found=", ".join(found), judged=", ".join(judged))


def _texts(texts: Iterable[str]) -> str:
    """As SQL, whatever the settings and the encoding of the session."""
    return ", ".join(_TEXT.substitute(hex=text.encode().hex()) for text in texts)


def _identifier(relation: Relation) -> bytes:
    return b".".join(_quoted(name) for name in (relation.schema, relation.name))


def _quoted(name: str) -> bytes:
    if name.isascii():
        return b'"' + name.replace('"', '""').encode() + b'"'
    return b'U&"' + "".join(f"\\+{ord(character):06x}" for character in name).encode() + b'"'
