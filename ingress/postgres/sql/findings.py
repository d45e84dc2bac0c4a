"""What is gathered while a statement is read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ingress.postgres.catalogue import Catalogue, is_temporary
from ingress.postgres.catalogue_items import FOREIGN, Function, Relation
from ingress.postgres.sql.columns import CLEAN, Column, Constant, Row, Value
from ingress.postgres.sql.functions import effect_of
from ingress.postgres.sql.held import Held, Place
from ingress.postgres.sql.needs import Need
from ingress.postgres.sql.tree import Node, strings
from processors.masking.masks import FULL, NOTHING
from processors.masking.plan import sensitive_column
from schemas.vocabulary import Intent, SensitiveColumn

# Columns that hold passwords, their hashes, or how to sign in to other servers.
CREDENTIALS = frozenset(
    {
        "pg_catalog.pg_authid.rolpassword",
        "pg_catalog.pg_shadow.passwd",
        "pg_catalog.pg_user_mapping.umoptions",
        "pg_catalog.pg_user_mappings.umoptions",
        "pg_catalog.pg_subscription.subconninfo",
        "information_schema.user_mapping_options.option_value",
    }
)


class Sensitivity:
    """Which columns are sensitive, as the masking plan finds them."""

    def __init__(self, columns: tuple[SensitiveColumn, ...]) -> None:
        self._columns = columns
        self._known: dict[str, SensitiveColumn | None] = {}
        self.any = bool(columns)

    def covers(self, name: str) -> bool:
        return bool(self.mask(name))

    def mask(self, name: str) -> str:
        """The mask of the column "schema.table.column"; "" where it is not sensitive."""
        entry = self.entry(name)
        return entry.mask if entry is not None else ""

    def entry(self, name: str) -> SensitiveColumn | None:
        """What makes the column sensitive."""
        if name not in self._known:
            self._known[name] = sensitive_column(name, self._columns)
        return self._known[name]


@lru_cache(maxsize=256)
def sensitivity(columns: tuple[SensitiveColumn, ...]) -> Sensitivity:
    return Sensitivity(columns)


@dataclass(slots=True)
class Findings:
    """What one statement was found to do and to touch; grows while it is read."""

    catalogue: Catalogue
    search_path: tuple[str, ...]
    sensitive: Sensitivity
    held: Held | None = None  # tokens that may stand for values
    prepared: Mapping[str, str] = field(default_factory=dict)
    intents: set[Intent] = field(default_factory=set)
    statements: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    touched: set[Column] = field(default_factory=set)
    hidden: set[Column] = field(default_factory=set)  # touched by the views it reads
    functions: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    within: list[list[Value]] = field(default_factory=list)  # of each subquery around, what it reads
    unproven: dict[str, None] = field(default_factory=dict)  # in order
    of_code: set[str] = field(default_factory=set)  # of these, what code at the target may do as who runs it
    read: set[Relation] = field(default_factory=set)  # that it names to read from
    selected: set[Column] = field(default_factory=set)  # touched by being read
    locks: bool = False  # rows that it reads, by FOR UPDATE or the like
    changes: set[Need] = field(default_factory=set)  # what it needs to write
    probed: set[Column] = field(default_factory=set)  # the sensitive ones that what it does tells of
    probed_unproven: set[Column] = field(default_factory=set)  # likewise, what is not proven can derive from
    probes_unproven: bool = False
    constants: set[Constant] = field(default_factory=set)  # the sensitive ones
    compared: dict[Place, str] = field(default_factory=dict)  # tokens with the columns they were made for
    uncompared: set[int] = field(default_factory=set)  # where other constants were read
    secret_text: bool = False  # every literal of the statement is sensitive
    queries: int = 0  # how many were read, to bound the work
    rewritten: bool = False  # a rule puts another statement in its place
    changes_context: bool = False
    changes_settings: bool = False  # what a text does, though not what its names mean, may differ after it
    executes: set[str] = field(default_factory=set)  # prepared statements, by name
    objects: set[Relation | Function] = field(default_factory=set)  # that its names mean
    changes_catalogue: bool = False

    def doubt(self, reason: str, *, of_code: bool = False) -> None:
        """Something is not proven: the statement is unknown. `of_code`: of what code at the target does, that
        is called with the rights of who runs the statement."""
        self.unproven[reason] = None
        if of_code:
            self.of_code.add(reason)
        self.intents.add(Intent.UNKNOWN)
        self.changes_context = True
        self.changes_catalogue = True

    def is_sensitive(self, column: Column) -> bool:
        covers = self.sensitive.covers
        return any(map(covers, self.catalogue.names(column))) or any(
            map(covers, self.catalogue.inherited(column))
        )

    def probe(self, *values: Value) -> None:
        """What the statement does tells of these: which rows it gives, in which order, whether it fails."""
        if not self.sensitive.any:
            return
        for value in values:
            columns = {source for source in value.sources - value.implied if isinstance(source, Column)}
            sensitive = set(filter(self.is_sensitive, columns))
            if sensitive:
                self.probed |= sensitive
                self.intents.add(Intent.PROBE)
            if not value.proven:
                self.probes_unproven = True
                self.probed_unproven |= columns

    def settle(self, *values: Value) -> None:
        """These values meet in one expression, or are assigned to each other: constants that stand with a
        sensitive column are sensitive."""
        if not self.sensitive.any:
            return
        constants = {source for value in values for source in value.sources if isinstance(source, Constant)}
        if not constants:
            return
        if any(
            isinstance(source, Column) and self.is_sensitive(source)
            for value in values
            for source in value.sources
        ):
            self.constants |= constants

    def derives_from_sensitive(self, value: Value) -> bool:
        return self.sensitive.any and any(
            isinstance(source, Column) and self.is_sensitive(source) for source in value.sources
        )

    def lets_out(self, value: Value, names: Iterable[str]) -> bool:
        """Whether a value written into a column of these names can be read there, and be it in parts.

        Where no pattern covers them, anything of a sensitive column can. Where one does, its mask may show a
        part: the last digits of a card that was turned round are its first.
        """
        if not self.derives_from_sensitive(value):
            return False
        masks = self._masks(names)
        if not masks or masks <= {FULL, NOTHING}:
            return not masks
        return value.bare is None or self._masks(self._all_names(value.bare)) != masks

    def lets_out_into(self, value: Value, target: Value) -> bool:
        """Likewise, written into this column."""
        columns = [source for source in target.sources if isinstance(source, Column)]
        return self.lets_out(value, [name for column in columns for name in self._all_names(column)])

    def entries(self, column: Column) -> set[SensitiveColumn]:
        """What makes a column sensitive, by any of its names."""
        return {entry for name in self._all_names(column) if (entry := self.sensitive.entry(name))}

    def _masks(self, names: Iterable[str]) -> set[str]:
        return {mask for name in names if (mask := self.sensitive.mask(name))}

    def _all_names(self, column: Column) -> list[str]:
        return [*self.catalogue.names(column), *self.catalogue.inherited(column)]

    def settle_each(self, row: Row) -> None:
        """Each of these columns is a value of its own."""
        if self.sensitive.any:
            for column in row.fields:
                self.settle(column.value)

    def creates(self, node: Node) -> str:
        """A statement makes a relation of this name, given as a RangeVar; "schema.name"."""
        schema = node.get("schemaname", "")
        if not schema:
            fixed = [name for name in self.search_path if not is_temporary(name) and name != "pg_catalog"]
            schema = "pg_temp" if node.get("relpersistence") == "t" else next(iter(fixed), "")
        name = f"{schema}.{node['relname']}"
        self.tables.add(name)
        self.changes_context = self.changes_catalogue = True
        return name

    def copies(self, into: Node, row: Row) -> None:
        """A statement makes a table (an IntoClause) of these columns. See `changes.assign` on the export."""
        table = self.creates(into["rel"])
        names = strings(into.get("colNames"))
        for number, column in enumerate(row.fields):
            name = names[number] if number < len(names) else column.name
            if self.lets_out(column.value, [f"{table}.{name}"]):
                self.intents.add(Intent.EXPORT)

    def expand(self, columns: Iterable[Column]) -> set[str]:
        """The columns by name, with those they inherit from, and of those that inherit the sensitive ones."""
        names: set[str] = set()
        for column in columns:
            names.update(self.catalogue.names(column))
            names.update(filter(self.sensitive.covers, self.catalogue.inherited(column)))
        return names

    def touch(self, value: Value, *, written: bool = False) -> None:
        """A statement uses this value of a relation's; `written`: it is what a value is written into."""
        for source in value.sources:
            if isinstance(source, Column) and not written:
                self.selected.add(source)
            if isinstance(source, Column) and source not in self.touched:
                self.touched.add(source)
                if source.qualified in CREDENTIALS:
                    self.intents.add(Intent.CREDENTIAL)
                known = self.catalogue.type(source.type)
                if known is not None and known.casts:  # it may be cast without being told to
                    self.doubt(f"type {known.schema}.{known.name} {known.runs}")

    def read_relation(self, relation: Relation) -> None:
        """A statement reads from this relation, and runs the query of a view."""
        self.use_relation(relation)
        if relation.is_view:
            view = self.catalogue.view(relation)
            self.tables |= view.tables
            self.hidden |= view.touched
            # What a materialised view shows was computed when it was refreshed.
            if relation.kind == "v":
                self.functions |= view.functions
                self.intents |= view.intents
                self.changes_context |= view.changes_context
                for reason in view.unproven:
                    self.doubt(reason)

    def _makes_values_of(self, arguments: Value) -> None:
        """A function makes values of the types of its arguments, as jsonb_populate_record does of a row's."""
        for source in arguments.sources:
            known = self.catalogue.type(source.type) if isinstance(source, Column) else None
            if known is not None and known.runs:
                self.doubt(f"type {known.schema}.{known.name} {known.runs}")

    def use_relation(self, relation: Relation) -> None:
        """A statement touches this relation."""
        self.tables.add(relation.qualified)
        self.objects.add(relation)
        for parent in relation.parents:
            above = self.catalogue.relation(parent)
            if above is not None and above.qualified not in self.tables:
                self.use_relation(above)
        if relation.kind == FOREIGN:
            self.intents.add(Intent.NETWORK)

    def call(self, function: Function, arguments: Value = CLEAN) -> bool:
        """A statement can call this function; whether its result derives from its arguments alone."""
        effect = effect_of(function)
        self.functions.add(function.qualified)
        if not function.built_in:
            self.objects.add(function)
        self.intents |= effect.intents
        self.tables |= effect.tables
        if function.polymorphic:
            self._makes_values_of(arguments)
        if effect.unproven:
            self.doubt(f"function {function.qualified} {effect.unproven}", of_code=True)
        if effect.changes_context:
            self.changes_context = True
        if effect.secret:
            self.secret_text = True
        if effect.intents - {Intent.UNKNOWN} and self.derives_from_sensitive(arguments):
            # What it keeps, tells others or writes elsewhere can be read there unmasked.
            self.intents.add(Intent.EXPORT)
        return effect.proven
