import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.web.paths import pairs, parse_target, readings
from ingress.web.strict import BadRequest


@pytest.mark.parametrize(
    ("target", "normal"),
    [
        ("/", "/"),
        ("/v1/customers", "/v1/customers"),
        ("/v1/customers/", "/v1/customers/"),
        ("/%61/b%2dc", "/a/b-c"),
        ("/a%c3%a9", "/a%C3%A9"),
        ("/jane@example.com", "/jane@example.com"),
        ("/a?x=/../b&y=%2F", "/a?x=/../b&y=%2F"),
        ("/a?", "/a?"),
        ("/report.csv", "/report.csv"),
    ],
)
def test_the_normal_form(target: str, normal: str) -> None:
    assert str(parse_target(target)) == normal


@given(st.text(st.sampled_from("/.%2eEfF5cC;\\ab?#u0\u2025\uff0f"), max_size=20))
def test_what_is_let_through_has_no_other_reading(tail: str) -> None:
    try:
        found = parse_target("/" + tail)
    except BadRequest:
        return
    assert str(parse_target(str(found))) == str(found), "the normal form is its own"
    for path in readings(found.path):
        assert not any(character in path for character in "\\;%")
        assert "//" not in path
        assert not {".", ".."}.intersection(path.split("/"))


@given(st.text(st.sampled_from("/.%2eEfF5cC;\\ab?#u0\u2025\uff0f"), max_size=20))
def test_an_encoded_slash_that_is_kept_hides_nothing(tail: str) -> None:
    try:
        found = parse_target("/" + tail, keeps_slashes=True)
    except BadRequest:
        return
    assert str(parse_target(str(found), keeps_slashes=True)) == str(found)
    for path in readings(found.path):
        assert not any(character in path.replace("%2F", "") for character in "\\;%")
        for divided in (path, path.replace("%2F", "/")):
            assert "//" not in divided
            assert not {".", ".."}.intersection(divided.split("/"))


@pytest.mark.parametrize(
    "target", ["/a%2F", "/%2Fa", "/a%2F%2Fb", "/a%2F..%2Fb", "/a%2F/b", "/a%2F.", "/a%252Fb"]
)
def test_an_encoded_slash_divides_segments(target: str) -> None:
    with pytest.raises(BadRequest):
        parse_target(target, keeps_slashes=True)


def test_an_encoded_slash_is_read_both_ways() -> None:
    found = parse_target("/projects/group%2fproject%20x", keeps_slashes=True)
    assert str(found) == "/projects/group%2Fproject%20x"
    assert readings(found.path) == ("/projects/group%2Fproject x", "/projects/group/project x")
    with pytest.raises(BadRequest):
        parse_target("/projects/group%2fproject")


def test_a_slash_at_the_end_is_read_both_ways() -> None:
    assert readings("/admin/") == ("/admin/", "/admin")
    assert readings("/") == ("/",)


def test_a_query_is_split_as_any_target_may() -> None:
    assert pairs("a=1&b=%40;c+d=e=f&g") == (("a", "1"), ("b", "@"), ("c d", "e=f"), ("g", ""))
