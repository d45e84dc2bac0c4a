"""Tables for people, arrays for scripts."""

import json

from hypothesis import given
from hypothesis import strategies as st

from api.cli.output import array, table


def test_columns_stand_one_below_the_other() -> None:
    assert list(table(["id", "name"], [["1", "dana"], ["22", None]])) == [
        " id | name",
        "----+------",
        " 1  | dana",
        " 22 | NULL",
    ]


def test_without_a_heading_and_without_rows() -> None:
    assert list(table(["id"], [["1"]], heading=False)) == [" 1"]
    assert list(table(["id"], [])) == [" id", "----"]
    assert list(table([], [])) == []


def test_a_cell_is_on_one_line_and_harmless() -> None:
    assert list(table(["a"], [["x\ny\x1b[2J"]], heading=False)) == [" x\\ny<U+001B>[2J"]


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none())))
def test_an_array_is_json_whatever_is_in_it(items: list[dict[str, object]]) -> None:
    assert json.loads("".join(array(items))) == items
