from typing import Any

import pytest

from infra.amounts import Amounts, Rate, parse_amounts


@pytest.mark.parametrize(
    ("value", "amounts"),
    [
        (5, Amounts(5)),
        ("500/h", Amounts(None, (Rate(500, 3600),))),
        ("10 / 15min", Amounts(None, (Rate(10, 900),))),
        ("1/m", Amounts(None, (Rate(1, 60),))),
        ([3, "4/s", "5/2d"], Amounts(3, (Rate(4, 1), Rate(5, 172800)))),
    ],
)
def test_amounts(value: Any, amounts: Amounts) -> None:
    assert parse_amounts(value) == amounts
    assert parse_amounts(amounts) == amounts


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "", "5", "0/h", "5/0h", "5/y", [], [1, 2], [[1]]])
def test_what_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a whole number above 0"):
        parse_amounts(value)
