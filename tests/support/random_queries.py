"""Random SELECTs over the sample database that mostly run: for what must hold of any query.

Every expression has one of four types, so that PostgreSQL takes it: text, int, bool, jsonb. A value may still
not be what a function expects: then the query fails, which must show nothing either.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

_TABLES = {
    "customers": "id:int name:text email:text card:text ssn:text profile:jsonb",
    "orders": "id:int customer_id:int note:text",
    "payments": "id:int customer_id:int card:text",
    "payments_2025": "id:int card:text",
    "people": "name:text ssn:text",
    "contacts": "id:int name:text address:text",
    "card_holders": "id:int name:text payment:text",
    "customer_orders": "id:int email:text",
}
_TEXTS = (
    "{t} || {t}",
    "upper({t})",
    "reverse({t})",
    "initcap({t})",
    "left({t}, {n})",
    "right({t}, {n})",
    "substr({t}, {n}, {n})",
    "substring({t} from '[a-z]+')",
    "overlay({t} placing '' from {n} for 1)",
    "replace({t}, '@', '#')",
    "translate({t}, '0123456789', 'abcdefghij')",
    "lpad({t}, 20, '-')",
    "split_part({t}, '@', 1)",
    "regexp_replace({t}, '(.)', '\\1 ', 'g')",
    "md5({t})",
    "encode(convert_to({t}, 'UTF8'), 'hex')",
    "encode({t}::bytea, 'base64')",
    "concat({t}, '-', {i}, {t})",
    "format('%s %L', {t}, {t})",
    "quote_literal({t})",
    "coalesce({t}, {t})",
    "nullif({t}, {t})",
    "greatest({t}, {t})",
    "case when {b} then {t} else {t} end",
    "case {i} when {n} then {t} end",
    "array_to_string(array[{t}, {t}], ',')",
    "array_to_string(regexp_split_to_array({t}, ''), ' ')",
    "(array[{t}, {t}])[1]",
    "({j} ->> 'k')",
    "{j}::text",
    "row({t}, {i})::text",
    "{i}::text",
    "to_char({i}, '999999')",
    "to_tsvector('simple', {t})::text",
    "{t}::varchar(30)",
    "({t})::name::text",
    '({t}) collate "C"',
    "xmlelement(name e, {t})::text",
    "(select {t})",
    "({q} limit 1)",
)
_INTS = (
    "length({t})",
    "ascii({t})",
    "{i} + {i}",
    "position('a' in {t})",
    "coalesce({i}, {n})",
    "hashtext({t})",
)
_BOOLS = (
    "{t} = {t}",
    "{t} like 'a%'",
    "{t} is null",
    "{t} is not null",
    "{t} > {t}",
    "{i} < {n}",
    "{i} = {i}",
    "not ({b})",
    "({b} or {b})",
    "({b} and {b})",
    "exists ({q})",
    "{t} in ({q})",
)
_JSONS = (
    "to_jsonb({t})",
    "jsonb_build_object('k', {t})",
    "jsonb_build_array({t}, {i})",
    "jsonb_build_object('k', {j})",
    "({j} -> 'k')",
    "{j} || {j}",
    "to_jsonb(array[{t}])",
)
_AGGREGATES = (
    "max({t})",
    "min({t})",
    "string_agg({t}, ',')",
    "string_agg({t}, '' order by {i})",
    "array_to_string(array_agg({t}), ' ')",
    "json_agg({t})::text",
    "jsonb_agg({j})::text",
    "jsonb_object_agg({i}, {t})::text",
    "mode() within group (order by {t})",
    "count(distinct {t})::text",
    "sum({i})::text",
    "max({t}) filter (where {b})",
)
_WINDOWS = (
    "lag({t}) over (order by {i})",
    "first_value({t}) over (partition by {i} order by {i})",
    "string_agg({t}, ',') over (order by {i})",
    "row_number() over (order by {t})::text",
)
_ROWS = ("{a}::text", "to_jsonb({a})::text", "row_to_json({a})::text", "json_build_array({a})::text")
_FORMS = {"text": _TEXTS, "int": _INTS, "bool": _BOOLS, "jsonb": _JSONS}
_LITERALS = {
    "text": ("'x'", "''", "null::text"),
    "int": ("1", "7"),
    "bool": ("true", "false"),
    "jsonb": ("'{}'::jsonb",),
}


@dataclass(slots=True)
class _Scope:
    """What a query can name."""

    columns: list[tuple[str, str]] = field(default_factory=list)  # "alias.column", type
    aliases: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Writer:
    """Writes one query. `left`: how much deeper expressions may still become, in all."""

    draw: DrawFn
    left: int = 40
    names: int = 0

    def name(self) -> str:
        self.names += 1
        return f"x{self.names}"

    def pick(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def often(self, parts: int = 2) -> bool:
        return self.draw(st.integers(0, parts - 1)) > 0

    def expression(self, kind: str, scope: _Scope, depth: int) -> str:
        columns = [name for name, type_ in scope.columns if type_ == kind]
        if depth <= 0 or self.left <= 0 or not self.often(3):
            if columns and self.often(5):
                return self.pick(*columns)
            return self.pick(*_LITERALS[kind])
        return self.form(_FORMS[kind], scope, depth)

    def form(self, forms: tuple[str, ...], scope: _Scope, depth: int) -> str:
        """One of the forms, its holes filled with expressions."""
        self.left -= 1
        text = self.pick(*forms)
        for hole, kind in (("{t}", "text"), ("{i}", "int"), ("{b}", "bool"), ("{j}", "jsonb")):
            while hole in text:
                text = text.replace(hole, self.expression(kind, scope, depth - 1), 1)
        while "{n}" in text:
            text = text.replace("{n}", self.pick("1", "2", "4", "9"), 1)
        while "{a}" in text:
            text = text.replace("{a}", self.pick(*scope.aliases), 1)
        while "{q}" in text:
            text = text.replace("{q}", self.select(scope, depth - 1, ("text",))[0], 1)
        return text

    def item(
        self, outer: _Scope, depth: int, ctes: dict[str, list[str]]
    ) -> tuple[str, str, list[tuple[str, str]]]:
        """Something of a FROM clause: its text, its alias, its columns."""
        alias = self.name()
        choice = self.draw(st.integers(0, 9))
        if choice >= 8 and ctes:
            name = self.pick(*ctes)
            return f"{name} as {alias}", alias, [(f"c{n}", type_) for n, type_ in enumerate(ctes[name])]
        if choice >= 6 and depth > 0:
            types = self.types()
            text = self.query(outer, depth - 1, types)
            return f"({text}) as {alias}", alias, [(f"c{n}", type_) for n, type_ in enumerate(types)]
        table = self.pick(*_TABLES)
        columns = [(name, type_) for name, type_ in (c.split(":") for c in _TABLES[table].split())]
        if self.often(3):
            return f"{table} as {alias}", alias, columns
        renamed = [(f"r{n}", type_) for n, (_, type_) in enumerate(columns)]
        listed = ", ".join(f"{name} as {new}" for (name, _), (new, _) in zip(columns, renamed, strict=True))
        return f"(select {listed} from {table}) as {alias}", alias, renamed

    def types(self) -> tuple[str, ...]:
        return tuple(
            self.draw(st.lists(st.sampled_from(("text", "text", "int", "jsonb")), min_size=1, max_size=3))
        )

    def select(
        self, outer: _Scope, depth: int, types: tuple[str, ...], ctes: dict[str, list[str]] | None = None
    ) -> tuple[str, _Scope]:
        """A SELECT of columns c0, c1 … of these types."""
        scope = _Scope(list(outer.columns), list(outer.aliases))
        clause = ""
        for _ in range(1 + (depth > 0 and not self.often(3))):
            text, alias, columns = self.item(outer, depth, ctes or {})
            scope.columns += [(f"{alias}.{name}", type_) for name, type_ in columns]
            scope.aliases.append(alias)
            if clause:
                kind = self.pick("join", "left join", "right join")
                clause += f" {kind} {text} on {self.expression('bool', scope, 1)}"
            else:
                clause = text
        grouped = not self.often(5)
        targets = []
        keys = []
        for number, type_ in enumerate(types):
            if type_ == "text" and grouped:
                value = self.form(_AGGREGATES, scope, depth)
            elif type_ == "text" and not self.often(8):
                value = self.form(_WINDOWS + _ROWS, scope, depth)
            else:
                value = self.expression(type_, scope, depth)
                keys.append(str(number + 1))
            targets.append(f"{value} as c{number}")
        text = f"select {'distinct ' if not self.often(8) else ''}{', '.join(targets)} from {clause}"
        if not self.often(3):
            text += f" where {self.expression('bool', scope, 2)}"
        if grouped and keys:
            text += f" group by {', '.join(keys)}"
        return text, scope

    def query(self, outer: _Scope, depth: int, types: tuple[str, ...]) -> str:
        """A query with all that can stand around a SELECT."""
        ctes: dict[str, list[str]] = {}
        written = []
        if depth > 0 and not self.often(4):
            cte, inner = self.name(), self.types()
            written.append(f"{cte} as ({self.query(outer, depth - 1, inner)})")
            ctes[cte] = list(inner)
        text, _ = self.select(outer, depth, types, ctes)
        if not self.often(6):
            operator = self.pick("union", "union all", "except", "intersect all")
            text = f"({text} limit 30) {operator} ({self.select(outer, 0, types, ctes)[0]} limit 30)"
        if not self.often(4):
            text += f" order by {self.draw(st.integers(1, len(types)))}"
        text += f" limit {self.pick('3', '20')}"
        return f"with {', '.join(written)} {text}" if written else text


@st.composite
def queries(draw: DrawFn) -> str:
    """The text of a SELECT."""
    writer = _Writer(draw)
    return writer.query(_Scope(), 3, writer.types())
