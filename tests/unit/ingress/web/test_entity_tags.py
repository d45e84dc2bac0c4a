"""Entity tags as the client gets them, and conditions with them."""

import pytest

from ingress.web.entity_tags import EntityTags

TAGS = EntityTags(b"a key", "shop")
NOTHING = b'"none-of-the-gateway"'


@pytest.mark.parametrize("tag", [b'"abc"', b'W/"abc"', b'""', b'"\xe9"', b'"' + b"a" * 500 + b'"'])
def test_a_tag_comes_back_as_it_was(tag: bytes) -> None:
    hidden = TAGS.hidden(tag, "/a")
    assert hidden is not None
    assert hidden.startswith(b"W/") == tag.startswith(b"W/")
    assert tag.strip(b'W/"') == b"" or tag.strip(b'W/"') not in hidden
    assert TAGS.hidden(tag, "/a") == hidden, "the same answer has the same tag"
    assert TAGS.restored((b"if-match", hidden), "/a") == (b"if-match", tag)


@pytest.mark.parametrize("value", [b"abc", b'w/"abc"', b'"a" "b"', b'"a\x7f"', b""])
def test_what_is_no_tag_does_not_leave(value: bytes) -> None:
    assert TAGS.hidden(value, "/a") is None


@pytest.mark.parametrize("guess", [b'"abc"', b'W/"abc"', b"abc", b'"YWJj"', b'"\xff"', b""])
def test_a_guess_is_of_no_answer(guess: bytes) -> None:
    assert TAGS.restored((b"if-none-match", guess), "/a")[1].removeprefix(b"W/") == NOTHING


def test_each_of_a_list_is_read() -> None:
    first, second = TAGS.hidden(b'"1"', "/a"), TAGS.hidden(b'W/"2"', "/a")
    assert first is not None
    assert second is not None
    value = b", ".join((first, b'"3"', second))
    assert TAGS.restored((b"if-none-match", value), "/a")[1] == b'"1", ' + NOTHING + b', W/"2"'
    assert TAGS.restored((b"if-match", b" * "), "/a") == (b"if-match", b" * ")


@pytest.mark.parametrize(
    ("other", "path"),
    [(TAGS, "/b"), (EntityTags(b"a key", "other"), "/a"), (EntityTags(b"another", "shop"), "/a")],
)
def test_answers_of_two_places_cannot_be_compared(other: EntityTags, path: str) -> None:
    hidden = TAGS.hidden(b'"1"', "/a")
    assert hidden is not None
    assert other.hidden(b'"1"', path) != hidden
    assert other.restored((b"if-match", hidden), path) == (b"if-match", NOTHING)
