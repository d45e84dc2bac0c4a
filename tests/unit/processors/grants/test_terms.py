from typing import Any

import pytest
from support.reviews import requested

from processors.grants.terms import agreed, strictest, why_not
from schemas.vocabulary import Access, Facts, GrantKind, GrantLimits, GrantTerms, Intent

PATTERN, SESSION, WINDOW = GrantKind.PATTERN, GrantKind.SESSION, GrantKind.WINDOW
ALL = GrantLimits((PATTERN, SESSION, WINDOW), 3600, 20)


def test_what_several_rules_permit_is_what_all_of_them_permit() -> None:
    other = GrantLimits((SESSION, PATTERN), 600, None)
    assert strictest([ALL, other]) == GrantLimits((PATTERN, SESSION), 600, 20)
    assert strictest([ALL, None]) is None
    assert strictest([GrantLimits((PATTERN,), 9), GrantLimits((SESSION,), 9)]) is None
    assert strictest([]) is None


def test_what_several_reviewers_grant_is_what_all_of_them_grant() -> None:
    first, second = GrantTerms(PATTERN, 600, 5), GrantTerms(PATTERN, 60, None)
    assert agreed([first]) == first
    assert agreed([first, second]) == GrantTerms(PATTERN, 60, 5)
    assert agreed([first, None]) is None
    assert agreed([first, GrantTerms(SESSION, 600)]) is None
    assert agreed([]) is None


@pytest.mark.parametrize(
    ("terms", "more", "why"),
    [
        (GrantTerms(PATTERN, 60, 1), {}, ""),
        (GrantTerms(PATTERN, 60, 1), {"grants": None}, "permits no grants"),
        (GrantTerms(WINDOW, 60, 1), {}, "only where one was asked for"),
        (GrantTerms(PATTERN, 60, 1), {"access": Access(60)}, "only where one was asked for"),
        (GrantTerms(SESSION, 60, 1), {"grants": GrantLimits((PATTERN,), 99)}, "no grants of kind session"),
        (GrantTerms(PATTERN, 3601, 1), {}, "at most 3600 seconds"),
        (GrantTerms(PATTERN, 0, 1), {}, "at most 3600 seconds"),
        (GrantTerms(PATTERN, float("nan"), 1), {}, "at most 3600 seconds"),
        (GrantTerms(PATTERN, 60, 0), {}, "at least one use"),
        (GrantTerms(PATTERN, 60, 21), {}, "at most 20 uses"),
        (GrantTerms(PATTERN, 60), {}, "at most 20 uses"),
        (GrantTerms(PATTERN, 60, 1), {"fingerprint": ""}, "has no pattern"),
        (GrantTerms(SESSION, 60, 1), {}, "nothing but read"),
        (GrantTerms(SESSION, 60, 1), {"facts": Facts((Intent.READ,))}, ""),
    ],
)
def test_what_may_be_granted_along_with_an_approval(terms: GrantTerms, more: Any, why: str) -> None:
    request = requested(**({"grants": ALL, "fingerprint": "f" * 64} | more))
    found = why_not(request, terms)
    assert why in found
    assert bool(found) == bool(why)
