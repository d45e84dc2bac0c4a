"""Some of the rows that an open transaction changed, before and after, masked: for who reviews its COMMIT.

    client's connection: rows that the transaction wrote (by xmin) ──keys──▶ beside it: the same rows, as all
    others still see them, and rows that somebody is changing (by xmax) ──keys──▶ client's connection: which
    of these are gone

Nothing but PostgreSQL's own functions runs for it: tables with row security and keys of users' types are left
out. It happens behind a savepoint, which takes back its settings and what fails of it. PostgreSQL
documentation, "System Columns" 5.5 and "Transaction ID and Snapshot Information Functions" 9.26.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from ingress.interface import AskBeside, Question
from ingress.postgres.answers.columns import FindOrigin
from ingress.postgres.beforehand import Wait
from ingress.postgres.execution import Answer
from ingress.postgres.messages import Bind, Field, make_data_row, make_row_description, parse_data_row
from ingress.postgres.own import Aside
from ingress.postgres.results import ResultMasker
from processors.masking.masks import Mask
from processors.masking.plan import make_plan
from schemas.vocabulary import ChangedRows, Facts, Intent, MaskingPlan, Output, SampledRow

_MOST_TABLES = 5
_MOST_COLUMNS = 30
_MOST_CANDIDATES = 50  # rows that may have been deleted, of which it is looked which are
_READ = 1000  # characters of a value that are read, so that detectors see what goes on behind the end
_SHOWN = 100  # characters of it that are shown
_MOST_BYTES = 64 * 1024  # of all values together
_TEXT = 25  # pg_type.dat
_FIRST_OF_USERS = 16384  # OIDs below are PostgreSQL's own (transam.h, FirstNormalObjectId)
_LATER = 100_000  # transactions that may have begun since this one, its own subtransactions among them

SETTINGS = """select pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
pg_catalog.set_config('statement_timeout', '500ms', true),
pg_catalog.set_config('lock_timeout', '100ms', true),
pg_catalog.set_config('timezone', 'UTC', true), pg_catalog.set_config('datestyle', 'ISO', true),
pg_catalog.set_config('intervalstyle', 'postgres', true), pg_catalog.set_config('bytea_output', 'hex', true),
pg_catalog.set_config('extra_float_digits', '1', true),
pg_catalog.set_config('client_encoding', 'UTF8', true)"""
"""Both connections are asked under the same settings, or what did not change would look as if it had."""

COLUMNS = b"""select s.relid, s.schemaname, s.relname, a.attnum, a.attname, a.atttypid,
pg_catalog.format_type(a.atttypid, null),
pg_catalog.array_position(i.indkey::pg_catalog.int2[], a.attnum) is not null
from pg_catalog.pg_stat_xact_user_tables s
join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) s.relid
join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) s.relid
left join pg_catalog.pg_index i on i.indrelid operator(pg_catalog.=) s.relid and i.indisprimary
where (s.n_tup_ins operator(pg_catalog.>) 0 or s.n_tup_upd operator(pg_catalog.>) 0
or s.n_tup_del operator(pg_catalog.>) 0)
and c.relkind operator(pg_catalog.=) 'r' and not c.relrowsecurity
and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
order by s.relid, a.attnum limit 500"""
"""The columns of the tables that were changed, of those that can be looked at."""

_NO_KEY = "it has no primary key of PostgreSQL's own types, or has row security"
_TOO_MANY = f"only {_MOST_TABLES} tables are looked at"
_NOT_READ = "the target did not let it be read, or not in time"

Values = tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a changed table, as the target's catalogue has it now."""

    number: int
    name: str
    type: int  # OID
    type_name: str
    is_key: bool


@dataclass(slots=True)
class _Table:
    """A changed table, and what has been read of it so far: rows as their shown columns and their keys."""

    oid: int
    name: tuple[str, str]
    columns: tuple[Column, ...]
    deleted: int
    after: list[Values] = field(default_factory=list)
    before: list[Values] = field(default_factory=list)
    candidates: list[Values] = field(default_factory=list)
    present: list[Values] = field(default_factory=list)

    @property
    def shown(self) -> tuple[Column, ...]:
        return self.columns[:_MOST_COLUMNS]

    @property
    def keys(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.is_key)

    def key_of(self, row: Values) -> Values:
        return row[len(self.shown) :]

    def select(self, condition: str, most: int) -> str:
        """The rows that meet a condition, every value as PostgreSQL writes it out."""
        values = [f"left({_text_of(column)}, {_READ})" for column in self.shown]
        return self._select([*values, *map(_text_of, self.keys)], condition, most)

    def select_keys(self, most: int) -> str:
        """The keys, of those that are told, that are there."""
        return self._select(list(map(_text_of, self.keys)), self.has_key, most)

    @property
    def has_key(self) -> str:
        """Its key is one of those in the parameter: JSON, a list of lists of texts."""
        names = ", ".join(f"t.{_quoted(column.name)}" for column in self.keys)
        values = ", ".join(f"(k ->> {place})::{column.type_name}" for place, column in enumerate(self.keys))
        return f"({names}) in (select {values} from json_array_elements($1::json) k)"  # noqa: S608

    def _select(self, values: Sequence[str], condition: str, most: int) -> str:
        schema, name = map(_quoted, self.name)
        return f"select {', '.join(values)} from only {schema}.{name} t where {condition} limit {most}"  # noqa: S608


