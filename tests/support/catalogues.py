"""Hand-made catalogues: relations, functions and types without a server.

`sample_catalogue` is the twin of sample.sql with tests/corpus/facts.sql, as far as the corpus of facts uses
them; tests/integration/postgres/test_catalogue.py runs the same corpus with the real one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_items import Call, Cascade, Function, Operator, Relation, Type
from ingress.postgres.sql.columns import Column
from ingress.postgres.sql.views import see_through

PATH = ("pg_catalog", "public")

# name, volatility, fewest and most arguments (* for any number), and the columns of the rows it returns.
BUILT_INS = """
    abs i 1 1; array_agg i 1 1; array_length i 2 2; avg i 1 1; btrim i 1 2; concat s 0 *
    concat_ws s 1 *; count i 0 1; currval v 1 1; current_setting s 1 2; encode i 2 2; extract s 2 2
    first_value i 1 1; format s 1 *; gen_random_uuid v 0 0; generate_series i 2 3; has_table_privilege s 2 3
    json_agg s 1 1; json_build_object s 0 *; json_to_record s 1 1; jsonb_agg s 1 1
    jsonb_each_text i 1 1 key,value; jsonb_object_keys i 1 1; lag i 1 3; lo_create v 1 1; lo_export v 2 2
    lo_get v 1 3; lo_import v 1 2; lo_unlink v 1 1; lower i 1 1; max i 1 1; nextval v 1 1; now s 0 0
    normalize i 1 2
    percentile_cont i 2 2; pg_advisory_lock v 1 2; pg_backend_pid s 0 0; pg_cancel_backend v 1 1
    pg_column_size s 1 1; pg_logical_emit_message v 3 4; pg_logical_slot_get_changes v 3 * lsn,xid,data
    pg_ls_dir v 1 3; pg_ls_logdir v 0 0 name,size,modification; pg_notify v 2 2; pg_read_binary_file v 1 4
    pg_read_file v 1 4; pg_relation_size v 1 2; pg_reload_conf v 0 0; pg_size_pretty i 1 1; pg_sleep v 1 1
    pg_stat_get_activity s 1 1 pid,query; pg_terminate_backend v 1 2; query_to_xml v 4 4; random v 0 2
    rank i 0 *; row_to_json s 1 2; set_config v 3 3; setval v 2 3; string_agg i 2 2; substr i 2 3
    substring i 2 3; sum i 1 1; table_to_xml s 4 4; cursor_to_xml v 5 5; timezone i 1 2; to_char s 2 2
    to_jsonb s 1 1; ts_rewrite v 2 2; ts_stat v 1 2 word,ndoc,nentry; txid_current s 0 0; unnest i 1 1
    upper i 1 1; version s 0 0; initcap i 1 1; int4pl i 2 2; ascii i 1 1; left i 2 2; length i 1 2; md5 i 1 1
    min i 1 1; mode i 1 1; position i 2 2; regexp_split_to_table i 2 3; replace i 3 3; row_number i 0 0
    similar_to_escape i 1 2; starts_with i 2 2; string_to_array i 2 3; to_tsquery i 1 2; to_tsvector s 1 2
"""
_POLYMORPHIC = ("unnest", "array_agg", "max", "min", "mode", "first_value", "lag", "json_to_record")
_BASE_TYPES = """
    int4 int8 text bytea bool numeric date timestamptz json jsonb xml varchar bpchar tsquery _text _int4 name
