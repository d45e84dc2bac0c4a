import pytest

from ingress.postgres.sql.pattern import LONGEST, shape_of


@pytest.mark.parametrize(
    ("text", "whole", "shown"),
    [
        (
            "delete  from orders\n where id = 7 -- reason: x",
            "delete from orders where id = 7",
            "delete from orders where id = ‹value›",
        ),
        ("/* a */ select/**/1", "select 1", "select ‹value›"),
        (
            "select 'a''b', E'\\'c', U&'d', $$e -- $$, 1.5e3, B'1', X'F'",
            None,
            "select " + ", ".join(["‹value›"] * 7),
        ),
        ("select a from b where c = -1 and d = $1", None, "select a from b where c = -‹value› and d = $1"),
        ('select "‹value›" from ä', None, 'select "‹value›" from ä'),
    ],
)
def test_a_text_without_comments_and_values(text: str, whole: str | None, shown: str) -> None:
    shape = shape_of(text)
    assert shape is not None
    assert shape.shown == shown
    if whole is not None:
        assert shape.whole == whole


def test_a_name_is_never_taken_for_a_value() -> None:
    first, second = shape_of("select 1"), shape_of("select ‹value›")
    assert first is not None
    assert second is not None
    assert first.shown == second.shown
    assert first.exact != second.exact


def test_nothing_moves_together_or_apart() -> None:
    texts = ["select 1", "select1", "select - -1", "select --1", "select a b", "select ab"]
    shapes = [shape_of(text) for text in texts]
    assert len({shape.exact for shape in shapes if shape is not None}) == len(texts)


def test_a_long_text_has_none() -> None:
    assert shape_of("select " + "1 + " * LONGEST + "1") is None