_IS_OWN = f"""case when age(t.xmin) between -{_LATER} and 0 then pg_xact_status(
(pg_current_xact_id()::text::int8 - age(t.xmin))::text::xid8) = 'in progress' else false end"""
_IS_BEING_CHANGED = f"""t.xmax::text <> '0'
and (t.xmax::text::int8 - $1::text::int8 % 4294967296 + 4294967296) % 4294967296 < {_LATER}"""


class Sampling:
    """What is still to be asked, and what came of it. `rows`: of each table at most so many that were changed
    or are new, and so many that are gone. `columns`: the answer to COLUMNS."""

    def __init__(self, changed: Sequence[ChangedRows], columns: Sequence[Values], rows: int) -> None:
        self._rows = rows
        self._tables = list(_tables(changed, columns))
        self._steps = self._ask()
        self._error: Answer | None = None
        self._beside: Sequence[Sequence[Values]] | None = None
        self._is_waiting = False
        self._left = _MOST_BYTES  # that may still be shown

    def step(self) -> Aside | AskBeside | Wait | None:
        """What to do next, when the target owes nothing; None: nothing more."""
        return Wait() if self._is_waiting else next(self._steps, None)

    def answered(self, answers: Sequence[Sequence[Values]] | None) -> None:
        """Those to AskBeside; None where they could not be had."""
        self._beside, self._is_waiting = answers, False

    def of(self, changed: ChangedRows, masked: "Masked") -> ChangedRows:
        """With what was found of this table."""
        table = next((one for one in self._tables if ".".join(one.name) == changed.relation), None)
        if table is None:
            reason = _TOO_MANY if len(self._tables) == _MOST_TABLES else _NO_KEY
            return replace(changed, not_sampled=reason)
        if self._error is not None:
            return replace(changed, not_sampled=_NOT_READ)
        return replace(
            changed,
            columns=tuple(column.name for column in table.shown),
            sample=tuple(takewhile(self._has_room, _paired(table, self._rows, masked))),
        )

    def _has_room(self, row: SampledRow) -> bool:
        self._left -= sum(len((value or "").encode()) for value in (*row.before, *row.after))
        return self._left >= 0

    def _ask(self) -> Iterator[Aside | AskBeside]:
        if not self._tables:
            return
        top = Answer()
        asked = [("select pg_current_xact_id()::text", "", top)]
        found = [Answer() for _ in self._tables]
        asked += [
            (table.select(_IS_OWN, self._rows), "", answer)
            for table, answer in zip(self._tables, found, strict=True)
        ]
        yield _guarded(asked)
        if self._failed([top, *found]):
            return
        for table, answer in zip(self._tables, found, strict=True):
            table.after = answer.rows
        yield from self._ask_beside((top.rows[0][0] or b"").decode())
        if self._error is not None:
            return
        yield from self._ask_what_is_gone()

    def _ask_beside(self, transaction: str) -> Iterator[AskBeside]:
        questions = [
            Question(table.select(table.has_key, self._rows), _keys(map(table.key_of, table.after)))
            for table in self._tables
        ]
        deleting = [table for table in self._tables if table.deleted]
        questions += [
            Question(table.select(_IS_BEING_CHANGED, _MOST_CANDIDATES), transaction) for table in deleting
        ]
        self._is_waiting = True
        yield AskBeside(SETTINGS, tuple(questions))
        if self._beside is None:
            self._error = Answer()
            return
        for table, rows in zip(self._tables, self._beside, strict=False):
            table.before = list(rows)
        for table, rows in zip(deleting, self._beside[len(self._tables) :], strict=True):
            table.candidates = list(rows)

    def _ask_what_is_gone(self) -> Iterator[Aside]:
        """A candidate may only be locked, or changed by others: it is there, then."""
        tables = [table for table in self._tables if table.candidates]
        if not tables:
            return
        found = [Answer() for _ in tables]
        yield _guarded(
            [
                (table.select_keys(_MOST_CANDIDATES), _keys(map(table.key_of, table.candidates)), answer)
                for table, answer in zip(tables, found, strict=True)
            ]
        )
        if not self._failed(found):
            for table, answer in zip(tables, found, strict=True):
                table.present = answer.rows

    def _failed(self, answers: Sequence[Answer]) -> bool:
        self._error = next((answer for answer in answers if answer.error is not None), None)
        return self._error is not None


