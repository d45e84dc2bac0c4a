"""The words are values: frozen, comparable, and strict ones first where an order is promised."""

import dataclasses
import inspect

import pytest

from schemas import vocabulary
from schemas.vocabulary import Verdict

WORDS = [
    word
    for _, word in inspect.getmembers(vocabulary, inspect.isclass)
    if word.__module__ == vocabulary.__name__ and dataclasses.is_dataclass(word)
]


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.__name__)
def test_a_word_is_a_frozen_value(word: type) -> None:
    assert word.__dataclass_params__.frozen  # type: ignore[attr-defined]  # typeshed does not know it
    assert "__slots__" in vars(word)


def test_verdicts_are_ordered_from_the_mildest_to_the_strictest() -> None:
    assert list(Verdict) == [Verdict.ALLOW, Verdict.REVIEW, Verdict.DENY]
