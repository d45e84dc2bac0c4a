import pytest

from ingress.web.strict import MOST_FIELDS, BadRequest, parse_head

HEAD = b"GET /a HTTP/1.1\r\nHost: x\r\n"


def test_a_head_is_read_as_it_is_written() -> None:
    head = parse_head(
        b"POST /a?b=c HTTP/1.1\r\nHost: Example.test:80\r\nX-Y:  a b \r\nContent-Length: 5\r\n\r\n"
    )
    assert (head.method, head.target, head.host) == ("POST", "/a?b=c", "example.test")
    assert head.field(b"x-y") == b"a b"


@pytest.mark.parametrize(
    "fields",
    [
        b"X : y",
        b"X\t: y",
        b" X: y",
        b"X: a\r\n b",
        b"X: a\nY: b",
        b"X: a\rY: b",
        b"X: \0",
        b"X_Y: z",
        b"Host: y",
        b"Content-Length: 1, 1",
        b"Content-Length: +1",
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked",
        b"X-HTTP-Method-Override: DELETE",
        b"X-Original-URL: /b",
    ],
)
def test_what_could_be_read_in_two_ways(fields: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_head(HEAD + fields + b"\r\n\r\n")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Transfer-Encoding: gzip, chunked", 501),
        (b"Expect: more", 417),
        (b"\r\n".join(b"X: y" for _ in range(MOST_FIELDS + 1)), 431),
    ],
)
def test_what_is_not_served_says_so(fields: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_head(HEAD + fields + b"\r\n\r\n")
    assert caught.value.status == status