class Masked:
    """Rows of tables as a SELECT of them would be masked for the client.

    `plan`: with the resource's sensitive columns and detectors. `origin`: Catalogue.origin.
    """

    def __init__(self, plan: MaskingPlan, origin: FindOrigin, masks: Mapping[str, Mask]) -> None:
        self._plan, self._origin, self._masks = plan, origin, masks

    def row(self, table: int, columns: Sequence[Column], row: Values) -> tuple[str | None, ...]:
        """`row`: begins with the values of the columns. Raises TargetError."""
        outputs = tuple(self._output(table, column) for column in columns)
        facts = Facts(intents=(Intent.READ,), outputs=outputs, outputs_known=True)
        plan = make_plan(facts, self._plan.columns, self._plan.detectors)
        masker = ResultMasker(plan, self._origin, proven=True, masks=self._masks)
        fields = [Field(one.name, table, one.number, one.type, -1, -1, 0) for one in columns]
        masker.describe(make_row_description(fields)[5:])
        return tuple(map(_shown, parse_data_row(masker.rows(make_data_row(row[: len(columns)]))[5:])))

    def _output(self, table: int, column: Column) -> Output:
        origin = self._origin(table, column.number)
        if origin is None:
            return Output(column.name, (), proven=False)
        return Output(column.name, origin.columns, proven=True, bare=origin.bare)


def _paired(table: _Table, most: int, masked: Masked) -> Iterator[SampledRow]:
    before = {table.key_of(row): row for row in table.before}
    present = set(table.present)
    pairs = [(before.get(table.key_of(row)), row) for row in table.after]
    gone = [row for row in table.candidates if table.key_of(row) not in present]
    for old, new in [*pairs, *((row, None) for row in gone[:most])]:
        shown = [() if row is None else masked.row(table.oid, table.shown, row) for row in (old, new)]
        yield SampledRow(*shown)


def _tables(changed: Sequence[ChangedRows], columns: Sequence[Values]) -> Iterator[_Table]:
    deleted = {one.relation: one.deleted for one in changed}
    found: dict[int, _Table] = {}
    for row in columns:
        oid, schema, name, number, column, kind, type_name, is_key = (
            (value or b"").decode("utf-8", "replace") for value in row
        )
        if int(oid) not in found:
            relation = f"{schema}.{name}"
            found[int(oid)] = _Table(int(oid), (schema, name), (), deleted.get(relation, 0))
        table = found[int(oid)]
        table.columns += (Column(int(number), column, int(kind), type_name, is_key == "t"),)
    usable = [table for table in found.values() if _has_usable_key(table)]
    yield from usable[:_MOST_TABLES]


def _has_usable_key(table: _Table) -> bool:
    return bool(table.keys) and all(column.type < _FIRST_OF_USERS for column in table.keys)


def _guarded(questions: Sequence[tuple[str, str, Answer]]) -> Aside:
    """Texts, each with its parameter where it has one, asked behind a savepoint."""
    aside = Aside()
    aside.ask(b"savepoint countersign", Answer(is_duty=True))
    aside.ask(SETTINGS.encode(), Answer())
    for text, parameter, answer in questions:
        bind = Bind(b"", b"", (), (parameter.encode(),), ()) if parameter else None
        aside.ask(text.encode(), answer, types=(_TEXT,) if parameter else (), bind=bind)
    aside.sync()
    aside.forget()  # of one that failed the statement is still there
    aside.ask(b"rollback to savepoint countersign", Answer(is_duty=True))
    aside.ask(b"release savepoint countersign", Answer(is_duty=True))
    aside.sync()
    return aside


def _keys(keys: Iterator[Values]) -> str:
    return json.dumps([[(value or b"").decode() for value in key] for key in keys], ensure_ascii=False)


def _text_of(column: Column) -> str:
    name = f"t.{_quoted(column.name)}"
    return f"case when {name} is null then null else format('%s', {name}) end"


def _shown(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")[:_SHOWN]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