"""
_ARRAY_OF_TEXTS = 1009  # OID, by which clients declare a parameter
_FIRST_USER_OID = 16384
_EXACT = (("pg_catalog", "text"), ("pg_catalog", "varchar"))


class CatalogueBuilder:
    """Collects what a database holds; `build` makes the catalogue of it."""

    def __init__(self) -> None:
        self._oids = count(_FIRST_USER_OID)
        self._relations: dict[str, Relation] = {}
        self._types = [
            Type(_ARRAY_OF_TEXTS if name == "_text" else number, "pg_catalog", name)
            for number, name in enumerate(_BASE_TYPES.split(), 16)
        ]
        self._functions = [
            _built_in(line) for part in BUILT_INS.split("\n") for line in part.split(";") if line.strip()
        ]
        self._operators: list[Operator] = []

    def table(
        self,
        name: str,
        *columns: str,
        kind: str = "r",
        definition: str = "",
        rules: bool = False,
        parents: Iterable[str] = (),
    ) -> "CatalogueBuilder":
        """A relation "schema.name" with columns "name type", or "name type = expression" where generated."""
        oid = next(self._oids)
        schema, relname = name.split(".")
        numbers = {}
        for number, written in enumerate(columns, 1):
            column, _, rest = written.partition(" ")
            kind_of_value, _, expression = rest.partition(" = ")
            known = self._type(kind_of_value or "text")
            is_exact = (known.schema, known.name) in _EXACT
            numbers[number] = Column(
                oid, column, f"{name}.{column}", known.oid, bool(expression), expression, is_exact
            )
        self._relations[name] = Relation(
            oid,
            schema,
            relname,
            kind,
            tuple(numbers.values()),
            numbers,
            definition,
            rules,
            tuple(self._relations[parent].oid for parent in parents),
        )
        self._types.append(Type(next(self._oids), schema, relname, oid))
        return self

    def view(self, name: str, columns: str, definition: str, *, kind: str = "v") -> "CatalogueBuilder":
        return self.table(name, *columns.split(), kind=kind, definition=definition)

    def function(
        self,
        name: str,
        fewest: int = 0,
        most: int | None = None,
        *,
        language: str = "plpgsql",
        volatility: str = "v",
        extension: str = "",
        outputs: Sequence[str] | None = None,
        row: str = "",
    ) -> "CatalogueBuilder":
        """A user's function "schema.name"; `row`: the relation whose row it returns."""
        schema, proname = name.split(".")
        self._functions.append(
            Function(
                schema,
                proname,
                False,
                volatility,
                language,
                extension,
                fewest,
                fewest if most is None else most,
                tuple(outputs) if outputs is not None else None,
                self._relations[row].oid if row else 0,
            )
        )
        return self

    def type(self, name: str, *, runs: str = "", casts: bool = False) -> "CatalogueBuilder":
        schema, typname = name.split(".")
        self._types.append(Type(next(self._oids), schema, typname, 0, runs, casts))
        return self

    def cascade(self, name: str, other: str, event: str = "delete") -> "CatalogueBuilder":
        """A foreign key of `other` passes deletions of `name`'s rows on, or updates."""
        passed = Cascade(event, self._relations[other].oid, event)
        relation = self._relations[name]
        self._relations[name] = replace(relation, cascades=(*relation.cascades, passed))
        return self

    def calls(self, name: str, moment: str, function: str) -> "CatalogueBuilder":
        """A relation calls a function of itself: see `catalogue.Call`."""
        called = next(f for f in self._functions if f.qualified == function)
        relation = self._relations[name]
        self._relations[name] = replace(relation, calls=(*relation.calls, Call(moment, called)))
        return self

    def operator(self, name: str, function: str, *, takes_text: bool = True) -> "CatalogueBuilder":
        schema, symbol = name.split(".", 1)
        called = next(f for f in self._functions if f.qualified == function)
        self._operators.append(Operator(schema, symbol, called, takes_text))
        return self

    def build(self, server: int = 15, version: str = "hand-made") -> Catalogue:
        return Catalogue(
            version=version,
            server=server,
            database="sample",
            schemas=("pg_catalog", "public", "vault", "archive"),
            relations=self._relations.values(),
            functions=self._functions,
            types=self._types,
            operators=self._operators,
            see_through=see_through,
        )

    def oid(self, relation: str) -> int:
        return self._relations[relation].oid

    def _type(self, name: str) -> Type:
        return next(known for known in self._types if known.name == name)


def _built_in(line: str) -> Function:
    name, volatility, fewest, most, *outputs = line.split()
    return Function(
        "pg_catalog",
        name,
        True,
        volatility,
        "internal",
        "",
        int(fewest),
        None if most == "*" else int(most),
        tuple(outputs[0].split(",")) if outputs else None,
        0,
        name in _POLYMORPHIC,
    )


