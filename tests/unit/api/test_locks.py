import pytest
from support.reviews import requested

from api.locks import _LOCKS, locks_of
from ingress.postgres.facts import STATEMENTS
from schemas.vocabulary import Facts, Intent


def test_all_are_statements_that_facts_have() -> None:
    assert set(_LOCKS) <= STATEMENTS


@pytest.mark.parametrize(
    ("statements", "modes"),
    [
        (("select",), []),
        (("delete",), ["ROW EXCLUSIVE"]),
        (("delete", "insert"), ["ROW EXCLUSIVE"]),
        (("create_index",), ["SHARE"]),
        (("alter_table", "update"), ["ACCESS EXCLUSIVE", "ROW EXCLUSIVE"]),
    ],
)
def test_the_strongest_of_each_kind(statements: tuple[str, ...], modes: list[str]) -> None:
    facts = Facts((Intent.WRITE,), statements)
    found = [sentence.text for sentence in locks_of(requested(facts=facts))]
    assert [text.partition(":")[0].removesuffix(" and the rows it changes") for text in found] == modes


def test_of_other_protocols_nothing_is_said() -> None:
    assert locks_of(requested(protocol="http")) == ()
