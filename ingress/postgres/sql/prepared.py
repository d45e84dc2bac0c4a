"""PREPARE and EXECUTE, cursors, and EXPLAIN: statements that hold or name another."""

from dataclasses import replace

from pglast import parser

from ingress.postgres.sql.columns import CLEAN, UNPROVEN, Constant, Field, Row, Value, row_of
from ingress.postgres.sql.expressions import value_of
from ingress.postgres.sql.queries import outermost
from ingress.postgres.sql.reading import ANYTHING, NOTHING, Cursor, Reading, aside, is_option
from ingress.postgres.sql.tree import Node, Unparsable, kind_of, parse
from ingress.postgres.sql.type_names import check_type
from schemas.vocabulary import Intent


def read_explain(node: Node, reading: Reading) -> Row:
    """EXPLAIN plans; with ANALYZE it runs. To plan is to run what does not change anything, so a doubt stays.

    A plan shows constants of the text and counts, no values of columns; but how many rows it counts on tells
    of them. With constants that are sensitive it is masked.
    """
    findings = reading.findings
    findings.intents.add(Intent.READ)
    if any(_is_on(option["DefElem"]) for option in node.get("options", ()) if is_option(option, "analyze")):
        kind, inner = kind_of(node["query"])
        reading.describe(kind, inner, replace(reading))
    else:
        aside(
            node["query"],
            reading,
            frozenset({Intent.UNKNOWN, Intent.NETWORK, Intent.CREDENTIAL, Intent.PROBE}),
        )
    findings.statements.add("explain")
    plan = UNPROVEN if findings.unproven else CLEAN
    if findings.constants:
        # It would show, and the recording keep, what the text says of a sensitive column.
        plan = Value(frozenset(one for one in findings.touched if findings.is_sensitive(one)), plan.proven)
    return row_of([Field("QUERY PLAN", plan)])


def _is_on(option: Node) -> bool:
    """Whether a boolean option is on, or not certainly off (define.c, defGetBoolean)."""
    arg = option.get("arg")
    if arg is None:
        return True
    kind, node = kind_of(arg)
    value = node.get("sval", "") if kind == "String" else node.get("ival", node.get("boolval", 0))
    return str(value).lower() not in ("false", "off", "0")


def read_prepare(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    aside(node["query"], reading, frozenset())
    for type in node.get("argtypes", ()):
        check_type(type["TypeName"], outermost(findings))  # EXECUTE makes values of it
    findings.statements.add("prepare")
    findings.intents.add(Intent.SESSION)
    reading.prepares = (node["name"], _text_after("AS", reading.text))
    return NOTHING


def _text_after(keyword: str, text: str) -> str:
    """What follows the first AS of PREPARE, or the first FOR of DECLARE: the query."""
    for token in parser.scan(text):
        if token.name == keyword:
            return text[token.end + 1 :].strip()
    raise Unparsable(f"{keyword} was not found in the statement", 1)


def read_execute(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    scope = outermost(findings)
    values = [value_of(argument, scope) for argument in node.get("params", ())]
    name = node["name"]
    text = reading.prepared.get(name)
    findings.statements.add("execute")
    findings.executes.add(name)
    if text is None:
        findings.doubt(f"prepared statement {name} is not known")
        findings.intents.add(Intent.WRITE)  # it may, and give back under a column's name what it wrote
        return ANYTHING
    row, constants = _other_text(text, reading)
    secret = {constant.parameter for constant in constants}
    for number, value in enumerate(values, 1):
        if number in secret or findings.unproven:
            findings.constants |= {source for source in value.sources if isinstance(source, Constant)}
    return row


_DEEPEST = 10


def _other_text(text: str, reading: Reading) -> tuple[Row, set[Constant]]:
    """Reads a text that this statement runs; its constants stand elsewhere, so they are given back."""
    findings = reading.findings
    if reading.depth >= _DEEPEST:
        raise Unparsable("prepared statements execute each other too deeply", 1)
    own, findings.constants = findings.constants, set()
    secret = findings.secret_text
    try:
        sources = parse(text)
    except Unparsable as error:
        findings.doubt(f"what was prepared is not understood: {error.message}")
        sources = []
    row = ANYTHING
    for source in sources:
        inner = Reading(
            findings, reading.prepared, reading.cursors, source.text, reading.describe, reading.depth + 1
        )
        row = reading.describe(source.kind, source.node, inner)
        if (inner.prepares, inner.deallocates, inner.declares, inner.closes) != (None,) * 4:
            findings.doubt("what was prepared prepares or declares something itself")
    if len(sources) != 1:
        findings.doubt("what was prepared is not one statement")
    found, findings.constants = findings.constants, own
    findings.secret_text = secret
    return _without_constants(row), found


def _without_constants(row: Row) -> Row:
    """The row of another text: where its constants stand means nothing here."""

    def plain(value: Value) -> Value:
        return Value(frozenset(s for s in value.sources if not isinstance(s, Constant)), value.proven)

    fields = [Field(f.name, plain(f.value)) for f in row.fields]
    return row_of(fields, rest=plain(row.rest) if row.rest is not None else None)


def read_deallocate(node: Node, reading: Reading) -> Row:
    reading.findings.statements.add("deallocate")
    reading.findings.intents.add(Intent.SESSION)
    reading.deallocates = node.get("name", "")
    return NOTHING


def read_declare(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    kind, inner = kind_of(node["query"])
    reading.describe(kind, inner, reading)
    findings.statements.add("declare")
    query = _text_after("FOR", reading.text)
    reading.declares = (node["portalname"], Cursor(query, findings.search_path, findings.held))
    return NOTHING


def read_fetch(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    moves = "ismove" in node
    findings.statements.add("move" if moves else "fetch")
    name = node.get("portalname", "")
    reading.fetches = name
    cursor = reading.cursors.get(name)
    if cursor is None:
        findings.doubt(f"cursor {name} is not known")
        return NOTHING if moves else ANYTHING
    # Its names were resolved when it was declared, and so were its tokens.
    path, findings.search_path, findings.held = findings.search_path, cursor.search_path, cursor.held
    row, _ = _other_text(cursor.query, reading)
    findings.search_path, findings.held = path, None
    findings.compared.clear()
    return NOTHING if moves else row


def read_close(node: Node, reading: Reading) -> Row:
    reading.findings.statements.add("close")
    reading.findings.intents.add(Intent.SESSION)
    reading.closes = node.get("portalname", "")
    return NOTHING
