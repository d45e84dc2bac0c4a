"""What a COPY statement says about the form of its data."""

from dataclasses import dataclass, replace

from pglast import ast, parse_sql
from pglast.parser import ParseError

_TRUE = ("true", "on", "1")
_FALSE = ("false", "off", "0")
# What does not change how the data of COPY … TO is read back. FORCE_QUOTE quotes what need not be quoted.
_WITHOUT_MEANING = ("freeze", "force_quote")
_UTF8 = ("utf8", "utf-8", "unicode")


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """The form of COPY's data in text or CSV format (PostgreSQL documentation, COPY, "File Formats")."""

    is_csv: bool
    delimiter: bytes
    null: bytes
    quote: bytes = b'"'
    escape: bytes = b'"'
    header: bool = False


_TEXT = CopyOptions(is_csv=False, delimiter=b"\t", null=b"\\N")
_CSV = CopyOptions(is_csv=True, delimiter=b",", null=b"")


def copy_options(statement: str) -> CopyOptions | None:
    """The form of the data of one COPY … TO in text or CSV format.

    None for every other statement, for the binary format, and for an option that is not understood here:
    the data must then not be taken apart.
    """
    try:
        parsed = parse_sql(statement)
    except ParseError:
        return None
    if len(parsed) != 1 or not isinstance(parsed[0].stmt, ast.CopyStmt) or parsed[0].stmt.is_from:
        return None
    given = {option.defname: _value(option.arg) for option in parsed[0].stmt.options or ()}
    start = {"text": _TEXT, "csv": _CSV}.get(given.pop("format", "text"))
    return None if start is None else _with_given(start, given)


def _with_given(options: CopyOptions, given: dict[str, str]) -> CopyOptions | None:
    for name, value in given.items():
        if name in ("delimiter", "null", "quote", "escape"):
            options = replace(options, **{name: value.encode()})  # type: ignore[arg-type]  # all four are bytes
        elif name == "header" and value.lower() in _TRUE + _FALSE:
            options = replace(options, header=value.lower() in _TRUE)
        elif name not in _WITHOUT_MEANING and not (name == "encoding" and value.lower() in _UTF8):
            return None
    # "The default is the same as the QUOTE value."
    return replace(options, escape=options.quote) if "escape" not in given else options


def _value(node: object) -> str:
    """An option's argument as text; without one it is switched on."""
    match node:
        case None:
            return "true"
        case ast.Boolean():
            return "true" if node.boolval else "false"
        case ast.Integer():
            return str(node.ival)
        case ast.String():
            return str(node.sval)
        case _:
            return ""
