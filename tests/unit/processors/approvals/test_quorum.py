from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.approvals.quorum import has_quorum

BOTH = ("dba", "security")


@pytest.mark.parametrize(
    ("approvals", "all_of", "persons", "enough"),
    [
        (1, (), {"dana": ["dba"]}, True),
        (2, (), {"dana": ["dba"]}, False),
        (2, (), {"dana": ["dba"], "DANA": ["dba"]}, False),
        (2, BOTH, {"dana": ["dba"], "sam": ["security"]}, True),
        (2, BOTH, {"dana": ["dba"], "erin": ["dba"]}, False),
        (2, BOTH, {"dana": [*BOTH]}, False),
        (2, BOTH, {"dana": [*BOTH], "erin": ["dba"]}, True),
        (2, BOTH, {"dana": [*BOTH], "erin": []}, False),
        (3, BOTH, {"dana": ["dba"], "sam": ["security"]}, False),
        (3, BOTH, {"dana": ["dba"], "sam": ["security"], "erin": ["dba"]}, True),
    ],
)
def test_it_counts_persons_and_each_group_has_one_of_its_own(
    approvals: int, all_of: tuple[str, ...], persons: dict[str, list[str]], enough: bool
) -> None:
    assert has_quorum(approvals, all_of, persons) is enough


@given(
    st.lists(st.sampled_from("abc"), unique=True, max_size=3),
    st.dictionaries(st.sampled_from("vwxyz"), st.sets(st.sampled_from("abc"))),
)
def test_as_by_trying_every_way(all_of: list[str], persons: dict[str, set[str]]) -> None:
    by_trying = any(
        all(group in persons[person] for group, person in zip(all_of, people, strict=True))
        for people in permutations(persons, len(all_of))
    )
    assert has_quorum(0, all_of, persons) is by_trying
