"""Trigger functions so simple that what they do is proven: they compute values of their row, no more.

`new.changed_at := now(); return new;` is what most triggers are. A body is read word by word, with the
scanner of SQL that PL/pgSQL uses, too. Every statement must be one of a few that reach nothing beyond the
row, no query may stand in an expression, and each function, operator and type must be known for what it does.
"""

from typing import NamedTuple

from pglast import parser

from ingress.postgres.catalogue_items import Function
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.functions import NO_EFFECT, effect_of
from ingress.postgres.sql.words import words


class _Word(NamedTuple):
    name: str  # of the token in the grammar
    kind: str  # which kind of keyword it is
    text: str  # in lower case, but what is quoted


# What a statement may begin with ("Basic Statements", "Control Structures"). NEW and OLD: an assignment.
_BEGINNINGS = words("new old if elsif elseif else end return raise null begin")
# After these another statement begins.
_OPENERS = words("begin then else")
_QUERIES = words("select values table with execute perform into from using")
_MOST_WORDS = 2000


def is_confined(function: Function, findings: Findings) -> bool:
    """Whether a trigger's function is proven to do nothing but compute values of the row."""
    if function.built_in:
        return effect_of(function) == NO_EFFECT
    if not function.text:
        return False
    found = _words_of(function.text)
    return found is not None and _beginnings_are_known(found) and _expressions_are_known(found, findings)


def _words_of(text: str) -> list[_Word] | None:
    try:
        tokens = parser.scan(text)
    except parser.ParseError:  # what cannot be read is not proven
        return None
    found = [
        _Word(token.name, token.kind, _folded(text[token.start : token.end + 1]))
        for token in tokens
        if token.name not in ("SQL_COMMENT", "C_COMMENT")
    ]
    return found if 0 < len(found) <= _MOST_WORDS else None


def _folded(word: str) -> str:
    return word if word.startswith('"') else word.lower()


def _beginnings_are_known(found: list[_Word]) -> bool:
    begins = True
    for word in found:
        if begins and word.text not in _BEGINNINGS:
            return False
        begins = word.text in _OPENERS or word.text == ";"
    return True


def _expressions_are_known(found: list[_Word], findings: Findings) -> bool:
    nothing = _Word("", "", "")
    padded = [nothing, nothing, *found, nothing, nothing, nothing]
    for at in range(2, len(padded) - 3):
        before, word, after = padded[at - 1 : at + 2]
        if word.name in ("UIDENT", "USCONST"):
            return False
        if word.text in _QUERIES and not (word.text == "from" and before.text == "distinct"):
            return False
        if word.name == "TYPECAST" and not _type_is_known(padded[at + 1 : at + 4], findings):
            return False
        if after.text == "(" and _can_be_a_function(word):
            schema = padded[at - 2].text if before.text == "." else ""
            if not _call_is_known(schema, word.text, findings):
                return False
        if _is_operator(word) and findings.catalogue.find_operators("", word.text, findings.search_path):
            return False
    return True


def _can_be_a_function(word: _Word) -> bool:
    """Before a parenthesis. Words of other kinds are syntax there, such as COALESCE."""
    if word.text in _BEGINNINGS:
        return False
    return word.name == "IDENT" or word.kind in ("UNRESERVED_KEYWORD", "TYPE_FUNC_NAME_KEYWORD")


def _call_is_known(schema: str, name: str, findings: Findings) -> bool:
    functions = findings.catalogue.find_functions(_plain(schema), _plain(name), findings.search_path)
    return bool(functions) and all(effect_of(function) == NO_EFFECT for function in functions)


def _type_is_known(rest: list[_Word], findings: Findings) -> bool:
    schema, name = ("", rest[0]) if rest[1].text != "." else (rest[0].text, rest[2])
    if name.name != "IDENT":  # a keyword: one of PostgreSQL's own types
        return not schema
    found = findings.catalogue.find_type(_plain(schema), _plain(name.text), findings.search_path)
    return found is not None and not found.runs


def _is_operator(word: _Word) -> bool:
    return word.name == "Op" or word.name.startswith("ASCII_") or word.name.endswith("_EQUALS")


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
