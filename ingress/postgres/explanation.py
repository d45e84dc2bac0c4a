"""Why each column of an answer is or is not masked: for whoever writes a configuration.

The same code decides here as for a client's command. The target is asked to describe the statement (Parse and
Describe, PostgreSQL documentation 55.2.3), which runs nothing of it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from infra.config import Config, PostgresResource
from infra.credentials import secrets_of
from infra.keys import secret
from ingress.errors import TargetError
from ingress.postgres.accounts import Accounts
from ingress.postgres.answers.columns import Column, decide
from ingress.postgres.answers.columns import parse_fields as parse_description
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_reader import read_catalogue
from ingress.postgres.codec import Message, TargetReader
from ingress.postgres.facts import Context, Statement, Unparsable, analyse
from ingress.postgres.messages import SYNC, make_describe, make_parse, parse_fields
from ingress.postgres.sql.held import Held
from ingress.postgres.target_connection import leave, open_target
from processors.masking.plan import make_plan, sensitive_column
from processors.masking.tokens import PREFIX, TOKENISE, Tokens
from schemas.vocabulary import Facts, MaskingPlan, SensitiveColumn

_TOKEN = re.compile(PREFIX + r"[\w-]+", re.ASCII)
_CONTEXT = "select pg_catalog.current_schemas(true) as schemas, current_user::text as role"


class NotExplained(Exception):
    """The statement cannot be explained; says why."""


@dataclass(frozen=True, slots=True)
class ColumnExplained:
    """One column of an answer. `mask` is empty where its values are shown."""

    name: str
    mask: str
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of an answer. `unproven`: why not everything about the statement is proven."""

    columns: tuple[ColumnExplained, ...]
    unproven: tuple[str, ...]
    detectors: tuple[str, ...]  # that look at the text of the columns that are shown
    tokens: tuple[str, ...] = ()  # what becomes of the tokens in it, and of those bound to its parameters


async def explain(text: str, resource: PostgresResource, config: Config, database: str) -> Explanation:
    """Signs in to the resource as the gateway does. Raises NotExplained, TargetError, ConfigError."""
    accounts = Accounts(config, secrets_of(config))
    try:
        description = await _describe(text, resource, config.base, accounts, database)
        catalogue, context = await _look_up(resource, accounts, database)
    finally:
        await accounts.stop()
    sensitive = tuple(SensitiveColumn(*item) for item in resource.sensitive.columns.items())
    tokens = _tokens(resource, config, sensitive)
    try:
        held = Held(tokens, None) if tokens is not None else None
        statements = analyse(text, catalogue, context, sensitive, held)
    except Unparsable as error:
        raise NotExplained(error.message) from error
    if len(statements) != 1:
        raise NotExplained("expected one statement")
    facts = statements[0].facts
    plan = make_plan(facts, sensitive, resource.sensitive.detect)
    return Explanation(
        explain_columns(description, facts, plan, catalogue),
        facts.unproven,
        resource.sensitive.detect,
        tuple(explain_tokens(statements[0], tokens)) if tokens is not None else (),
    )


def _tokens(
    resource: PostgresResource, config: Config, sensitive: tuple[SensitiveColumn, ...]
) -> Tokens | None:
    """The resource's tokens, where it has any: the key of a gateway is made where it is first asked for."""
    if not any(entry.mask == TOKENISE for entry in sensitive):
        return None
    return Tokens(secret(config.state, "masking"), resource.name, sensitive)


def explain_tokens(statement: Statement, tokens: Tokens) -> Iterator[str]:
    """What a statement's tokens stand for."""
    found = statement.revealed
    for literal in found.literals:
        yield f"{literal.token} stands for a value of {literal.pattern}"
    for number, pattern in found.parameters:
        yield f"a token that is bound to ${number} stands for a value of {pattern}"
    for text in sorted(set(_TOKEN.findall(statement.text)) - {literal.token for literal in found.literals}):
        pattern = tokens.made_for(text)
        yield f"{text} is a text here" if pattern else f"{text} is no token of this resource"


def explain_columns(
    description: bytes, facts: Facts, plan: MaskingPlan, catalogue: Catalogue
) -> tuple[ColumnExplained, ...]:
    """The columns of a RowDescription's body, empty for a statement that returns no rows."""
    if not description:
        return ()
    fields = parse_description(description)
    columns = decide(fields, (False,) * len(fields), plan, catalogue.origin)
    known = facts.outputs_known and len(facts.outputs) == len(fields)
    return tuple(
        ColumnExplained(
            field.name,
            column.mask_name,
            _why(column, facts.outputs[number].sources if known else None, known, plan.columns)
            if column.mask is not None
            else _why_shown(facts.outputs[number].sources if known else (), sensitive=bool(plan.columns)),
        )
        for number, (field, column) in enumerate(zip(fields, columns, strict=True))
    )


def _why(
    column: Column, sources: Sequence[str] | None, known: bool, sensitive: tuple[SensitiveColumn, ...]
) -> str:
    if not column.field.startswith("output:"):
        entry = sensitive_column(column.field, sensitive)
        own = entry is not None and entry.mask == column.mask_name
        return f"it is {column.field}" if own else f"it may hold another value than {column.field}'s own"
    found = [source for source in sources or () if sensitive_column(source, sensitive)]
    if found:
        return f"its value comes from {', '.join(found)}"
    return (
        "not everything its value comes from is proven"
        if known
        else "what the statement returns is not proven"
    )


def _why_shown(sources: Sequence[str], *, sensitive: bool) -> str:
    if not sensitive:
        return "no column of this resource is sensitive"
    return f"it comes from {', '.join(sources)}" if sources else "it comes from no column that is sensitive"


async def _describe(
    text: str, resource: PostgresResource, base: Path, accounts: Accounts, database: str
) -> bytes:
    settings = {
        "client_encoding": "UTF8",
        "database": database,
        "application_name": "countersign mask explain",
    }
    target = await open_target(resource, base, settings, await accounts.own(resource))
    try:
        target.channel.write([make_parse(b"", text.encode()), make_describe(b"S", b""), SYNC])
        reader, description = TargetReader(), b""
        while data := await target.channel.receive():
            for item in reader.receive_data(data):
                if not isinstance(item, Message):
                    continue
                if item.kind == b"E":
                    raise NotExplained(parse_fields(item.body).get("M", "the target does not take it"))
                if item.kind == b"T":
                    description = item.body
                if item.kind == b"Z":
                    return description
        raise TargetError("the target closed the connection")
    finally:
        leave(target.channel)


async def _look_up(
    resource: PostgresResource, accounts: Accounts, database: str
) -> tuple[Catalogue, Context]:
    try:
        connection = await accounts.connect(resource, database, "countersign mask explain")
        try:
            row = await connection.fetchrow(_CONTEXT)
            assert row is not None
            context = Context(search_path=tuple(row["schemas"]), role=row["role"])
            return (await read_catalogue(connection)).catalogue, context
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise TargetError("the target's catalogue cannot be read", f"{type(error).__name__}") from error
