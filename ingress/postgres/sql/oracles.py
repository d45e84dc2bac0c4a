"""What can be made of a masked value so that nothing tells of it but the result, which is masked.

Whatever compares, sorts or counts by a value, fails on some values, takes longer on some, or gives a row for
each part of one, makes a statement an oracle: its rows, their order and number, its errors and its time tell
of the value. So only what is listed here does not: what has one result, in little time, for every value.
(docs/decisions/0010-what-probes.md)
"""

from ingress.postgres.catalogue_items import Function
from ingress.postgres.sql.words import words

# None fails on any value, nor gives NULL but for NULL. So `encode` is not here (`encode('x', card)` fails on
# what is no name of a format), nor `overlay` (which fails from 0 on), nor `substring` (which may match).
_FUNCTIONS = words(
    """
    any_value array_agg array_append array_prepend array_to_json array_to_string ascii bit_length
    bpchar bpcharsend btrim char_length character_length concat concat_ws count first_value initcap
    json_agg json_agg_strict json_build_array json_build_object json_object_agg jsonb_agg
    jsonb_agg_strict jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_pretty lag
    last_value lead left length lower ltrim md5 name octet_length pg_typeof quote_ident
    quote_literal quote_nullable replace reverse right row_to_json rtrim sha224 sha256 sha384 sha512
    string_agg substr text textsend to_json to_jsonb translate upper varchar varcharsend xmlagg
    """
)
_OPERATORS = frozenset({"||"})
_TYPES = words("text varchar bpchar name char")
_KINDS = words("MinMaxExpr XmlExpr XmlSerialize JsonIsPredicate JsonFuncExpr JsonParseExpr")


def function_tells(function: Function) -> bool:
    """Whether calling the function tells of its arguments by more than its result."""
    return not (function.built_in and function.name in _FUNCTIONS)


def operator_tells(name: str) -> bool:
    """Likewise, of a built-in operator and its operands."""
    return name not in _OPERATORS


def cast_tells(type_: str) -> bool:
    """Likewise, of a cast to a built-in type: not every value can be a value of most types."""
    return type_ not in _TYPES


def kind_tells(kind: str) -> bool:
    """Likewise, of an expression of this kind of node, which is neither of the above."""
    return kind in _KINDS
