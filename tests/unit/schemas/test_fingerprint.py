from dataclasses import fields, replace
from typing import Any

import pytest

from schemas.fingerprint import pattern_fingerprint
from schemas.vocabulary import ContextItem, Facts, Intent, Output

FACTS = Facts((Intent.WRITE,), ("delete",), ("public.orders",), ("public.orders.id",))
CONTEXT = (ContextItem("role", "app"), ContextItem("search_path", "public"))
FIRST = pattern_fingerprint("delete from orders where id = \0", FACTS, CONTEXT)
OF_THE_ANSWER = {"outputs", "outputs_known"}


def test_it_is_the_same_in_any_order_of_the_context() -> None:
    assert pattern_fingerprint("delete from orders where id = \0", FACTS, CONTEXT[::-1]) == FIRST
    assert len(FIRST) == 64


@pytest.mark.parametrize("name", [field.name for field in fields(Facts) if field.name not in OF_THE_ANSWER])
def test_it_is_another_for_what_does_something_else(name: str) -> None:
    """Every fact counts: a value in the text may be the name of a file or a function."""
    changed: dict[str, Any] = {name: (*getattr(FACTS, name), "unknown")}
    other = replace(FACTS, **changed)
    assert pattern_fingerprint("delete from orders where id = \0", other, CONTEXT) != FIRST


def test_what_comes_back_says_nothing_about_what_it_does() -> None:
    other = replace(FACTS, outputs=(Output("id", (), True),), outputs_known=True)
    assert pattern_fingerprint("delete from orders where id = \0", other, CONTEXT) == FIRST


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("delete from orders where id = ‹value›", CONTEXT),
        ("delete from orders where id > \0", CONTEXT),
        ("delete from orders where id = \0", (*CONTEXT, ContextItem("settings", ""))),
        ("delete from orders where id = \0", (ContextItem("role", "admin"), CONTEXT[1])),
    ],
)
def test_it_is_another_for_another_text_or_meaning(text: str, context: tuple[ContextItem, ...]) -> None:
    assert pattern_fingerprint(text, FACTS, context) != FIRST


def test_what_stands_beside_each_other_is_not_run_together() -> None:
    first = replace(FACTS, tables=("a", "b"), columns=())
    second = replace(FACTS, tables=("a",), columns=("b",))
    assert pattern_fingerprint("x", first, ()) != pattern_fingerprint("x", second, ())