def sample_builder() -> CatalogueBuilder:
    """The sample database, what tests/corpus/facts.sql adds, and a few of the system's relations."""
    builder = CatalogueBuilder()
    builder.type("public.order_status").type("public.short")
    builder.type("public.even", runs="has a check that calls a function of a user's")
    builder.table(
        "public.customers",
        "id int4",
        "name",
        "email",
        "phone",
        "card",
        "ssn",
        "birthday date",
        "profile jsonb",
        "tags _text",
        "created_at timestamptz",
    )
    builder.table(
        "public.orders", "id int4", "customer_id int4", "status order_status", "note", "placed_at timestamptz"
    )
    builder.table(
        "public.order_items", "order_id int4", "line int4", "product", "quantity int4", "price numeric"
    )
    builder.cascade("public.orders", "public.order_items")
    builder.table("public.payments", "id int4", "customer_id int4", "card", "paid_at date", kind="p")
    for year in (2025, 2026):
        builder.table(
            f"public.payments_{year}",
            "id int4",
            "customer_id int4",
            "card",
            "paid_at date",
            parents=["public.payments"],
        )
    builder.table("public.people", "name", "ssn")
    builder.table("public.staff", "name", "ssn", "badge int4", parents=["public.people"])
    builder.table("vault.secrets", "id int4", "value")
    builder.table("archive.orders", "id int4", "total int4")
    builder.table("public.ledger", "id int4", "amount numeric", rules=True)
    builder.table("public.profiles", "id int4", "card", "hint text = '*'::text || substr(card, 13)")
    builder.table("public.contact", "email", "phone", kind="c")
    builder.table("public.branches", "id int4", "who contact")
    builder.table("public.remote_orders", "id int4", "card", kind="f")
    builder.table("public.invoice_number", "last_value int8", "log_cnt int8", "is_called bool", kind="S")
    builder.function("public.email_of", 1, language="sql", volatility="s").function("public.forget", 1)
    builder.function("public.ship", 1, language="sql").function("public.note_change")
    builder.function("public.is_even", 1, volatility="i").function("public.alike", 2, volatility="i")
    builder.function("public.initcap", 1, language="sql").function("public.dblink", 2)
    builder.function("public.pairs", language="sql", outputs=["a", "b"])
    builder.function("public.people_like", 1, language="sql", row="public.customers")
    builder.operator("public.~~~", "public.alike")
    _add_views(builder)
    _add_system(builder)
    return builder


def _add_views(builder: CatalogueBuilder) -> None:
    builder.view(
        "public.contacts",
        "id name address phone",
        "select id, name, email as address, phone from public.customers",
    )
    builder.view("public.contact_names", "id name", "select id, upper(name) as name from public.contacts")
    builder.view(
        "public.card_holders",
        "id name payment",
        "select c.id, c.name, 'card '::text || c.card as payment "
        "from public.customers c where c.card is not null",
    )
    builder.view(
        "public.customer_orders",
        "id email orders",
        "select c.id, c.email, count(o.id) as orders from public.customers c "
        "left join public.orders o on o.customer_id = c.id group by c.id",
        kind="m",
    )
    builder.view("public.open_secrets", "id value", "select id, value from vault.secrets")
    builder.view(
        "public.mail_of_all", "id address", "select id, public.email_of(id) as address from public.customers"
    )
    builder.view("public.busy", "nothing id", "select pg_sleep(0)::text as nothing, id from public.orders")
    builder.view("public.remote", "id card", "select id, card from public.remote_orders")


def _add_system(builder: CatalogueBuilder) -> None:
    builder.table("pg_catalog.pg_class", "oid int4", "relname", "relkind")
    builder.table("pg_catalog.pg_authid", "oid int4", "rolname", "rolpassword")
    builder.table("pg_catalog.pg_statistic", "starelid int4", "stadistinct", "stavalues1")
    builder.table("pg_catalog.pg_largeobject", "loid int4", "data bytea")
    builder.table("pg_catalog.pg_attribute", "attrelid int4", "attname", "attmissingval")
    builder.table("pg_catalog.pg_user_mapping", "oid int4", "umoptions _text")
    builder.view(
        "pg_catalog.pg_roles", "rolname rolpassword", "select rolname, '********'::text from pg_authid"
    )
    builder.view("pg_catalog.pg_shadow", "usename passwd", "select rolname, rolpassword from pg_authid")
    builder.view(
        "pg_catalog.pg_stats",
        "tablename n_distinct most_common_vals",
        "select c.relname, s.stadistinct, s.stavalues1 "
        "from pg_statistic s join pg_class c on c.oid = s.starelid",
    )
    builder.view(
        "pg_catalog.pg_stat_activity",
        "pid query",
        "select s.pid, s.query from pg_stat_get_activity(null::int4) s(pid, query)",
    )
    builder.view("pg_catalog.pg_user_mappings", "umoptions", "select umoptions from pg_user_mapping")
    builder.view("information_schema.tables", "table_name", "select relname as table_name from pg_class")


def sample_catalogue(server: int = 15) -> Catalogue:
    return sample_builder().build(server)
