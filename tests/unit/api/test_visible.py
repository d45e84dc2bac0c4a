"""Nothing that a terminal or a browser would act on, or not show, gets through."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.visible import is_odd, on_one_line, pieces, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("select 1", "select 1"),
        ("Grüße, 世界 ✓", "Grüße, 世界 ✓"),
        ("\x1b[2J", "<U+001B>[2J"),
        ("\x1b]0;title\x07", "<U+001B>]0;title<U+0007>"),
        ("a\rb", "a<U+000D>b"),
        ("a\r\nb", "a\nb"),
        ("a\x9bb", "a<U+009B>b"),
        ("'paid \u202e}; --'", "'paid <U+202E>}; --'"),
        ("ad\u200bmin", "ad<U+200B>min"),
        ("no\u00a0break", "no<U+00A0>break"),
        ("tag\U000e0041", "tag<U+E0041>"),
        ("x\ufe0f", "x<U+FE0F>"),
        ("\u3164", "<U+3164>"),
        ("\ud800", "<U+D800>"),
        ("\0", "<U+0000>"),
    ],
)
def test_odd_characters_are_named(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_piece_says_what_it_stands_for() -> None:
    [_, odd, _] = pieces("a\u202eb")

    assert odd.text == "U+202E"
    assert odd.name == "RIGHT-TO-LEFT OVERRIDE"


@given(st.text())
def test_what_is_left_is_harmless(text: str) -> None:
    for character in visible(text):
        assert character in "\n\t" or not is_odd(character)
        assert character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(st.text(), st.integers(1, 40))
def test_one_line_is_one_line_and_marks_what_it_leaves_out(text: str, most: int) -> None:
    line = on_one_line(text, most)

    assert "\n" not in line
    assert len(line) <= most
    if len(visible(" ".join(text.split()))) > most:
        assert line.endswith("…")
