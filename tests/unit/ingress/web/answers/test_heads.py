import pytest

from ingress.web.answers.counting import Counts
from ingress.web.answers.heads import location, masked_fields
from ingress.web.answers.texts import Texts


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (b"/v1/a?b=c", b"/shop/v1/a?b=c"),
        (b"https://api.test/v1/a", b"/shop/v1/a"),
        (b"HTTPS://API.test", b"/shop/"),
        (b"b", b"b"),
        (b"?b", b"?b"),
        (b"https://elsewhere.test/a", b"https://elsewhere.test/a"),
        (b"https://api.test:444/a", b"https://api.test:444/a"),
        (b"//elsewhere.test/a", None),
        (b"javascript:alert(1)", None),
        (b"\xff", None),
    ],
)
def test_where_a_client_is_sent(value: bytes, place: bytes | None) -> None:
    assert location(value, "https://api.test", "/shop") == place


def test_what_of_a_head_leaves() -> None:
    texts = Texts(("email",), (b"the-secret",), Counts())
    fields = (
        (b"content-type", b"text/plain"),
        (b"x-note", b"jane@b.cc knows the-secret"),
        (b"set-cookie", b"a=b"),
        (b"connection", b"keep-alive, X-Hop"),
        (b"x-hop", b"1"),
        (b"content-digest", b"sha-256=:x:"),
        (b"etag", b'"1"'),
    )
    assert masked_fields(fields, texts) == [
        (b"content-type", b"text/plain"),
        (b"x-note", b"j***@b.cc knows **********"),
        (b"etag", b'"1"'),
    ]
