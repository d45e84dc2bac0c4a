"""What a rule asks for and nobody can keep for a request: it does not run."""

import pytest

from ingress.web.limits import unkept
from schemas.vocabulary import LimitSource, Obligations


@pytest.mark.parametrize(
    ("obligations", "rule", "said"),
    [
        (Obligations(cost=1000.0, limited_by=(LimitSource("cost", "cheap"),)), "cheap", "no cost"),
        (
            Obligations(read_only=True, limited_by=(LimitSource("read_only", "looking"),)),
            "looking",
            "may change",
        ),
        (
            Obligations(block=("iban",), limited_by=(LimitSource("block:iban", "no accounts"),)),
            "no accounts",
            "not looked into",
        ),
    ],
)
def test_it_is_refused_and_names_the_rule(obligations: Obligations, rule: str, said: str) -> None:
    refused = unkept(obligations, may_change=True)
    assert refused is not None
    assert said in refused.message
    assert refused.rule == rule


def test_what_can_be_kept_lets_it_run() -> None:
    assert unkept(Obligations(rows=1, bytes=1), may_change=True) is None
    assert unkept(Obligations(read_only=True), may_change=False) is None
